//! Counts calls: per billing month against the plan's allowance, and in bursts of five minutes.
//!
//! Source: Circle developer site, *Usage and limits* with its FAQ and *Optimizing usage* (autumn 2026).

use std::collections::{BTreeMap, VecDeque};

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The statuses that cost a request. A `429` costs one in the newer document; the caller decides that.
const COUNTED: [u16; 10] = [200, 201, 204, 400, 401, 403, 404, 405, 422, 429];

/// The window of the burst limit.
const BURST_WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// The instant in Circle's usual form: UTC with milliseconds.
pub(super) fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A call without its ids, such as `POST /access_groups/{id}/community_members`.
pub(super) fn operation(method: &str, parts: &[&str]) -> String {
    let mut text = method.to_owned();
    text.push(' ');
    for part in parts {
        text.push('/');
        text.push_str(if part.parse::<u64>().is_ok() { "{id}" } else { part });
    }
    text
}

/// The calls of one billing month.
#[derive(Clone, Debug, Default)]
struct Month {
    own: u64,
    others: u64,
    by_status: BTreeMap<u16, u64>,
    by_operation: BTreeMap<String, u64>,
}

/// Every counted call, by the first day of its billing month.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    months: BTreeMap<Date, Month>,
    /// New members through the API, by UTC day.
    invited: BTreeMap<Date, u64>,
}

impl Ledger {
    /// Counts a call that was answered with `status`; server errors are never counted.
    pub(super) fn count(&mut self, now: Timestamp, billing_day: i8, operation: &str, status: u16) {
        if !COUNTED.contains(&status) {
            return;
        }
        let month = self.months.entry(month_start(now, billing_day)).or_default();
        month.own += 1;
        *month.by_status.entry(status).or_default() += 1;
        *month.by_operation.entry(operation.to_owned()).or_default() += 1;
    }

    /// Adds calls that other integrations of the same community made.
    pub(super) fn count_others(&mut self, now: Timestamp, billing_day: i8, calls: u64) {
        self.months.entry(month_start(now, billing_day)).or_default().others += calls;
    }

    /// Everything used in the billing month of `now`.
    pub(super) fn used(&self, now: Timestamp, billing_day: i8) -> u64 {
        self.months.get(&month_start(now, billing_day)).map_or(0, |month| month.own + month.others)
    }

    /// Counts a new member.
    pub(super) fn count_invited(&mut self, now: Timestamp) {
        *self.invited.entry(day(now)).or_default() += 1;
    }

    /// New members on the UTC day of `now`. When Circle's own day rolls over is not documented.
    pub(super) fn invited_on_day(&self, now: Timestamp) -> u64 {
        self.invited.get(&day(now)).copied().unwrap_or(0)
    }

    pub(super) fn state(&self, now: Timestamp, billing_day: i8, allowance: u64) -> Value {
        let start = month_start(now, billing_day);
        let month = self.months.get(&start).cloned().unwrap_or_default();
        let used = month.own + month.others;
        let by_status: BTreeMap<String, u64> =
            month.by_status.iter().map(|(status, calls)| (status.to_string(), *calls)).collect();
        let months: BTreeMap<String, u64> =
            self.months.iter().map(|(start, month)| (start.to_string(), month.own + month.others)).collect();
        json!({
            "month_start": start.to_string(), "renews": next_start(start, billing_day).to_string(),
            "used": used, "own": month.own, "others": month.others,
            "allowance": allowance, "over": used.saturating_sub(allowance),
            "by_status": by_status, "by_operation": month.by_operation, "months": months,
            "invited_today": self.invited_on_day(now),
        })
    }
}

fn day(now: Timestamp) -> Date {
    Offset::UTC.to_datetime(now).date()
}

/// The first day of the billing month that holds `now`, in UTC.
fn month_start(now: Timestamp, billing_day: i8) -> Date {
    let today = day(now);
    let this_month = on_day(today, billing_day);
    if today >= this_month {
        return this_month;
    }
    let last_month =
        today.first_of_month().yesterday().expect("the sandbox's clock is far from the first year");
    on_day(last_month, billing_day)
}

fn next_start(start: Date, billing_day: i8) -> Date {
    let next_month = start.last_of_month().tomorrow().expect("the sandbox's clock is far from the last year");
    on_day(next_month, billing_day)
}

/// The billing day in the month of `date`; a month that is too short bills on its last day.
fn on_day(date: Date, billing_day: i8) -> Date {
    let day = billing_day.clamp(1, date.days_in_month());
    date.with().day(day).build().expect("the day is within the month")
}

/// The calls of the last five minutes, from the one address that a sandbox is called from.
#[derive(Clone, Debug, Default)]
pub(super) struct Burst {
    admitted: VecDeque<Timestamp>,
}

impl Burst {
    /// Whether one more call fits. A call that does not fit is not remembered.
    pub(super) fn admit(&mut self, now: Timestamp, limit: u64) -> bool {
        while self.admitted.front().is_some_and(|at| now.duration_since(*at) >= BURST_WINDOW) {
            self.admitted.pop_front();
        }
        let fits = (self.admitted.len() as u64) < limit;
        if fits {
            self.admitted.push_back(now);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_billing_month_starts_on_its_day_or_the_last_of_a_short_month() {
        for (now, day, start, renews) in [
            ("2026-03-01T00:00:00Z", 1, "2026-03-01", "2026-04-01"),
            ("2026-03-13T23:59:59Z", 14, "2026-02-14", "2026-03-14"),
            ("2026-03-14T00:00:00Z", 14, "2026-03-14", "2026-04-14"),
            ("2026-01-05T12:00:00Z", 14, "2025-12-14", "2026-01-14"),
            ("2026-02-28T00:00:00Z", 31, "2026-02-28", "2026-03-31"),
            ("2026-03-30T00:00:00Z", 31, "2026-02-28", "2026-03-31"),
        ] {
            let found = month_start(now.parse().unwrap(), day);
            assert_eq!(found.to_string(), start, "{now} on day {day}");
            assert_eq!(next_start(found, day).to_string(), renews, "{now} on day {day}");
        }
    }

    #[test]
    fn server_errors_and_conflicts_cost_nothing() {
        let now = "2026-03-01T00:00:00Z".parse().unwrap();
        let mut ledger = Ledger::default();
        for status in [200, 201, 204, 400, 401, 403, 404, 405, 422, 429, 409, 500, 502, 503] {
            ledger.count(now, 1, "GET /community", status);
        }
        assert_eq!(ledger.used(now, 1), 10);
    }
}
