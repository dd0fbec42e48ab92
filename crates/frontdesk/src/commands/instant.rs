//! Instants as people type them.

use crate::config;
use crate::errors::{Code, Failure, Report};
use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

/// How an instant may be written, for messages.
pub(super) const FORMS: &str = "write 2026-11-24T08:00:00Z, `2026-11-24 08:00` on the site's clock, `08:00` for today, or how long ago it was, as in 3d or 12h";

/// Reads an instant: RFC 3339, a date with or without a time on the clock of `zone`, a time of today on that clock, or a
/// length of time before `now`. An hour that the clock shows twice is the first one, and one that it skips is as far behind the gap.
pub(super) fn instant(text: &str, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(span) = config::duration(text) {
        return now.checked_sub(span).ok();
    }
    let of_today = || {
        let time = ["%H:%M", "%H:%M:%S"].iter().find_map(|form| Time::strptime(form, text).ok())?;
        Some(zone.to_datetime(now).date().to_datetime(time))
    };
    let civil = || zone.to_timestamp(text.parse::<DateTime>().ok().or_else(of_today)?).ok();
    text.parse().ok().or_else(civil)
}

/// When files were exported, as typed.
///
/// # Errors
///
/// It is no instant, or one that is still to come.
pub(super) fn exported_at(
    typed: Option<&str>,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let Some(typed) = typed else { return Ok(None) };
    let odd = |what: String| Failure::from(Report::error(Code::NotAnId, what).hint(FORMS));
    match instant(typed, zone, now) {
        Some(at) if at <= now => Ok(Some(at)),
        Some(_) => Err(odd(format!("`--exported-at {typed}` is still to come"))),
        None => Err(odd(format!("`--exported-at {typed}` is no time"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_in_each_form_that_people_type() {
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let rows = [
            ("2026-11-24T08:00:00Z", Some("2026-11-24T08:00:00Z")),
            ("2026-11-24T08:00:00+02:00", Some("2026-11-24T06:00:00Z")),
            ("2026-11-24 08:00", Some("2026-11-24T07:00:00Z")),
            ("2026-11-24T08:00:30", Some("2026-11-24T07:00:30Z")),
            ("2026-07-01", Some("2026-06-30T22:00:00Z")),
            ("11:30", Some("2026-11-30T10:30:00Z")),
            ("8:05:30", Some("2026-11-30T07:05:30Z")),
            ("23:30", Some("2026-11-30T22:30:00Z")),
            ("3d", Some("2026-11-27T12:00:00Z")),
            (" 90m ", Some("2026-11-30T10:30:00Z")),
            ("yesterday", None),
            ("24.11.2026", None),
            ("1130", None),
            ("24:30", None),
            ("-3d", None),
            ("", None),
        ];
        for (text, expect) in rows {
            let expect = expect.map(|at| at.parse::<Timestamp>().unwrap());
            assert_eq!(instant(text, &zone, now), expect, "{text}");
        }
    }

    #[test]
    fn today_is_the_day_that_the_site_s_clock_shows() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let just_past_midnight = "2026-11-30T23:10:00Z".parse().unwrap();
        let at = instant("00:05", &zone, just_past_midnight);
        assert_eq!(at, Some("2026-11-30T23:05:00Z".parse().unwrap()));
    }
}
