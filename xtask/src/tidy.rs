//! What lints cannot check. Each check looks at the files of the checkout and says what is wrong, with its place.

mod codes;
mod links;
mod migrations;
mod words;

use crate::shell::{Trouble, say};
use std::path::{Path, PathBuf};

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 5] = ["target", ".git", ".ci-cache", "node_modules", "vendor"];

/// One file of the checkout.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path from the root, with `/` between folders.
    path: String,
    /// Its text; empty for what is not text.
    text: String,
}

impl File {
    /// Whether its name ends with a dot and one of these.
    fn has_ending(&self, endings: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
    }
}

/// Runs every check and tells everything at once.
pub(crate) fn run(root: &Path) -> Result<(), Trouble> {
    let mut files = Vec::new();
    collect(root, root, &mut files)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let complaints = [
        migrations::check(&files),
        codes::check(&files),
        words::check(&files),
        links::check(&files),
        defaults(&files),
    ]
    .concat();
    for complaint in &complaints {
        say(complaint);
    }
    match complaints.len() {
        0 => Ok(()),
        1 => Err(Trouble::new("one thing is untidy")),
        many => Err(Trouble::new(format!("{many} things are untidy"))),
    }
}

/// The documentation shows the defaults that are compiled in, so that no second list of them can drift.
fn defaults(files: &[File]) -> Vec<String> {
    const COMPILED_IN: &str = "crates/frontdesk/defaults.toml";
    const SHOWN: &str = "docs/configuration.md";
    let text = |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.as_str());
    match (text(COMPILED_IN), text(SHOWN)) {
        (Some(defaults), Some(page)) if page.contains(defaults) => Vec::new(),
        (Some(_), Some(_)) => {
            vec![format!("{SHOWN}: does not show {COMPILED_IN} as it is; copy the file into it")]
        }
        _ => vec![format!("{SHOWN} or {COMPILED_IN} is missing")],
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) -> Result<(), Trouble> {
    let failed =
        |error: std::io::Error| Trouble::new(format!("could not read `{}`: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() && !FOREIGN.iter().any(|foreign| name == *foreign) {
            collect(root, &path, files)?;
        } else if kind.is_file() {
            let text = std::fs::read(&path).map_err(failed)?;
            let text = String::from_utf8(text).unwrap_or_default();
            files.push(File { path: from_root(root, &path), text });
        }
    }
    Ok(())
}

fn from_root(root: &Path, path: &Path) -> String {
    let inner: PathBuf = path.strip_prefix(root).expect("the walk began at the root").to_owned();
    inner.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// A file as a test writes it.
#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}
