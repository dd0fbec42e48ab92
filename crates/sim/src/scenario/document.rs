//! A scenario's text as a tree whose keys and values know their lines, so that every error can name its own.

use std::fmt;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// Something that is wrong with a scenario, or that could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from one; zero where none can be named.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub what: String,
}

impl Problem {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// One value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// A TOML value, as far as scenarios use TOML.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<Node>),
    Table(Vec<Entry>),
    Other(&'static str),
}

/// A key with its line, and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) node: Node,
}

impl Node {
    fn refuse<T>(&self, key: &str, wanted: &str) -> Result<T, Problem> {
        let found = match &self.value {
            Value::Text(text) => format!("`{text}`"),
            Value::Number(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a table".to_owned(),
            Value::Other(kind) => (*kind).to_owned(),
        };
        Err(Problem::new(self.line, format!("`{key}` takes {wanted}, not {found}")))
    }

    pub(super) fn text(&self, key: &str) -> Result<&str, Problem> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => self.refuse(key, "a text"),
        }
    }

    pub(super) fn number(&self, key: &str) -> Result<u64, Problem> {
        match &self.value {
            Value::Number(number) => Ok(*number),
            _ => self.refuse(key, "a whole number"),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, Problem> {
        match &self.value {
            Value::Flag(flag) => Ok(*flag),
            _ => self.refuse(key, "true or false"),
        }
    }

    pub(super) fn table(&self, key: &str) -> Result<&[Entry], Problem> {
        match &self.value {
            Value::Table(entries) => Ok(entries),
            _ => self.refuse(key, "a table"),
        }
    }

    /// A list of texts; one text is a list of one.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<&str>, Problem> {
        match &self.value {
            Value::Text(text) => Ok(vec![text]),
            Value::List(items) => items.iter().map(|item| item.text(key)).collect(),
            _ => self.refuse(key, "a text or a list of texts"),
        }
    }

    /// One of these words.
    pub(super) fn word(&self, key: &str, allowed: &[&'static str]) -> Result<&'static str, Problem> {
        let found = match &self.value {
            Value::Text(text) => allowed.iter().find(|word| *word == text),
            _ => None,
        };
        found.map_or_else(|| self.refuse(key, &format!("one of {}", allowed.join(", "))), |word| Ok(*word))
    }

    /// A length of time, such as `90s`, `1d 12h` or `30m`. A day is 24 hours.
    pub(super) fn span(&self, key: &str) -> Result<Duration, Problem> {
        let parsed = match &self.value {
            Value::Text(text) => span(text),
            _ => None,
        };
        parsed.map_or_else(|| self.refuse(key, "a length of time such as 90s, 30m or 1d 12h"), Ok)
    }

    /// As JSON, for switches of the fakes.
    pub(super) fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Text(text) => text.as_str().into(),
            Value::Number(number) => (*number).into(),
            Value::Flag(flag) => (*flag).into(),
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Table(entries) => {
                let fields = entries.iter().map(|entry| (entry.key.clone(), entry.node.json()));
                serde_json::Value::Object(fields.collect())
            }
            Value::Other(_) => serde_json::Value::Null,
        }
    }
}

fn span(text: &str) -> Option<Duration> {
    let mut whole = Duration::ZERO;
    let mut words = text.split_whitespace().peekable();
    words.peek()?;
    for word in words {
        let at = word.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, unit) = word.split_at(at);
        let seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return None,
        };
        whole = whole.checked_add(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?))?;
    }
    Some(whole)
}

/// Reads a document.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Problem> {
    let lines: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let line = |offset: usize| lines.partition_point(|start| *start <= offset);
    match DeTable::parse(text) {
        Ok(document) => Ok(entries(document.get_ref(), &line)),
        Err(error) => {
            Err(Problem::new(error.span().map_or(0, |span| line(span.start)), error.message().to_owned()))
        }
    }
}

fn entries(table: &DeTable<'_>, line: &impl Fn(usize) -> usize) -> Vec<Entry> {
    let mut found: Vec<(usize, Entry)> = table
        .iter()
        .map(|(key, value)| {
            let start = key.span().start;
            let node = Node { line: line(value.span().start), value: convert(value.get_ref(), line) };
            (start, Entry { key: key.get_ref().to_string(), line: line(start), node })
        })
        .collect();
    found.sort_by_key(|(start, _)| *start);
    found.into_iter().map(|(_, entry)| entry).collect()
}

fn convert(value: &DeValue<'_>, line: &impl Fn(usize) -> usize) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number below zero or very large"), Value::Number),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Float(_) => Value::Other("a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Node { line: line(item.span().start), value: convert(item.get_ref(), line) })
                .collect(),
        ),
        DeValue::Table(inner) => Value::Table(entries(inner, line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_add_up() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("1d 12h", 129_600), ("0s", 0)] {
            assert_eq!(span(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "soon", "12", "h", "1.5h", "-1h", "1w"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
