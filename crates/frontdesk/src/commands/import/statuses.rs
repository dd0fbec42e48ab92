//! Statuses in exports that are no word that Frontdesk knows: counted, so that nobody is passed over in silence.

use crate::errors::{Code, Place, Report};
use frontdesk_core::target::Target;
use frontdesk_providers::csv::shown;
use frontdesk_providers::stripe::export::Table;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Unknown words of one file that are told apart. Where there are more, the column holds something else than a status.
const WORDS_MAX: usize = 20;

/// Rows of one file that say the same unknown word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Unknown {
    /// The file, as the operator named it.
    file: String,
    /// The word as it is written; `None`: all others, beyond those that are told apart.
    status: Option<String>,
    /// In how many rows.
    rows: u64,
    /// The line of the first of them.
    first_line: u64,
    /// What becomes of such a row.
    counts_as: &'static str,
}

impl Unknown {
    /// What is said of it to a person.
    pub(in crate::commands) fn said(&self) -> String {
        let Self { file, status, rows, first_line, counts_as } = self;
        let status = match status {
            Some(status) => format!("the status `{}`", shown(status)),
            None => "further statuses".to_owned(),
        };
        let rows = if *rows == 1 { "1 row has".to_owned() } else { format!("{rows} rows have") };
        format!(
            "{file}: {rows} {status}, which Frontdesk does not know (first on line {first_line}): {counts_as}"
        )
    }

    /// The same as a warning.
    pub(in crate::commands) fn warning(&self) -> Report {
        let line = usize::try_from(self.first_line).ok();
        Report::warning(Code::ExportFlawed, self.said())
            .at(Place { file: self.file.clone(), line, key: String::new() })
            .hint("look whether it is the export that you meant; the words that are known are in docs/import.md")
    }
}

/// Counts the unknown words of one file.
pub(in crate::commands) struct Statuses {
    counts_as: &'static str,
    words: BTreeMap<Option<String>, (u64, u64)>,
}

impl Statuses {
    /// For an export of the payment source.
    pub(in crate::commands) const fn of_table(table: Table) -> Self {
        Self::new(match table {
            Table::Customers => "it does not matter",
            Table::Subscriptions => "such a subscription gives nothing and takes nothing away",
            Table::Payments => "such a payment counts as paid",
        })
    }

    /// For an export of a target.
    pub(in crate::commands) const fn of_target(target: Target) -> Self {
        Self::new(match target {
            Target::Circle => "such a member counts as being in",
            Target::Kit => "such a subscriber counts as being there",
        })
    }

    const fn new(counts_as: &'static str) -> Self {
        Self { counts_as, words: BTreeMap::new() }
    }

    /// One row with a word that is not known.
    pub(in crate::commands) fn note(&mut self, word: &str, line: u64) {
        let key = Some(word.to_owned());
        let is_told_apart = self.words.len() < WORDS_MAX || self.words.contains_key(&key);
        let (rows, _) = self.words.entry(key.filter(|_| is_told_apart)).or_insert((0, line));
        *rows += 1;
    }

    /// All that there were, the word of the first row first.
    pub(in crate::commands) fn end(self, path: &Path) -> Vec<Unknown> {
        let Self { counts_as, words } = self;
        let file = path.display().to_string();
        let of = |(status, (rows, first_line))| Unknown {
            file: file.clone(),
            status,
            rows,
            first_line,
            counts_as,
        };
        let mut all: Vec<_> = words.into_iter().map(of).collect();
        all.sort_by_key(|unknown| (unknown.status.is_none(), unknown.first_line));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_counted_with_its_first_line_and_a_column_of_something_else_ends() {
        let mut statuses = Statuses::of_table(Table::Subscriptions);
        for (word, line) in [("Frozen", 4), ("Asleep", 2), ("Frozen", 9)] {
            statuses.note(word, line);
        }
        for line in 10..100 {
            statuses.note(&format!("note {line}"), line);
        }
        let all = statuses.end(Path::new("subs.csv"));
        let told: Vec<_> = all.iter().map(|of| (of.status.as_deref(), of.rows, of.first_line)).collect();
        assert_eq!(told[..2], [(Some("Asleep"), 1, 2), (Some("Frozen"), 2, 4)]);
        assert_eq!((told.len(), told[WORDS_MAX]), (WORDS_MAX + 1, (None, 72, 28)));
        assert_eq!(
            all[1].said(),
            "subs.csv: 2 rows have the status `Frozen`, which Frontdesk does not know (first on line 4): such a \
             subscription gives nothing and takes nothing away"
        );
    }
}
