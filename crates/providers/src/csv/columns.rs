//! Columns by their headers.

use super::{Flaw, shown};
use std::collections::BTreeMap;
use std::fmt;

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

/// One column of a file, as its header has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headed {
    /// What is written above it.
    pub header: String,
    /// Where it is, from 0.
    place: usize,
}

impl fmt::Display for Headed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (column {})", shown(&self.header), self.place + 1)
    }
}

/// Where each column is in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns<C> {
    places: BTreeMap<C, Headed>,
    passed_over: Vec<(Headed, Headed)>,
}

impl<C: Ord + Copy> Columns<C> {
    /// Finds the columns of a file by its header.
    ///
    /// # Errors
    ///
    /// A needed column is not there, or one that is used is there twice under one header: either may be the one that is
    /// meant.
    pub fn find(known: &[Column<C>], header: &[String]) -> Result<Self, Flaw> {
        let has: Vec<_> = header.iter().map(|name| essence(name)).collect();
        let (mut places, mut passed_over) = (BTreeMap::new(), Vec::new());
        let headed = |place: usize| Headed { header: header[place].clone(), place };
        for column in known {
            let mut found: Vec<Headed> = Vec::new();
            for usual in column.headers.iter().map(|usual| essence(usual)) {
                // Two usual headers may differ in blanks alone.
                if found.iter().any(|better| has[better.place] == usual) {
                    continue;
                }
                let mut alike = has.iter().enumerate().filter(|(_, name)| **name == usual);
                let Some((place, _)) = alike.next() else { continue };
                if let Some((again, _)) = alike.next() {
                    return Err(Flaw::Twice { first: headed(place), again: headed(again) });
                }
                found.push(headed(place));
            }
            let mut found = found.into_iter();
            match found.next() {
                Some(best) => {
                    passed_over.extend(found.map(|other| (best.clone(), other)));
                    places.insert(column.holds, best);
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
        Ok(Self { places, passed_over })
    }

    /// Whether the file has a column.
    pub fn has(&self, column: C) -> bool {
        self.places.contains_key(&column)
    }

    /// What the file writes above a column; empty where it has none.
    pub fn header(&self, column: C) -> &str {
        self.places.get(&column).map_or("", |headed| &headed.header)
    }

    /// Columns that another one of the file goes before, because its header is the better one for the same: the one that
    /// is read, and the one that is not.
    pub fn passed_over(&self) -> &[(Headed, Headed)] {
        &self.passed_over
    }
}

impl<C: Ord> Columns<C> {
    /// Where a column is, from 0.
    pub(super) fn place(&self, column: &C) -> Option<usize> {
        self.places.get(column).map(|headed| headed.place)
    }
}

/// Finds two columns under one header among those that are `named`.
pub(crate) fn twice<'a>(
    header: &[String],
    named: impl Iterator<Item = (usize, &'a str)>,
) -> Result<(), Flaw> {
    let headed = |place: usize| Headed { header: header[place].clone(), place };
    let mut met = BTreeMap::new();
    for (place, name) in named {
        if let Some(first) = met.insert(name, place) {
            return Err(Flaw::Twice { first: headed(first), again: headed(place) });
        }
    }
    Ok(())
}

/// A header without what programs change in it: `Created (UTC)` and `created_utc` are one.
fn essence(header: &str) -> String {
    header.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
