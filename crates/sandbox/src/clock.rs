//! The sandbox's clock: somebody else's time plus jumps.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// An offset to the time that the caller brings.
///
/// Behind the server that is wall time; in the simulator it is virtual time already and the offset stays
/// zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    offset: SignedDuration,
}

impl Clock {
    /// The sandbox's time at the caller's time.
    pub fn now(&self, real_now: Timestamp) -> Timestamp {
        real_now.saturating_add(self.offset).unwrap_or(Timestamp::MAX)
    }

    /// How far the sandbox's time is ahead.
    pub fn offset(&self) -> SignedDuration {
        self.offset
    }

    /// What `GET /_sandbox/clock` answers.
    pub(crate) fn state(&self, real_now: Timestamp) -> Value {
        let offset_ms = i64::try_from(self.offset.as_millis()).unwrap_or(i64::MAX);
        json!({ "now": self.now(real_now).to_string(), "offset_ms": offset_ms })
    }

    /// Jumps as `{"advance": "36h"}`, `{"to": "2026-12-01T00:00:00Z"}` or `{"back": "1h"}` says.
    ///
    /// `advance` and `to` go forwards only; `back` exists to test what a clock that is set back does.
    pub(crate) fn jump(&mut self, body: &Value, real_now: Timestamp) -> Result<(), String> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let by = match (text("advance"), text("to"), text("back")) {
            (Some(advance), None, None) => forwards(duration(advance)?)?,
            (None, Some(to), None) => {
                let to: Timestamp =
                    to.parse().map_err(|why| format!("`to` is an RFC 3339 instant: {why}"))?;
                forwards(to.duration_since(self.now(real_now)))?
            }
            (None, None, Some(back)) => -forwards(duration(back)?)?,
            _ => {
                return Err(
                    "give one of {\"advance\": \"36h\"}, {\"to\": \"2026-12-01T00:00:00Z\"} or {\"back\": \"1h\"}"
                        .to_owned(),
                );
            }
        };
        let offset = self.offset.checked_add(by).ok_or("the jump leaves the calendar")?;
        real_now.checked_add(offset).map_err(|_| "the jump leaves the calendar")?;
        self.offset = offset;
        Ok(())
    }
}

fn forwards(by: SignedDuration) -> Result<SignedDuration, String> {
    if by.is_negative() {
        Err("the clock goes forwards only; use `back` on purpose".to_owned())
    } else {
        Ok(by)
    }
}

/// Reads `90s`, `36h`, `1h 30m` or `31d`; a day is 24 hours.
pub(crate) fn duration(text: &str) -> Result<SignedDuration, String> {
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.trim().parse::<i32>().ok()) {
        return Ok(SignedDuration::from_hours(i64::from(days) * 24));
    }
    text.parse().map_err(|why| format!("`{text}` is not a length of time such as 90s, 36h or 31d: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn jumps_add_up_and_only_back_goes_back() {
        let real = at("2026-11-24T10:00:00Z");
        let mut clock = Clock::default();
        for (body, expect) in [
            (json!({ "advance": "36h" }), "2026-11-25T22:00:00Z"),
            (json!({ "advance": "31d" }), "2026-12-26T22:00:00Z"),
            (json!({ "to": "2027-01-01T00:00:00Z" }), "2027-01-01T00:00:00Z"),
            (json!({ "back": "1h" }), "2026-12-31T23:00:00Z"),
        ] {
            clock.jump(&body, real).unwrap();
            assert_eq!(clock.now(real), at(expect), "after {body}");
        }
        for refused in [
            json!({ "to": "2026-12-01T00:00:00Z" }),
            json!({ "advance": "-1h" }),
            json!({ "advance": "soon" }),
            json!({ "advance": "1h", "back": "1h" }),
            json!({}),
        ] {
            let before = clock;
            assert!(clock.jump(&refused, real).is_err(), "{refused} was taken");
            assert_eq!(clock, before);
        }
    }
}
