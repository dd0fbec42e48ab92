//! Reads typed values out of the tree, and collects everything that is wrong instead of stopping at the first.
//!
//! A [`Section`] is one table of the operator's file beside the same table of the defaults. Every key that is asked for
//! becomes known; [`Reader::finish`] reports the others, with the nearest known name.

use super::environment::Environment;
use super::tree::{Node, Table, Value};
use super::values;
use crate::errors::{Code, Place, Report};
use jiff::SignedDuration;
use std::path::{Path, PathBuf};

/// Most edits between a key and the name that is suggested for it: a slip of the fingers, not another word.
const SUGGESTION_EDITS_MAX: usize = 2;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    /// The value.
    pub(super) value: T,
    /// Where it was written.
    pub(super) at: Place,
}

/// What the file is read with.
pub(super) struct Reader<'e> {
    /// The file as the operator named it.
    pub(super) file: String,
    /// The folder of the file: relative paths start there.
    pub(super) folder: PathBuf,
    /// The environment.
    pub(super) environment: &'e Environment,
    /// Whether the providers' credentials are left where they are.
    pub(super) withheld: bool,
    /// What is wrong so far.
    pub(super) reports: Vec<Report>,
    /// What each secret came from.
    pub(super) secrets: Vec<super::secrets::SecretUse>,
}

impl<'e> Reader<'e> {
    /// Reads `file`, as the operator named it; relative paths in it start at `folder`.
    pub(super) fn new(file: String, folder: &Path, environment: &'e Environment, withheld: bool) -> Self {
        let folder = folder.to_owned();
        Self { file, folder, environment, withheld, reports: Vec::new(), secrets: Vec::new() }
    }
}

/// One table of the operator's file, beside the same table of the defaults.
pub(super) struct Section<'t> {
    /// The dotted path, empty for the root.
    path: String,
    /// The line on which it begins, if it is in the file.
    line: Option<usize>,
    /// What the operator wrote.
    given: Option<&'t Table>,
    /// The defaults.
    fallback: Option<&'t Table>,
    /// The keys that were asked for.
    known: Vec<&'static str>,
}

impl<'t> Section<'t> {
    /// The root of the file.
    pub(super) fn root(given: &'t Table, fallback: &'t Table) -> Self {
        Self {
            path: String::new(),
            line: None,
            given: Some(given),
            fallback: Some(fallback),
            known: Vec::new(),
        }
    }

    /// A table that stands by itself, such as one plan of the list.
    pub(super) fn new(path: String, line: usize, given: &'t Table, fallback: Option<&'t Table>) -> Self {
        Self { path, line: Some(line), given: Some(given), fallback, known: Vec::new() }
    }

    /// Whether the operator's file has it.
    pub(super) const fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// The entries as the operator wrote them; for tables whose keys are names.
    pub(super) fn entries(&self) -> &'t [(String, usize, Node)] {
        self.given.map_or(&[], |table| &table.entries)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Whether the operator's file has `key`.
    pub(super) fn gives(&self, key: &str) -> bool {
        self.given.is_some_and(|table| table.get(key).is_some())
    }

    /// Makes `key` one that may stand here.
    pub(super) fn know(&mut self, key: &'static str) {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
    }
}

