//! Calls that a workflow of a Circle community makes: unsigned, ids only, and no more than a hint.
//!
//! Source: `docs/providers.md`, Circle, outbound events: test sends of the workflow action *Send to webhook*
//! (2026-08-11), two integrations that receive it.

use crate::json;
use frontdesk_core::hint::{Hint, Said};
use frontdesk_core::target::{Item, Target};
use serde_json::Value;

/// The header in which the secret may come, where it is not in the path.
pub const HEADER: &str = "Frontdesk-Hook-Secret";

/// What a call says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A look at a member may be worth it.
    Hint(Hint),
    /// The test that Circle sends when a workflow is saved: empty, or `null`.
    Test,
    /// Something else, and what it calls itself.
    Other(String),
}

/// Reads the body of a call.
///
/// The type is believed in nothing but whether somebody was added or removed; what is so in truth is read.
///
/// # Errors
///
/// When the body is neither empty nor JSON.
pub fn call(body: &[u8]) -> Result<Call, NotJson> {
    if body.is_empty() {
        return Ok(Call::Test);
    }
    json::check_limits(body).map_err(|_| NotJson)?;
    let value: Value = serde_json::from_slice(body).map_err(|_| NotJson)?;
    // Two integrations unwrap `body`.
    let value = value.get("body").unwrap_or(&value);
    if value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(Call::Test);
    }
    let kind = value["type"].as_str().unwrap_or("without a type");
    let data = &value["data"];
    let present = match kind {
        "access_groups_added" | "access_group_added" => true,
        "access_groups_removed" | "access_group_removed" => false,
        _ => return Ok(Call::Other(kind.chars().take(64).collect())),
    };
    let (Some(person), Some(group)) = (id(&data["community_member_id"]), id(&data["access_group_id"])) else {
        return Ok(Call::Other(format!("{kind} without a member or a group")));
    };
    Ok(Call::Hint(Hint {
        target: Target::Circle,
        person,
        said: Said::Holds { item: Item::CircleGroup(group), present },
        proven_at: None,
        by: "a workflow of Circle called, and a look confirmed it".to_owned(),
    }))
}

/// The body is neither empty nor JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not JSON that can be read")]
pub struct NotJson;

/// An id as a number, or as text where the workflow's template put quotes around it.
fn id(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_a_member_and_a_group_wrapped_or_not() {
        let plain = r#"{"type":"access_groups_added","data":{"community_id":1,"community_member_id":71,"access_group_id":"4012"}}"#;
        let removed = plain.replace("added", "removed");
        let wrapped = format!("{{\"body\":{plain}}}");
        for (body, expect) in [(plain, true), (removed.as_str(), false), (wrapped.as_str(), true)] {
            let Ok(Call::Hint(hint)) = call(body.as_bytes()) else { panic!("{body}") };
            assert_eq!((hint.person, hint.proven_at), (71, None));
            assert_eq!(hint.said, Said::Holds { item: Item::CircleGroup(4012), present: expect }, "{body}");
        }
    }

    #[test]
    fn tests_and_strange_calls_say_nothing() {
        for body in ["", "null", "{}", r#"{"body":null}"#] {
            assert_eq!(call(body.as_bytes()), Ok(Call::Test), "{body}");
        }
        for body in ["7", "[]", r#"{"type":"post_created"}"#, r#"{"type":"access_groups_added","data":{}}"#] {
            assert!(matches!(call(body.as_bytes()), Ok(Call::Other(_))), "{body}");
        }
        for body in ["{", "\u{feff}{}"] {
            assert_eq!(call(body.as_bytes()), Err(NotJson), "{body}");
        }
    }
}
