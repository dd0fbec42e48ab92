//! Limits on JSON from outside, checked before anything is built from it.
//!
//! A body of one mebibyte can still hold half a million nested brackets or a key repeated without
//! end. The scan walks the bytes once, keeps a stack no deeper than [`DEPTH_MAX`], and allocates
//! nothing else. It does not prove that the text is JSON: the parser does that afterwards.

use std::fmt;

/// Deepest nesting of objects and arrays.
pub const DEPTH_MAX: usize = 32;
/// Most keys in one object.
pub const KEYS_MAX: usize = 1_000;
/// Most items in one array.
pub const ITEMS_MAX: usize = 10_000;
/// Longest string, in bytes between its quotes, escapes counted as written.
pub const STRING_BYTES_MAX: usize = 64 * 1024;
/// Longest number, in characters.
pub const NUMBER_DIGITS_MAX: usize = 64;

/// A limit that a text goes beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Nested deeper than [`DEPTH_MAX`].
    Depth,
    /// An object of more than [`KEYS_MAX`] keys.
    Keys,
    /// An array of more than [`ITEMS_MAX`] items.
    Items,
    /// A string longer than [`STRING_BYTES_MAX`].
    String,
    /// A number longer than [`NUMBER_DIGITS_MAX`].
    Number,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth => write!(f, "nested deeper than {DEPTH_MAX} levels"),
            Self::Keys => write!(f, "an object of more than {KEYS_MAX} keys"),
            Self::Items => write!(f, "an array of more than {ITEMS_MAX} items"),
            Self::String => write!(f, "a string longer than {STRING_BYTES_MAX} bytes"),
            Self::Number => write!(f, "a number longer than {NUMBER_DIGITS_MAX} characters"),
        }
    }
}

/// Checks the limits of this module; the first one that is crossed is the answer.
pub fn check_limits(text: &[u8]) -> Result<(), Limit> {
    // One entry per open bracket: whether it is an object, and how many members it has so far.
    let mut open: Vec<(bool, usize)> = Vec::with_capacity(DEPTH_MAX);
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'{' | b'[' => {
                if open.len() == DEPTH_MAX {
                    return Err(Limit::Depth);
                }
                open.push((byte == b'{', 1));
            }
            b'}' | b']' => {
                open.pop();
            }
            b',' => {
                if let Some((is_object, members)) = open.last_mut() {
                    *members += 1;
                    if *is_object && *members > KEYS_MAX {
                        return Err(Limit::Keys);
                    }
                    if !*is_object && *members > ITEMS_MAX {
                        return Err(Limit::Items);
                    }
                }
            }
            b'"' => {
                let length = string_length(rest);
                if length > STRING_BYTES_MAX {
                    return Err(Limit::String);
                }
                rest = rest.get(length + 1..).unwrap_or_default();
            }
            b'-' | b'0'..=b'9' => {
                let is_more = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                let length = rest.iter().take_while(|byte| is_more(byte)).count();
                if length + 1 > NUMBER_DIGITS_MAX {
                    return Err(Limit::Number);
                }
                rest = &rest[length..];
            }
            _ => {}
        }
    }
    Ok(())
}

/// Bytes up to the closing quote, or all of them when there is none.
fn string_length(after_quote: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in after_quote.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    after_quote.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        format!("{}{}", "[".repeat(levels), "]".repeat(levels))
    }

    fn object(keys: usize) -> String {
        format!("{{{}}}", (0..keys).map(|n| format!("\"k{n}\":[1,\",\"]")).collect::<Vec<_>>().join(","))
    }

    fn array(items: usize) -> String {
        format!("[{}]", vec!["{}"; items].join(","))
    }

    fn string(bytes: usize) -> String {
        format!("\"{}\"", "x".repeat(bytes))
    }

    fn number(digits: usize) -> String {
        "7".repeat(digits)
    }

    #[test]
    fn each_limit_holds_at_it_just_over_it_and_far_over_it() {
        type Make = fn(usize) -> String;
        let table: [(Limit, usize, Make); 5] = [
            (Limit::Depth, DEPTH_MAX, nested),
            (Limit::Keys, KEYS_MAX, object),
            (Limit::Items, ITEMS_MAX, array),
            (Limit::String, STRING_BYTES_MAX, string),
            (Limit::Number, NUMBER_DIGITS_MAX, number),
        ];
        for (limit, most, make) in table {
            assert_eq!(check_limits(make(most).as_bytes()), Ok(()), "{limit:?} at the limit");
            assert_eq!(check_limits(make(most + 1).as_bytes()), Err(limit), "{limit:?} just over");
            assert_eq!(check_limits(make(most * 20).as_bytes()), Err(limit), "{limit:?} far over");
        }
    }

    #[test]
    fn brackets_and_commas_inside_strings_do_not_count() {
        let text = format!("{{\"a\":\"{}\\\"{}\"}}", "[".repeat(100), ",".repeat(2_000));
        assert_eq!(check_limits(text.as_bytes()), Ok(()));
    }

    #[test]
    fn what_is_no_json_is_scanned_without_harm() {
        for text in [&b""[..], b"\"", b"]]]]", b",,,,", b"-", b"\"\\", b"\xff\xfe"] {
            assert_eq!(check_limits(text), Ok(()), "{text:?}");
        }
    }
}
