//! Circle's answers, judged once: by status and text together.
//!
//! One status means several things here. A `404` is told apart by `error_details.message` alone
//! (§5.3), a `403` and a `401` by their text (§5.2). A text that is missing or changed never decides
//! anything: it is confirmed by reading.

use crate::answer::{Answer, id, part, text};
use frontdesk_core::email::Email;
use frontdesk_core::target::{Failure, Item, Seen, Standing, Step};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// What Circle's answer to `step` shows, or what its failure means.
///
/// A refused call can still be an observation: "not in the group" is [`Seen::HoldsNot`].
/// [`Seen::LookFirst`] answers a write that may have been needless or may be impossible; after a
/// look that shows it is still wanted and a second such answer, a person must look.
pub fn classify(step: &Step, answer: &Answer<'_>, now: Timestamp) -> Result<Seen, Failure> {
    if answer.status.is_success() {
        return success(step, answer);
    }
    if let Some(failure) = refusal(step.writes(), answer, now) {
        return Err(failure);
    }
    let words = Words::of(answer);
    // Two integrations were answered so when the person was in the group already (row 8).
    if matches!(step, Step::Add { .. }) && words.contain("already") {
        return Ok(Seen::LookFirst);
    }
    match answer.status.as_u16() {
        403 => Err(forbidden(answer, &words, now)),
        404 => missing(step, answer, &words),
        // The documented text for an address whose domain the community blocks (row 3).
        422 if matches!(step, Step::Enrol { .. }) && words.are("Invalid email address") => {
            Err(answer.rejected("the address is not taken"))
        }
        409 | 422 if step.writes() => Ok(Seen::LookFirst),
        _ => Err(answer.rejected("refused for this person")),
    }
}

/// What the status decides whatever was asked: trouble at the provider, the limits, the credential.
/// `None` for what depends on the request or on the text of a `403`.
pub(super) fn refusal(writes: bool, answer: &Answer<'_>, now: Timestamp) -> Option<Failure> {
    if let Some(failure) = answer.trouble(writes, now) {
        return Some(failure);
    }
    match answer.status.as_u16() {
        401 if Words::of(answer).are("You cannot perform this action") => {
            Some(answer.rejected("not allowed for this person"))
        }
        401 => Some(answer.unauthorized("the token is not accepted")),
        _ => None,
    }
}

/// A `403`, by its text (§5.2).
pub(super) fn forbidden(answer: &Answer<'_>, words: &Words, now: Timestamp) -> Failure {
    if !words.are_json {
        return answer.transient("blocked at the edge, before the API");
    }
    if words.contain("not eligible for admin api v2") {
        answer.unauthorized("the plan has no Admin API")
    } else if words.contain("daily member limit") {
        Failure::CappedUntil { until: next_day(now) }
    } else if words.contain("maximum limit of members") {
        answer.rejected("the plan is full")
    } else {
        let why = answer.why("a token of the wrong type, or the allowance is used up");
        Failure::Unauthorized { why, perhaps_spent: true }
    }
}

/// A `404`, by what is said to be missing (§5.3). Words that do not fit the question say nothing.
fn missing(step: &Step, answer: &Answer<'_>, words: &Words) -> Result<Seen, Failure> {
    let record = words.missing_record();
    let record = record.as_deref().unwrap_or_default();
    match (step, record) {
        (Step::Read { .. }, "community member") => Ok(Seen::NoSuchId),
        (Step::Find { .. } | Step::Add { .. } | Step::Remove { .. } | Step::Check { .. }, "user")
        | (Step::Find { .. }, "community member") => Ok(Seen::NoPerson),
        (
            Step::Remove { item: Item::CircleGroup(_), .. } | Step::Check { item: Item::CircleGroup(_), .. },
            "access group community member",
        )
        | (
            Step::Remove { item: Item::CircleSpace(_), .. } | Step::Check { item: Item::CircleSpace(_), .. },
            "space member",
        ) => Ok(Seen::HoldsNot),
        (
            Step::Add { item, .. } | Step::Remove { item, .. } | Step::Check { item, .. },
            "access group" | "space",
        ) if matches!(
            (item, record),
            (Item::CircleGroup(_), "access group") | (Item::CircleSpace(_), "space")
        ) =>
        {
            Err(Failure::Misconfigured { mapping: item.clone() })
        }
        _ if step.writes() => Ok(Seen::LookFirst),
        _ => Err(answer.transient("nothing found, in words that do not say what")),
    }
}

/// A 2xx. It counts as done only with the documented text; a body that is no JSON object, or that
/// says `"success": false`, is no success (RELIABILITY F71).
fn success(step: &Step, answer: &Answer<'_>) -> Result<Seen, Failure> {
    let unclear = |words: &str| answer.unclear(step.writes(), words);
    let object = answer.object().ok_or_else(|| unclear("a body that is no answer of the API"))?;
    let words = Words::of(answer);
    let says_failed = object.get("success").and_then(Value::as_bool) == Some(false);
    if says_failed && step.writes() && words.contain("already") {
        return Ok(Seen::LookFirst);
    }
    if says_failed {
        return Err(unclear("a success that says it failed"));
    }
    match step {
        Step::Add { item, .. } => Ok(done_if(words.say_added(item))),
        Step::Remove { item, .. } => Ok(done_if(words.say_removed(item))),
        Step::Enrol { address, .. } => {
            let member = part(&object, "community_member").unwrap_or(&object);
            let (Some(id), Some(at)) = (id(member, "id"), address_of(member)) else {
                return Ok(Seen::SomePerson);
            };
            if at != *address {
                return Err(unclear("somebody else"));
            }
            // Circle tells of an existing member in the text alone (§7.1).
            Ok(Seen::Person { id, address: at, standing: standing(member), fresh: !words.contain("already") })
        }
        Step::Find { address } => match person(&object) {
            Some(Seen::Person { address: at, .. }) if at != *address => Err(unclear("somebody else")),
            Some(seen) => Ok(seen),
            None => Err(unclear("no member that can be read")),
        },
        Step::Read { id: asked } => match person(&object) {
            Some(Seen::Person { id, .. }) if id != *asked => Err(unclear("somebody else")),
            Some(seen) => Ok(seen),
            None => Err(unclear("no member that can be read")),
        },
        Step::Check { item, address, .. } => checked(item, address, &object).map_err(unclear),
    }
}

