//! Reads the value of a switch, and says what would have been allowed.
//!
//! Switches arrive as JSON from a test, a scenario or the sandbox's page. A word and a number of the same
//! text are the same value (`"201"` and `201`), so that a TOML scenario may write either.

use serde_json::Value;

/// Picks the variant that the value names.
///
/// The error names the switch and lists the words it takes.
pub(crate) fn one_of<T: Copy>(name: &str, value: &Value, allowed: &[(&str, T)]) -> Result<T, String> {
    let word = match value {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    };
    allowed.iter().find(|(known, _)| *known == word).map(|(_, picked)| *picked).ok_or_else(|| {
        let words: Vec<&str> = allowed.iter().map(|(known, _)| *known).collect();
        format!("switch `{name}` takes one of {}, not {value}", words.join(", "))
    })
}

/// Reads `true` or `false`.
pub(crate) fn flag(name: &str, value: &Value) -> Result<bool, String> {
    one_of(name, value, &[("true", true), ("false", false)])
}

/// Reads a whole number that is zero or more.
pub(crate) fn count(name: &str, value: &Value) -> Result<u64, String> {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .ok_or_else(|| format!("switch `{name}` takes a whole number, not {value}"))
}

/// Reads a whole number, or `null` for "no limit".
pub(crate) fn count_or_null(name: &str, value: &Value) -> Result<Option<u64>, String> {
    if value.is_null() || value == "null" {
        return Ok(None);
    }
    count(name, value).map(Some).map_err(|why| format!("{why}; null is allowed too"))
}

/// The error for a switch that does not exist: it lists those that do, each with its values.
pub(crate) fn unknown(name: &str, known: &[(&str, &str)]) -> String {
    let lines: Vec<String> = known.iter().map(|(known, values)| format!("{known} ({values})")).collect();
    format!("there is no switch `{name}`; there are: {}", lines.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_word_and_a_number_of_the_same_text_are_one_value() {
        let allowed = [("201", 'a'), ("unknown_2xx", 'b')];
        assert_eq!(one_of("s", &json!(201), &allowed), Ok('a'));
        assert_eq!(one_of("s", &json!("201"), &allowed), Ok('a'));
        assert_eq!(one_of("s", &json!("unknown_2xx"), &allowed), Ok('b'));
        assert_eq!(flag("s", &json!("true")), Ok(true));
        assert_eq!(count("s", &json!("7")), Ok(7));
        assert_eq!(count_or_null("s", &json!(null)), Ok(None));
    }

    #[test]
    fn a_refused_value_names_what_is_allowed() {
        let why = one_of("repeat_add", &json!(204), &[("201", 1), ("200", 2)]).unwrap_err();
        assert_eq!(why, "switch `repeat_add` takes one of 201, 200, not 204");
        assert!(flag("s", &json!(1)).unwrap_err().contains("true, false"));
        assert!(count("s", &json!(-1)).unwrap_err().contains("whole number"));
        assert!(count_or_null("s", &json!("soon")).unwrap_err().contains("null"));
        assert_eq!(unknown("x", &[("y", "a, b")]), "there is no switch `x`; there are: y (a, b)");
    }
}
