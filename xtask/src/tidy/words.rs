//! Leftovers: notes to oneself, tests that do not run, paths of one machine, versions outside the workspace.

use super::File;

/// Words that mean "not done", in code. Written in halves, so that this file may hold them.
const LEFTOVERS: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("#[", "ignore"),
];

/// Beginnings of paths that exist on one machine alone.
const MACHINE_PATHS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("C:", "\\"),
];

/// Looks at every text that people write.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        if file.has_ending(&["rs", "sql", "html", "js", "css", "sh", "yml"]) {
            complaints.extend(find(file, &LEFTOVERS, "is left over"));
        }
        if file.has_ending(&["rs", "sql", "html", "js", "css", "sh", "md", "toml", "yml", "snap", "json"]) {
            complaints.extend(find(file, &MACHINE_PATHS, "is a path of one machine"));
        }
        if file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml") {
            complaints.extend(own_versions(file));
        }
    }
    complaints
}

fn find(file: &File, words: &[&str], what: &str) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let hits = lines
        .flat_map(|(n, line)| words.iter().filter(|word| line.contains(**word)).map(move |word| (n, word)));
    hits.map(|(n, word)| format!("{}:{}: `{word}` {what}", file.path, n + 1)).collect()
}

/// Versions stand in the workspace's `Cargo.toml` alone: a line of a crate that has one names a dependency twice.
fn own_versions(file: &File) -> Vec<String> {
    let is_version = |line: &str| {
        let value = line.split_once('=').map_or("", |(_, value)| value.trim());
        line.contains("version = \"")
            || (value.starts_with('"') && value[1..].starts_with(|first: char| first.is_ascii_digit()))
    };
    let lines = file.text.lines().enumerate().filter(|(_, line)| is_version(line));
    lines
        .map(|(n, _)| format!("{}:{}: versions belong into the workspace's Cargo.toml", file.path, n + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn leftovers_are_found_with_their_line() {
        let text = format!("fn a() {{}}\n// {}: later\n{}]\n", LEFTOVERS[0], LEFTOVERS[5]);
        let found = check(&[file("crates/a/src/lib.rs", &text), file("notes.txt", &text)]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("crates/a/src/lib.rs:2: "));
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        assert_eq!(check(&[file("docs/a.md", &format!("see {}ada/x", MACHINE_PATHS[0]))]).len(), 1);
    }

    #[test]
    fn a_crate_names_no_version() {
        let text =
            "[package]\nname = \"a\"\nversion.workspace = true\n[dependencies]\nserde.workspace = true\n";
        assert!(check(&[file("crates/a/Cargo.toml", text)]).is_empty());
        let text = "[dependencies]\nserde = \"1\"\nhttp = { version = \"1\" }\n";
        assert_eq!(check(&[file("crates/a/Cargo.toml", text)]).len(), 2);
    }
}
