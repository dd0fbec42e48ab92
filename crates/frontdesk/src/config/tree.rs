//! A TOML document as a tree whose every key and value knows its line.
//!
//! The document is walked by hand rather than through serde, because serde stops at the first problem and the
//! operator wants to see all of them.

use toml::de::{DeTable, DeValue};

/// One value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The line on which the value begins, from one.
    pub(super) line: usize,
    /// The value.
    pub(super) value: Value,
}

/// A TOML value, as far as the configuration uses TOML.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A string.
    Text(String),
    /// An integer that fits 64 bits.
    Number(i64),
    /// A boolean.
    Flag(bool),
    /// An array.
    List(Vec<Node>),
    /// A table, whether written as a section, inline or with dotted keys.
    Table(Table),
    /// What no key of the configuration takes; the name of its type.
    Other(&'static str),
}

impl Value {
    /// The type in words.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Number(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a section",
            Self::Other(kind) => kind,
        }
    }
}

/// The keys of a table, in the order of their lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Each with the line of the key itself.
    pub(super) entries: Vec<(String, usize, Node)>,
}

impl Table {
    /// The value under `key`.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|(name, _, _)| name == key).map(|(_, _, node)| node)
    }

    /// The table under `key`, if it is one.
    pub(super) fn table(&self, key: &str) -> Option<&Self> {
        match &self.get(key)?.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// A part of the text that is not TOML.
#[derive(Debug)]
pub(super) struct SyntaxError {
    /// The line, from one.
    pub(super) line: Option<usize>,
    /// What the parser expected. Never quotes the line: it may hold a secret.
    pub(super) message: String,
}

/// Reads a document. The tree holds whatever could be read; with an empty list of errors that is everything.
pub(super) fn parse(text: &str) -> (Table, Vec<SyntaxError>) {
    let (document, errors) = DeTable::parse_recoverable(text);
    let lines = Lines::new(text);
    let errors = errors
        .iter()
        .map(|error| SyntaxError {
            line: error.span().map(|span| lines.of(span.start)),
            message: error.message().to_owned(),
        })
        .collect();
    (table(document.get_ref(), &lines), errors)
}

fn table(from: &DeTable<'_>, lines: &Lines) -> Table {
    let mut entries: Vec<_> = from
        .iter()
        .map(|(key, value)| {
            let node = Node { line: lines.of(value.span().start), value: convert(value.get_ref(), lines) };
            (key.get_ref().to_string(), key.span().start, node)
        })
        .collect();
    entries.sort_by_key(|(_, offset, _)| *offset);
    for (_, offset, _) in &mut entries {
        *offset = lines.of(*offset);
    }
    Table { entries }
}

fn convert(from: &DeValue<'_>, lines: &Lines) -> Value {
    match from {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a very large number"), Value::Number),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Float(_) => Value::Other("a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Node { line: lines.of(item.span().start), value: convert(item.get_ref(), lines) })
                .collect(),
        ),
        DeValue::Table(inner) => Value::Table(table(inner, lines)),
    }
}

/// Where each line begins, in bytes.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The line that holds the byte at `offset`, from one.
    fn of(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_know_their_lines_in_the_order_of_the_file() {
        let (root, errors) = parse("b = 1\n[a]\nlist = [\n  \"x\",\n  \"y\",\n]\n");
        assert!(errors.is_empty());
        let names: Vec<_> = root.entries.iter().map(|(name, line, _)| (name.as_str(), *line)).collect();
        assert_eq!(names, [("b", 1), ("a", 2)]);
        let Value::List(items) = &root.table("a").unwrap().get("list").unwrap().value else {
            panic!("no list")
        };
        assert_eq!(items.iter().map(|item| item.line).collect::<Vec<_>>(), [4, 5]);
    }

    #[test]
    fn a_syntax_error_does_not_quote_the_line() {
        let (_, errors) = parse("[sources.stripe]\napi_key = rk_live_do_not_print\n");
        assert!(!errors.is_empty());
        assert_eq!(errors[0].line, Some(2));
        assert!(errors.iter().all(|error| !error.message.contains("do_not_print")), "{errors:?}");
    }
}
