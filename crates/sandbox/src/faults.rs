//! Faults injected on demand: what goes wrong, for which requests, how often.

use std::time::Duration;

use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::world::Provider;

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is done and no answer comes.
    TimeoutBefore,
    /// It is done and no answer comes.
    TimeoutAfter,
    /// Nothing is done and the connection breaks.
    ResetBefore,
    /// It is done and the connection breaks.
    ResetAfter,
    /// Another answer than the fake's, after doing it if `commit`.
    Status { answer: Answer, commit: bool },
    /// The right answer, late.
    Slow(Duration),
    /// The right answer, cut in the middle of its body.
    Truncated,
    /// Every connection to the provider breaks.
    Down,
}

const KINDS: [&str; 8] =
    ["timeout_before", "timeout_after", "reset_before", "reset_after", "status", "slow", "truncated", "down"];

impl Fault {
    /// Whether the fake gets to see the call.
    pub(crate) fn reaches_fake(&self) -> bool {
        match self {
            Self::TimeoutBefore | Self::ResetBefore | Self::Down => false,
            Self::TimeoutAfter | Self::ResetAfter | Self::Slow(_) | Self::Truncated => true,
            Self::Status { commit, .. } => *commit,
        }
    }

    /// The name it has in a rule.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::TimeoutBefore => "timeout_before",
            Self::TimeoutAfter => "timeout_after",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::Status { .. } => "status",
            Self::Slow(_) => "slow",
            Self::Truncated => "truncated",
            Self::Down => "down",
        }
    }

    fn parse(body: &Value) -> Result<Self, String> {
        let kind = body["kind"].as_str().unwrap_or_default();
        Ok(match kind {
            "timeout_before" => Self::TimeoutBefore,
            "timeout_after" => Self::TimeoutAfter,
            "reset_before" => Self::ResetBefore,
            "reset_after" => Self::ResetAfter,
            "truncated" => Self::Truncated,
            "down" => Self::Down,
            "slow" => {
                let delay = body["delay_ms"].as_u64().ok_or("`slow` needs `delay_ms`, a whole number")?;
                Self::Slow(Duration::from_millis(delay))
            }
            "status" => Self::Status {
                answer: status_answer(body)?,
                commit: body.get("commit").and_then(Value::as_bool).unwrap_or(false),
            },
            _ => return Err(format!("`kind` is one of {}, not {}", KINDS.join(", "), body["kind"])),
        })
    }
}

fn status_answer(body: &Value) -> Result<Answer, String> {
    let status = body["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    let status =
        status.filter(|status| (200..600).contains(status)).ok_or("`status` is a number of 200 to 599")?;
    let is_html = body.get("html").and_then(Value::as_bool).unwrap_or(false);
    let answer = match body.get("body") {
        None | Some(Value::Null) if is_html => Answer::html(
            status,
            &format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"),
        ),
        None | Some(Value::Null) => Answer::empty(status),
        Some(Value::String(text)) if is_html => Answer::html(status, text),
        Some(Value::String(text)) => Answer::text(status, text),
        Some(value) => Answer::json(status, value),
    };
    match body.get("headers") {
        None | Some(Value::Null) => Ok(answer),
        Some(Value::Object(headers)) => headers.iter().try_fold(answer, |answer, (name, value)| {
            let is_sendable = http::HeaderName::from_bytes(name.as_bytes()).is_ok();
            match value {
                Value::String(text) if is_sendable && http::HeaderValue::from_str(text).is_ok() => {
                    Ok(answer.header(name, text))
                }
                Value::Number(number) if is_sendable => Ok(answer.header(name, &number.to_string())),
                _ => Err(format!("`headers`: `{name}: {value}` is no header")),
            }
        }),
        Some(other) => Err(format!("`headers` is an object of texts, not {other}")),
    }
}

/// One rule: a fault for the requests it fits.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    id: u64,
    provider: Provider,
    method: Option<String>,
    path: Option<String>,
    /// How many requests it still hits; absent for all until it is removed.
    left: Option<u64>,
    /// How many fitting requests it lets pass first.
    skip: u64,
    fault: Fault,
    hits: u64,
}

/// All rules in force, in the order given; the first that fits a request decides.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    count: u64,
}

const FIELDS: [&str; 12] = [
    "provider", "method", "path", "times", "after", "kind", "status", "body", "html", "headers", "commit",
    "delay_ms",
];