/// The answer to a membership check: the membership of the group or space that was asked about, and of
/// the person, where the answer names one.
fn checked(item: &Item, address: &Email, object: &Map<String, Value>) -> Result<Seen, &'static str> {
    let (name, asked) = match item {
        Item::CircleGroup(group) => ("access_group_id", *group),
        Item::CircleSpace(space) => ("space_id", *space),
        Item::KitTag(_) => return Err("no membership that can be read"),
    };
    match id(object, name) {
        None => return Err("no membership that can be read"),
        Some(other) if other != asked => return Err("another group or space"),
        Some(_) => {}
    }
    match part(object, "community_member").and_then(address_of) {
        Some(at) if at != *address => Err("somebody else"),
        _ => Ok(Seen::Holds),
    }
}

const fn done_if(documented: bool) -> Seen {
    if documented { Seen::Done } else { Seen::Accepted }
}

/// A member object (§6). Only `id` and `email` can be relied upon.
fn person(member: &Map<String, Value>) -> Option<Seen> {
    let (id, address) = (id(member, "id")?, address_of(member)?);
    Some(Seen::Person { id, address, standing: standing(member), fresh: false })
}

pub(super) fn address_of(member: &Map<String, Value>) -> Option<Email> {
    Email::parse(text(member, "email")?)
}

/// How far a member is (§6.1): active once the profile is confirmed.
///
/// A confirmed profile that is said to be inactive contradicts itself (perhaps deactivated), and a
/// member without the field says nothing: both are [`Standing::Known`].
pub(super) fn standing(member: &Map<String, Value>) -> Standing {
    let is_active = member.get("active").and_then(Value::as_bool);
    match member.get("profile_confirmed_at") {
        Some(Value::String(at)) if !at.is_empty() && is_active == Some(false) => Standing::Known,
        Some(Value::String(at)) if !at.is_empty() => Standing::Active,
        Some(Value::Null | Value::String(_)) => Standing::Invited,
        _ => Standing::Known,
    }
}

/// The start of the next day in UTC, when the daily cap on new members is taken to be lifted. Circle
/// does not say in which zone its day ends; too early costs one refused call.
fn next_day(now: Timestamp) -> Timestamp {
    const DAY_SECONDS: i64 = 24 * 60 * 60;
    let day = now.as_second().div_euclid(DAY_SECONDS) + 1;
    Timestamp::from_second(day * DAY_SECONDS).unwrap_or(Timestamp::MAX)
}

/// The texts of an answer, in any of the shapes of §5.1.
pub(super) struct Words {
    /// Whether the body is JSON at all: the edge answers in HTML.
    are_json: bool,
    message: String,
    detail: String,
}

impl Words {
    pub(super) fn of(answer: &Answer<'_>) -> Self {
        let json = answer.json();
        let are_json = json.is_some();
        let object = match json {
            Some(Value::Object(object)) => object,
            _ => Map::new(),
        };
        let message = text(&object, "message").or_else(|| text(&object, "errors")).unwrap_or_default();
        let detail = match object.get("error_details") {
            Some(Value::String(detail)) => detail,
            Some(Value::Object(details)) => text(details, "message").unwrap_or_default(),
            _ => "",
        };
        let plain = |text: &str| text.trim().trim_end_matches('.').to_owned();
        Self { are_json, message: plain(message), detail: plain(detail) }
    }

    /// Whether the message is this one, but for case and a full stop.
    fn are(&self, message: &str) -> bool {
        self.message.eq_ignore_ascii_case(message)
    }

    /// Whether the message or the detail contains these words, in lower case.
    fn contain(&self, words: &str) -> bool {
        [&self.message, &self.detail].iter().any(|text| text.to_ascii_lowercase().contains(words))
    }

    /// What a `404` says is missing, in lower case.
    fn missing_record(&self) -> Option<String> {
        let detail = self.detail.to_ascii_lowercase();
        detail.strip_prefix("missing record:").map(|record| record.trim().to_owned())
    }

    /// Whether these are the documented words for "is in it now" (rows 8 and 15).
    fn say_added(&self, item: &Item) -> bool {
        match item {
            Item::CircleGroup(_) => self.name_a_group("Member has been added to '"),
            Item::CircleSpace(_) => self.message == "User added to space",
            Item::KitTag(_) => false,
        }
    }

    /// Whether these are the documented words for "is out of it now" (rows 9 and 16).
    fn say_removed(&self, item: &Item) -> bool {
        match item {
            Item::CircleGroup(_) => self.name_a_group("Member removed from '"),
            Item::CircleSpace(_) => self.message == "Member removed from space",
            Item::KitTag(_) => false,
        }
    }

    /// `start`, any name, and the documented end.
    fn name_a_group(&self, start: &str) -> bool {
        self.message.strip_prefix(start).is_some_and(|rest| rest.ends_with("' access group"))
    }
}
