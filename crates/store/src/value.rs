//! Values on their way into and out of a database: the four shapes that both engines share.

use crate::Error;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One value of a row or one parameter of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// SQL `NULL`.
    Null,
    /// A counter, a flag (0 or 1), or an instant in microseconds since 1970 UTC.
    Int(i64),
    /// Text, ids and JSON included. Never holds U+0000, which PostgreSQL refuses in text.
    Text(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// JSON as text. Characters U+0000 inside are escaped by JSON itself.
    pub(crate) fn json<T: Serialize>(value: &T) -> Self {
        Self::Text(serde_json::to_string(value).expect("our own types have text keys and finite numbers"))
    }

    /// JSON as text, or `NULL`.
    pub(crate) fn json_opt<T: Serialize>(value: Option<&T>) -> Self {
        value.map_or(Self::Null, Self::json)
    }
}

impl From<&str> for Value {
    /// U+0000 becomes U+FFFD, on both engines alike: PostgreSQL refuses it in text, and an event
    /// that holds one must still find its way into the journal.
    fn from(text: &str) -> Self {
        Self::Text(clean(text))
    }
}

/// The text with U+0000 replaced by U+FFFD.
pub(crate) fn clean(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.to_owned() }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        if text.contains('\0') { Self::from(text.as_str()) } else { Self::Text(text) }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(i64::from(flag))
    }
}

impl From<Timestamp> for Value {
    /// Microseconds: anything finer is cut off.
    fn from(at: Timestamp) -> Self {
        Self::Int(at.as_microsecond())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row(pub(crate) Vec<Value>);

impl Row {
    /// Takes the columns one after the other.
    pub(crate) fn columns(self) -> Columns {
        Columns { values: self.0.into_iter(), taken: 0 }
    }
}

/// A row that is being taken apart, column by column, in the order of the statement.
pub(crate) struct Columns {
    values: std::vec::IntoIter<Value>,
    taken: usize,
}

impl Columns {
    fn next(&mut self) -> Value {
        self.taken += 1;
        self.values.next().unwrap_or(Value::Null)
    }

    fn unexpected(&self, wanted: &str, got: &Value) -> Error {
        let got = match got {
            Value::Null => "nothing",
            Value::Int(_) => "a number",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
        };
        Error::Corrupt(format!("column {} holds {got} where {wanted} belongs", self.taken))
    }

    pub(crate) fn int(&mut self) -> Result<i64, Error> {
        self.int_opt()?.ok_or_else(|| self.unexpected("a number", &Value::Null))
    }

    pub(crate) fn int_opt(&mut self) -> Result<Option<i64>, Error> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Int(number) => Ok(Some(number)),
            other => Err(self.unexpected("a number", &other)),
        }
    }

    pub(crate) fn count(&mut self) -> Result<u32, Error> {
        let number = self.int()?;
        u32::try_from(number)
            .map_err(|_| Error::Corrupt(format!("column {} holds {number}, no count", self.taken)))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Error> {
        Ok(self.int()? != 0)
    }

    pub(crate) fn flag_opt(&mut self) -> Result<Option<bool>, Error> {
        Ok(self.int_opt()?.map(|number| number != 0))
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, Error> {
        self.time_opt()?.ok_or_else(|| self.unexpected("an instant", &Value::Null))
    }

    pub(crate) fn time_opt(&mut self) -> Result<Option<Timestamp>, Error> {
        self.int_opt()?
            .map(|micros| {
                Timestamp::from_microsecond(micros)
                    .map_err(|_| Error::Corrupt(format!("column {} holds {micros}, no instant", self.taken)))
            })
            .transpose()
    }

    pub(crate) fn text(&mut self) -> Result<String, Error> {
        self.text_opt()?.ok_or_else(|| self.unexpected("text", &Value::Null))
    }

    pub(crate) fn text_opt(&mut self) -> Result<Option<String>, Error> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            other => Err(self.unexpected("text", &other)),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        self.bytes_opt()?.ok_or_else(|| self.unexpected("bytes", &Value::Null))
    }

    pub(crate) fn bytes_opt(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes)),
            other => Err(self.unexpected("bytes", &other)),
        }
    }

    /// A word of a fixed set, read back by its `parse` function.
    pub(crate) fn word<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
        let word = self.text()?;
        parse(&word)
            .ok_or_else(|| Error::Corrupt(format!("column {} holds the unknown word `{word}`", self.taken)))
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        self.json_opt()?.ok_or_else(|| self.unexpected("JSON", &Value::Null))
    }

    pub(crate) fn json_opt<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        // The text may hold personal data, so only the parser's own words are told.
        self.text_opt()?
            .map(|text| {
                serde_json::from_str(&text).map_err(|error| {
                    Error::Corrupt(format!("column {} holds unreadable JSON: {error}", self.taken))
                })
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_character_is_replaced_alike_for_both_engines() {
        assert_eq!(Value::from("a\0b"), Value::Text("a\u{fffd}b".to_owned()));
        assert_eq!(Value::from("a\0b".to_owned()), Value::Text("a\u{fffd}b".to_owned()));
    }

    #[test]
    fn a_column_of_the_wrong_shape_is_corruption_that_names_no_content() {
        let mut columns = Row(vec![Value::Text("ada@example.com".to_owned())]).columns();
        let error = columns.int().unwrap_err().to_string();
        assert!(error.contains("column 1 holds text") && !error.contains("ada"), "{error}");
    }
}
