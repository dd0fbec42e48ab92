//! What is written in a cell: times, amounts, yes and no.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A cell that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{column}`{}{} {why}", of(id), is(value))]
pub struct Odd {
    /// The usual header of its column.
    pub column: &'static str,
    /// The id of its row; empty where that is not known either.
    pub id: String,
    /// What is written there, as [`crate::csv::shown`] shows it; empty where nothing is.
    pub value: String,
    /// What is wrong, in our words.
    pub why: &'static str,
}

fn of(id: &str) -> String {
    if id.is_empty() { String::new() } else { format!(" of `{id}`") }
}

fn is(value: &str) -> String {
    if value.is_empty() { String::new() } else { format!(": `{value}`") }
}

/// Currencies whose amounts have no decimals, and those with three.
///
/// Source: Stripe docs, *Supported currencies* (read 2026-11-30).
const WHOLE: [&str; 16] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof",
    "xpf",
];
const THOUSANDTHS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// An instant as exports write it: `2026-01-31 13:05`, with or without seconds or time, in UTC; ISO 8601; seconds since
/// 1970. A date whose day and month a spreadsheet swapped or shortened is none: it would be a guess.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    if let Ok(second) = text.parse::<i64>() {
        return (second > 100_000_000).then(|| Timestamp::from_second(second).ok()).flatten();
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let text = text.trim_end_matches("UTC").trim_end();
    let written = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];
    let civil = written.iter().find_map(|form| DateTime::strptime(form, text).ok());
    let civil = civil.or_else(|| Some(Date::strptime("%Y-%m-%d", text).ok()?.at(0, 0, 0, 0)))?;
    Some(civil.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp())
}

/// Yes or no.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "1" | "wahr" | "vrai" => Some(true),
        "false" | "no" | "0" | "falsch" | "faux" => Some(false),
        _ => None,
    }
}

/// An amount in minor units: `29.00`, `1,234.50`, `1.234,50` or `1234`. Nothing is rounded.
pub(super) fn minor(text: &str, currency: &str) -> Option<i64> {
    let currency = currency.to_lowercase();
    let decimals = if WHOLE.contains(&currency.as_str()) {
        0
    } else if THOUSANDTHS.contains(&currency.as_str()) {
        3
    } else {
        2
    };
    let text = text.trim();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    // The last mark that has not exactly three digits behind it, or follows another kind of mark, is the decimal one.
    let last = digits.rfind([',', '.']);
    let is_decimal = |at: usize| {
        let behind = digits.len() - at - 1;
        let others = digits[..at].contains(|c| matches!(c, ',' | '.') && !digits[at..].starts_with(c));
        others || behind != 3 || decimals == 3
    };
    let (whole, part) = match last {
        Some(at) if is_decimal(at) => (&digits[..at], &digits[at + 1..]),
        _ => (digits, ""),
    };
    let whole: String = whole.chars().filter(|c| !matches!(c, ',' | '.' | ' ' | '\u{a0}' | '\'')).collect();
    let (part, rest) = part.split_at(part.len().min(decimals));
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_plain(&whole) || !is_plain(part) || !rest.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let minor: i64 = format!("{whole}{part:0<decimals$}").parse().ok()?;
    Some(sign * minor)
}
