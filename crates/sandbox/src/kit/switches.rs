//! The switches: where Kit is silent, or where reports disagree, one behaviour is picked.

use jiff::SignedDuration;
use serde_json::{Map, Value};

use crate::post::Manner;
use crate::switch::{count, count_or_null, flag, one_of, unknown};

/// How far lists trail the writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lag {
    Fixed(SignedDuration),
    /// Half within 30 seconds, 99 of 100 within 5 minutes.
    /// Source: Kit developer documentation, *Eventual consistency*.
    Profile,
}

impl Lag {
    /// The longest that a read may trail.
    pub(super) fn longest(self) -> SignedDuration {
        match self {
            Self::Fixed(lag) => lag,
            Self::Profile => SignedDuration::from_secs(300),
        }
    }

    /// One lag of the profile from a random number: its upper bits pick the band, the lower the second.
    pub(super) fn profile(draw: u64) -> SignedDuration {
        let (from, until) = match (draw >> 32) % 100 {
            0..50 => (0, 30),
            50..90 => (30, 120),
            _ => (120, 300),
        };
        let second = i64::try_from((draw & 0xffff_ffff) % (until - from)).expect("it is less than 300");
        SignedDuration::from_secs(i64::try_from(from).expect("it is at most 120") + second)
    }
}

/// What a key that no custom field has does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnknownField {
    /// A success with `warnings`; the key is ignored.
    Warnings,
    Unprocessable,
}

/// What rows of one second do where a page ends between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageEdge {
    Exact,
    Skip,
    Repeat,
}

/// Every switch, at its most probable setting to begin with.
#[derive(Clone, Debug)]
pub(super) struct Switches {
    /// Whether an upsert of somebody who exists writes the fields.
    pub(super) upsert_writes_fields: bool,
    pub(super) unknown_field: UnknownField,
    pub(super) unset_fields_shown: bool,
    pub(super) untag_absent_found: bool,
    pub(super) is_case_strict: bool,
    pub(super) list_lag: Lag,
    pub(super) tags_of_subscriber_lag: bool,
    pub(super) page_edge: PageEdge,
    /// Requests per rolling minute; `None` is 120 for a key and 600 for a token.
    pub(super) limit_per_minute: Option<u64>,
    /// How long more than ten fields wait.
    pub(super) fields_delay: SignedDuration,
    /// How webhooks travel.
    pub(super) webhook_delivery: Manner,
    /// Whether an API key may not manage webhook endpoints, as one integration saw it.
    pub(super) endpoints_refuse_keys: bool,
    /// Whether an endpoint may be on a private network, where a sandbox's receiver is.
    pub(super) takes_private_urls: bool,
    /// What was set by name, for the page that shows the fake.
    set: Map<String, Value>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            upsert_writes_fields: true,
            unknown_field: UnknownField::Warnings,
            unset_fields_shown: true,
            untag_absent_found: true,
            is_case_strict: false,
            list_lag: Lag::Fixed(SignedDuration::ZERO),
            tags_of_subscriber_lag: false,
            page_edge: PageEdge::Exact,
            limit_per_minute: None,
            fields_delay: SignedDuration::from_secs(5),
            webhook_delivery: Manner::Normal,
            endpoints_refuse_keys: false,
            takes_private_urls: true,
            set: Map::new(),
        }
    }
}

/// The names and what each takes, the default first where one is listed.
const KNOWN: &[(&str, &str)] = &[
    ("update_fields", "true, false"),
    ("unknown_field", "warnings, 422"),
    ("unset_fields", "null, missing"),
    ("untag_absent", "204, 404"),
    ("email_case", "insensitive, strict"),
    ("list_lag_s", "seconds, profile"),
    ("tags_of_subscriber_lag", "false, true"),
    ("page_edge", "none, skip, repeat"),
    ("limit_per_minute", "null, requests"),
    ("fields_delay_s", "seconds"),
    ("webhook_delivery", "normal, lost, twice, reversed, {late}, {times}"),
    ("webhook_endpoints_with_key", "201, 401"),
    ("private_url", "201, 422"),
];

impl Switches {
    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
        match name {
            "update_fields" => self.upsert_writes_fields = flag(name, value)?,
            "unknown_field" => {
                let allowed = [("warnings", UnknownField::Warnings), ("422", UnknownField::Unprocessable)];
                self.unknown_field = one_of(name, value, &allowed)?;
            }
            "unset_fields" => {
                self.unset_fields_shown = one_of(name, value, &[("null", true), ("missing", false)])?;
            }
            "untag_absent" => {
                self.untag_absent_found = one_of(name, value, &[("204", true), ("404", false)])?;
            }
            "email_case" => {
                self.is_case_strict = one_of(name, value, &[("insensitive", false), ("strict", true)])?;
            }
            "list_lag_s" => {
                self.list_lag =
                    if value == "profile" { Lag::Profile } else { Lag::Fixed(seconds(name, value)?) };
            }
            "tags_of_subscriber_lag" => self.tags_of_subscriber_lag = flag(name, value)?,
            "page_edge" => {
                let allowed =
                    [("none", PageEdge::Exact), ("skip", PageEdge::Skip), ("repeat", PageEdge::Repeat)];
                self.page_edge = one_of(name, value, &allowed)?;
            }
            "limit_per_minute" => self.limit_per_minute = count_or_null(name, value)?,
            "fields_delay_s" => self.fields_delay = seconds(name, value)?,
            "webhook_delivery" => self.webhook_delivery = Manner::parse(value)?,
            "webhook_endpoints_with_key" => {
                self.endpoints_refuse_keys = one_of(name, value, &[("201", false), ("401", true)])?;
            }
            "private_url" => {
                self.takes_private_urls = one_of(name, value, &[("201", true), ("422", false)])?;
            }
            _ => return Err(unknown(name, KNOWN)),
        }
        self.set.insert(name.to_owned(), value.clone());
        Ok(())
    }

    /// The switches that were set, by name.
    pub(super) fn state(&self) -> Value {
        Value::Object(self.set.clone())
    }
}

/// At most a day: a longer lag would keep the whole run in memory.
fn seconds(name: &str, value: &Value) -> Result<SignedDuration, String> {
    let seconds = count(name, value)?;
    i64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds <= 86_400)
        .map(SignedDuration::from_secs)
        .ok_or_else(|| format!("switch `{name}` takes at most 86400 seconds, not {value}"))
}