impl Reader<'_> {
    /// Notes that something is wrong.
    pub(super) fn report(&mut self, report: Report) {
        self.reports.push(report);
    }

    /// A place in the file.
    pub(super) fn place(&self, line: Option<usize>, key: impl Into<String>) -> Place {
        Place { file: self.file.clone(), line, key: key.into() }
    }

    /// The place of `key` in `section`, whether it is there or not.
    pub(super) fn place_of(&self, section: &Section<'_>, key: &str) -> Place {
        let own = section.given.and_then(|table| table.entries.iter().find(|(name, _, _)| name == key));
        self.place(own.map(|(_, line, _)| *line).or(section.line), section.path_of(key))
    }

    /// The table under `key`; an absent one where there is none.
    pub(super) fn section<'t>(&mut self, parent: &mut Section<'t>, key: &'static str) -> Section<'t> {
        parent.know(key);
        let mut line = None;
        let mut given = None;
        if let Some((_, key_line, node)) = parent.entries().iter().find(|(name, _, _)| name == key) {
            line = Some(*key_line);
            match &node.value {
                Value::Table(table) => given = Some(table),
                other => {
                    let place = self.place(line, parent.path_of(key));
                    self.wrong_type(place, "a section", other.kind());
                }
            }
        }
        let fallback = parent.fallback.and_then(|table| table.table(key));
        Section { path: parent.path_of(key), line, given, fallback, known: Vec::new() }
    }

    /// Reports every key of `section` that was never asked for.
    pub(super) fn finish(&mut self, section: &Section<'_>) {
        for (name, line, _) in section.entries() {
            if section.known.iter().any(|known| known == name) {
                continue;
            }
            let nearest = section
                .known
                .iter()
                .map(|known| (strsim::damerau_levenshtein(name, known), *known))
                .filter(|(edits, known)| *edits <= SUGGESTION_EDITS_MAX && *edits < known.len())
                .min();
            let hint = match nearest {
                Some((_, known)) => format!("did you mean `{known}`?"),
                None => format!("known here: {}", section.known.join(", ")),
            };
            let place = self.place(Some(*line), section.path_of(name));
            self.report(
                Report::error(Code::UnknownKey, format!("`{name}` is not a key of Frontdesk"))
                    .at(place)
                    .hint(hint),
            );
        }
    }

    /// What stands under `key`: the operator's value, else the default.
    fn node<'t>(&self, section: &mut Section<'t>, key: &'static str) -> Option<(&'t Node, Place)> {
        section.know(key);
        let node = section.given.and_then(|table| table.get(key)).or_else(|| section.fallback?.get(key))?;
        Some((node, self.place_of(section, key)))
    }

    fn wrong_type(&mut self, at: Place, wanted: &str, got: &str) {
        let message = format!("`{}` must be {wanted}, not {got}", at.key);
        self.report(Report::error(Code::WrongValue, message).at(at));
    }

    /// Reports that `key` must be there; `example` is how it is written.
    pub(super) fn missing(&mut self, section: &Section<'_>, key: &str, example: &str) {
        let at = self.place_of(section, key);
        let message = format!("`{}` is missing", at.key);
        self.report(Report::error(Code::MissingKey, message).at(at).hint(format!("write {example}")));
    }

    /// Text; `"${NAME}"` is taken from the environment.
    pub(super) fn text(&mut self, section: &mut Section<'_>, key: &'static str) -> Option<Found<String>> {
        let Found { value, at } = self.written_text(section, key)?;
        self.expand(&value, &at).map(|value| Found { value, at })
    }

    /// Text as written, without looking at the environment.
    pub(super) fn written_text(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<Found<String>> {
        let (node, at) = self.node(section, key)?;
        match &node.value {
            Value::Text(text) => Some(Found { value: text.clone(), at }),
            other => {
                self.wrong_type(at, "text", other.kind());
                None
            }
        }
    }

    /// Text that must be there and must not be blank.
    pub(super) fn required_text(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        example: &str,
    ) -> Option<Found<String>> {
        if self.node(section, key).is_none() {
            self.missing(section, key, example);
            return None;
        }
        let found = self.text(section, key)?;
        if found.value.trim().is_empty() {
            let message = format!("`{}` is empty", found.at.key);
            self.report(
                Report::error(Code::MissingKey, message).at(found.at).hint(format!("write {example}")),
            );
            return None;
        }
        Some(found)
    }

    /// The value of `"${NAME}"`, or the text itself.
    pub(super) fn expand(&mut self, text: &str, at: &Place) -> Option<String> {
        match super::secrets::variable(text) {
            None => Some(text.to_owned()),
            Some(name) => self.variable(name, at),
        }
    }

    /// A length of time, by default from the defaults.
    pub(super) fn duration(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<Found<SignedDuration>> {
        let found = self.text(section, key)?;
        if let Some(value) = values::duration(&found.value) {
            return Some(Found { value, at: found.at });
        }
        let message = format!("`{}` is not a length of time", found.value);
        let hint = "write a whole number and a unit: \"90s\", \"15m\", \"12h\" or \"7d\", ten years at most";
        self.report(Report::error(Code::NotADuration, message).at(found.at).hint(hint));
        None
    }

    /// A length of time that may not be zero.
    pub(super) fn interval(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<SignedDuration> {
        let found = self.duration(section, key)?;
        if found.value.is_zero() {
            let message = format!("`{}` must be longer than nothing", found.at.key);
            self.report(
                Report::error(Code::WrongValue, message).at(found.at).hint("\"15m\" is a good interval"),
            );
            return None;
        }
        Some(found.value)
    }

    /// A whole number within `range`, both ends included.
    pub(super) fn number(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let (node, at) = self.node(section, key)?;
        match &node.value {
            Value::Number(number) if range.contains(number) => Some(*number),
            Value::Number(number) => {
                let message = format!(
                    "`{}` must be between {} and {}, not {number}",
                    at.key,
                    range.start(),
                    range.end()
                );
                self.report(Report::error(Code::WrongValue, message).at(at));
                None
            }
            other => {
                self.wrong_type(at, "a number", other.kind());
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, section: &mut Section<'_>, key: &'static str) -> Option<Found<bool>> {
        let (node, at) = self.node(section, key)?;
        match &node.value {
            Value::Flag(value) => Some(Found { value: *value, at }),
            other => {
                self.wrong_type(at, "true or false", other.kind());
                None
            }
        }
    }

    /// One word out of a few.
    pub(super) fn choice<T: Copy>(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let found = self.text(section, key)?;
        let chosen = words.iter().find(|(word, _)| *word == found.value);
        if chosen.is_none() {
            let message = format!("`{}` cannot be `{}`", found.at.key, found.value);
            let allowed: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            let hint = format!("write {}", allowed.join(" or "));
            self.report(Report::error(Code::WrongValue, message).at(found.at).hint(hint));
        }
        chosen.map(|(_, value)| *value)
    }

    /// A list of text; absent is empty.
    pub(super) fn texts(&mut self, section: &mut Section<'_>, key: &'static str) -> Vec<Found<String>> {
        self.list(section, key, "a list of text", |value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// A list of whole numbers from one up; absent is empty.
    pub(super) fn ids(&mut self, section: &mut Section<'_>, key: &'static str) -> Vec<Found<u64>> {
        self.list(section, key, "a list of numbers", |value| match value {
            Value::Number(number) => u64::try_from(*number).ok().filter(|id| *id > 0),
            _ => None,
        })
    }

    fn list<T>(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        wanted: &str,
        take: impl Fn(&Value) -> Option<T>,
    ) -> Vec<Found<T>> {
        let Some((node, at)) = self.node(section, key) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            self.wrong_type(at, wanted, node.value.kind());
            return Vec::new();
        };
        let mut taken = Vec::new();
        for item in items {
            let at = self.place(Some(item.line), at.key.clone());
            match take(&item.value) {
                Some(value) => taken.push(Found { value, at }),
                None => self.wrong_type(
                    at,
                    wanted,
                    &format!(
                        "one with {} in it",
                        match item.value {
                            Value::Number(_) => "a number below one",
                            ref other => other.kind(),
                        }
                    ),
                ),
            }
        }
        taken
    }

    /// The tables of a list such as `[[plans]]`, each with its line.
    pub(super) fn tables<'t>(
        &mut self,
        section: &mut Section<'t>,
        key: &'static str,
    ) -> Vec<(usize, &'t Table)> {
        section.know(key);
        let Some(node) = section.given.and_then(|table| table.get(key)) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            let place = self.place_of(section, key);
            self.wrong_type(place, &format!("a list of sections, [[{key}]]"), node.value.kind());
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            match &item.value {
                Value::Table(table) => tables.push((item.line, table)),
                other => {
                    let place = self.place(Some(item.line), key);
                    self.wrong_type(place, &format!("a list of sections, [[{key}]]"), other.kind());
                }
            }
        }
        tables
    }

    /// The defaults of every entry of a list: its one entry in `defaults.toml`.
    pub(super) fn defaults_of_each<'t>(section: &Section<'t>, key: &str) -> Option<&'t Table> {
        match &section.fallback?.get(key)?.value {
            Value::List(items) => match &items.first()?.value {
                Value::Table(table) => Some(table),
                _ => None,
            },
            _ => None,
        }
    }
}
