//! Columns by their headers.

use super::Flaw;
use std::collections::BTreeMap;

/// One column that an export may have.
#[derive(Clone, Copy, Debug)]
pub struct Column<C> {
    /// What it holds.
    pub holds: C,
    /// The headers that are usual for it, the best first. Compared without case, blanks and punctuation.
    pub headers: &'static [&'static str],
    /// Whether nothing can be done without it.
    pub is_needed: bool,
}

/// Where each column is in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns<C>(BTreeMap<C, usize>);

impl<C: Ord + Copy> Columns<C> {
    /// Finds the columns of a file by its header.
    ///
    /// # Errors
    ///
    /// A needed column is not there.
    pub fn find(known: &[Column<C>], header: &[String]) -> Result<Self, Flaw> {
        let has: Vec<_> = header.iter().map(|name| essence(name)).collect();
        let mut places = BTreeMap::new();
        for column in known {
            let place = column.headers.iter().find_map(|usual| {
                let usual = essence(usual);
                has.iter().position(|name| *name == usual)
            });
            match place {
                Some(place) => {
                    places.insert(column.holds, place);
                }
                None if column.is_needed => {
                    return Err(Flaw::NoColumn {
                        column: column.headers.first().map(ToString::to_string).unwrap_or_default(),
                        usual: column.headers.join(", "),
                        has: header.join(", "),
                    });
                }
                None => {}
            }
        }
        Ok(Self(places))
    }

    /// Whether the file has a column.
    pub fn has(&self, column: C) -> bool {
        self.0.contains_key(&column)
    }
}

impl<C: Ord> Columns<C> {
    /// Where a column is, from 0.
    pub(super) fn place(&self, column: &C) -> Option<usize> {
        self.0.get(column).copied()
    }
}

/// A header without what programs change in it: `Created (UTC)` and `created_utc` are one.
fn essence(header: &str) -> String {
    header.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
