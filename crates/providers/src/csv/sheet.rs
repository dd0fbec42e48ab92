//! Writing rows that a spreadsheet opens as they are meant.

/// One line of CSV with its line end, as RFC 4180 has it.
///
/// A cell that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`, a tab or a line end) gets a
/// leading `'`: names come from customers. What is read back loses it by [`unguarded`].
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.into_iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// Characters with which a formula begins.
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// A cell of such a line as it was meant, whether or not a spreadsheet kept its guard.
pub fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(cell)
}

fn cell(text: &str) -> String {
    let guard = if text.starts_with(FORMULA) { "'" } else { "" };
    if text.contains([',', '"', '\n', '\r', ';', '\t']) || guard == "'" {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guarded_is_read_back_as_it_was() {
        for text in ["-dash@example.com", "=1+1", "+49", "@here"] {
            let written = line([text]);
            let cell = written.trim_end().trim_matches('"');
            assert_eq!(cell, format!("'{text}"));
            assert_eq!(unguarded(cell), text);
            assert_eq!(unguarded(text), text, "a spreadsheet may have taken the guard off");
        }
        for text in ["ada@example.com", "'quoted@example.com", "'"] {
            assert_eq!(unguarded(text), text);
        }
    }
}
