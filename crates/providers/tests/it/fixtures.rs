//! The recorded bodies under `fixtures/`, found and read.

use std::path::{Path, PathBuf};

/// A path below the repository's `fixtures/`.
pub(crate) fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(below)
}

/// The bytes of one fixture.
pub(crate) fn bytes(below: impl AsRef<Path>) -> Vec<u8> {
    let path = path("").join(below);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One fixture as JSON.
pub(crate) fn json(below: impl AsRef<Path>) -> serde_json::Value {
    serde_json::from_slice(&bytes(below)).unwrap()
}

/// The names in one fixture folder, sorted.
pub(crate) fn names(below: &str) -> Vec<String> {
    let entries = std::fs::read_dir(path(below)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The API versions of which there are events.
pub(crate) const VERSIONS: [&str; 4] =
    ["2024-06-20", "2025-09-30.clover", "2026-07-29.dahlia", "2026-10-28.endive"];