impl Faults {
    /// Adds a rule from its JSON form.
    ///
    /// `times` is how many requests it hits, `null` for all until removed; left out it is 1, and all for
    /// `down`. `after` lets so many fitting requests pass first.
    pub(crate) fn add(&mut self, body: &Value) -> Result<(), String> {
        let fields = body.as_object().ok_or("a rule is a JSON object")?;
        if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            return Err(format!("a rule has the fields {}, not `{unknown}`", FIELDS.join(", ")));
        }
        let fault = Fault::parse(body)?;
        let number = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                value.as_u64().map(Some).ok_or_else(|| format!("`{name}` is a whole number, not {value}"))
            }
        };
        let left = match fields.get("times") {
            None if fault != Fault::Down => Some(1),
            _ => number("times")?,
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        self.count += 1;
        self.rules.push(Rule {
            id: self.count,
            provider: Provider::parse(fields.get("provider").and_then(Value::as_str).unwrap_or_default())?,
            method: text("method").map(|method| method.to_ascii_uppercase()),
            path: text("path"),
            left,
            skip: number("after")?.unwrap_or(0),
            fault,
            hits: 0,
        });
        Ok(())
    }

    /// Removes all rules.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules as they stand, with what is left of each.
    pub(crate) fn state(&self) -> Value {
        let rows = self.rules.iter().map(|rule| {
            json!({
                "id": rule.id, "provider": rule.provider.name(), "method": rule.method, "path": rule.path,
                "kind": rule.fault.name(), "times": rule.left, "after": rule.skip, "hits": rule.hits,
            })
        });
        Value::Array(rows.collect())
    }

    /// The fault that a request meets, if any; counts it as met.
    pub(crate) fn meet(&mut self, provider: Provider, call: &Call) -> Option<Fault> {
        for rule in &mut self.rules {
            let fits = rule.provider == provider
                && rule.left != Some(0)
                && rule.method.as_ref().is_none_or(|method| *method == call.method)
                && rule.path.as_ref().is_none_or(|path| path_fits(path, &call.path));
            if !fits {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.left = rule.left.map(|left| left - 1);
            rule.hits += 1;
            return Some(rule.fault.clone());
        }
        None
    }
}

/// Whether a pattern fits the end of a path, segment by segment; `*` stands for any text within one.
fn path_fits(pattern: &str, path: &str) -> bool {
    let segments = |text: &str| -> Vec<String> {
        text.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
    };
    let (pattern, path) = (segments(pattern), segments(path));
    path.len() >= pattern.len()
        && pattern
            .iter()
            .rev()
            .zip(path.iter().rev())
            .all(|(pattern, segment)| segment_fits(pattern, segment))
}

fn segment_fits(pattern: &str, segment: &str) -> bool {
    let Some((lead, rest)) = pattern.split_once('*') else { return pattern == segment };
    let Some(tail) = segment.strip_prefix(lead) else { return false };
    (0..=tail.len()).filter(|cut| tail.is_char_boundary(*cut)).any(|cut| segment_fits(rest, &tail[cut..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_the_end_of_a_path() {
        for (pattern, path, expect) in [
            (
                "/access_groups/*/community_members",
                "/api/admin/v2/access_groups/4012/community_members",
                true,
            ),
            (
                "/access_groups/*/community_members",
                "/api/admin/v2/access_groups/4012/community_members/7",
                false,
            ),
            ("access_groups/*", "/api/admin/v2/access_groups/4012", true),
            ("/v1/events", "/v1/events", true),
            ("/v1/events", "/v1/events/evt_1", false),
            ("/cs_*", "/v1/checkout/sessions/cs_live_1", true),
            ("/a/b/c", "/b/c", false),
            ("*", "/anything", true),
        ] {
            assert_eq!(path_fits(pattern, path), expect, "{pattern} on {path}");
        }
    }

    #[test]
    fn a_rule_skips_then_hits_so_often_then_rests() {
        let mut faults = Faults::default();
        faults.add(&json!({ "provider": "kit", "kind": "reset_before", "after": 1, "times": 2 })).unwrap();
        let call = Call::new("GET", "/v4/tags");
        let met: Vec<bool> = (0..5).map(|_| faults.meet(Provider::Kit, &call).is_some()).collect();
        assert_eq!(met, [false, true, true, false, false]);
        assert!(faults.meet(Provider::Circle, &call).is_none());
    }

    #[test]
    fn a_bad_rule_says_what_is_allowed() {
        let mut faults = Faults::default();
        for (rule, expect) in [
            (json!({ "provider": "kit", "kind": "explode" }), "timeout_before, timeout_after"),
            (json!({ "provider": "mail", "kind": "down" }), "stripe, circle, kit"),
            (json!({ "provider": "kit", "kind": "status" }), "200 to 599"),
            (json!({ "provider": "kit", "kind": "slow" }), "delay_ms"),
            (json!({ "provider": "kit", "kind": "down", "time": 1 }), "not `time`"),
        ] {
            let refused = faults.add(&rule).unwrap_err();
            assert!(refused.contains(expect), "{rule}: {refused}");
        }
    }
}
