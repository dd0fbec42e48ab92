//! Every error code has its page, every page a code, and no text names a code that does not exist.

use super::File;
use std::collections::BTreeSet;

const REGISTRY: &str = "crates/frontdesk/src/errors.rs";
const PAGES: &str = "docs/errors/";

/// Compares the registry with the pages and with every mention.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let Some(registry) = files.iter().find(|file| file.path == REGISTRY) else {
        return vec![format!("{REGISTRY} is missing")];
    };
    let codes: BTreeSet<String> = registry.text.lines().filter_map(declared).collect();
    let mut complaints = Vec::new();
    if codes.is_empty() {
        complaints.push(format!("{REGISTRY}: no codes were found; were they written in another way?"));
    }
    let pages: BTreeSet<String> = files
        .iter()
        .filter_map(|file| file.path.strip_prefix(PAGES)?.strip_suffix(".md"))
        .filter(|name| name.starts_with("FD"))
        .map(str::to_owned)
        .collect();
    for code in codes.difference(&pages) {
        complaints.push(format!("{REGISTRY}: {code} has no page {PAGES}{code}.md"));
    }
    for page in pages.difference(&codes) {
        complaints.push(format!("{PAGES}{page}.md: there is no such code"));
    }
    let index = files.iter().find(|file| file.path == format!("{PAGES}README.md"));
    for page in &pages {
        if !index.is_some_and(|index| index.text.contains(&format!("({page}.md)"))) {
            complaints.push(format!("{PAGES}README.md: does not list {page}"));
        }
    }
    for file in files.iter().filter(|file| file.has_ending(&["rs", "md", "toml", "html"])) {
        for code in mentioned(&file.text) {
            // FD0000 stands for any code.
            if code != "FD0000" && !codes.contains(code) {
                complaints.push(format!("{}: names {code}, which does not exist", file.path));
            }
        }
    }
    complaints
}

/// The code in a line of the registry such as `ConfigUnreadable = 1,`.
fn declared(line: &str) -> Option<String> {
    let (name, number) = line.trim().strip_suffix(',')?.split_once(" = ")?;
    let is_name = name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let number: u16 = number.parse().ok()?;
    is_name.then(|| format!("FD{number:04}"))
}

/// Every `FD` that is followed by four digits and no letter.
fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("FD").filter_map(|(at, _)| {
        let code = text.get(at..at + 6)?;
        let is_code = code[2..].bytes().all(|byte| byte.is_ascii_digit());
        let goes_on = text[at + 6..].starts_with(|next: char| next.is_ascii_alphanumeric());
        let began = text[..at].ends_with(|before: char| before.is_ascii_alphanumeric() || before == '-');
        (is_code && !goes_on && !began).then_some(code)
    })
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::check;

    fn tidy() -> Vec<super::File> {
        vec![
            file("crates/frontdesk/src/errors.rs", "codes! {\n    /// Doc.\n    Unreadable = 1,\n}\n"),
            file("docs/errors/FD0001.md", "# FD0001: x"),
            file("docs/errors/README.md", "[FD0001](FD0001.md)"),
        ]
    }

    #[test]
    fn codes_and_pages_belong_together() {
        assert_eq!(check(&tidy()), Vec::<String>::new());
        let mut files = tidy();
        files.remove(1);
        assert_eq!(check(&files).len(), 1, "a code without a page");
        files = tidy();
        files.push(file(&format!("docs/errors/FD{:04}.md", 2), ""));
        assert_eq!(check(&files).len(), 2, "a page without a code, and not listed");
    }

    #[test]
    fn a_mention_of_a_code_that_does_not_exist_is_untidy() {
        let mut files = tidy();
        files.push(file("docs/a.md", &format!("see FD0000 and FD{:04}, not FD12 nor SHA-FD99991", 9)));
        assert_eq!(check(&files).len(), 1);
    }
}
