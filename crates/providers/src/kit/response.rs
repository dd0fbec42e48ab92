//! Kit's answers, judged once. Only the status can be relied upon: messages are sentences without
//! codes (§5), so none is read.

use super::request::Cursor;
use super::tags::Tags;
use crate::answer::{Answer, id, part, parts, text};
use frontdesk_core::email::Email;
use frontdesk_core::target::{Failure, Seen, Standing, Step};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What Kit's `answers` to `step` show, or what its failure means.
///
/// One answer, or for a check all pages in order (see [`next_page`]). A check whose pages are not all
/// there shows the item if it is on one of them, and otherwise nothing.
///
/// A `404` says which row was asked, not what is missing (§5):
///
/// - untag, by id or address: whatever is gone, the person does not hold the tag;
/// - tag by address: taken for "nobody there", as the tag was resolved before; see [`doubts_tags`];
/// - tag by id: taken for "nobody with that id", which the read by id confirms or refutes (§5, row 8);
///   if it refutes it, the tag is gone: see [`doubts_tags`];
/// - by id: authoritative, nobody has that id;
/// - anywhere else it is undocumented and shows nothing.
///
/// [`Seen::NoPerson`] from [`Step::Find`] is weak for ten minutes after an enrolment: the list that it
/// reads lags behind (§7.2), so the id in the enrolment's own answer is to be kept.
///
/// A timeout or a 5xx on a write is [`Failure::Unknown`] although all writes here may simply be
/// repeated (§5): what to do about an unknown outcome is the engine's decision.
pub fn classify(tags: &Tags, step: &Step, answers: &[Answer<'_>], now: Timestamp) -> Result<Seen, Failure> {
    for answer in answers {
        if !answer.status.is_success() {
            return refused(step, answer, now);
        }
    }
    match (step, answers) {
        (Step::Check { id: Some(_), .. }, [_, ..]) => checked(tags, step, answers),
        (_, [answer]) => success(step, answer),
        _ => Err(Failure::Transient { why: "no answer to read".to_owned() }),
    }
}

/// The next page to ask for before [`classify`] can say all that a person holds; `None` when `answer`
/// was the last, or no page at all.
pub fn next_page(step: &Step, answer: &Answer<'_>) -> Option<Cursor> {
    if !matches!(step, Step::Check { id: Some(_), .. }) || !answer.status.is_success() {
        return None;
    }
    match cursor(&answer.object()?) {
        Some(Next::Page(cursor)) => Some(cursor),
        _ => None,
    }
}

/// Whether the answer leaves open that a tag was deleted: the tags are to be listed and resolved again
/// before the account's next step. A tag that is gone then makes its rows misconfigured; without
/// this, tagging would be refused for ever for a reason that no single answer tells.
pub fn doubts_tags(step: &Step, answer: &Answer<'_>) -> bool {
    answer.status.as_u16() == 404 && matches!(step, Step::Add { .. } | Step::Remove { .. })
}

/// An answer that is no 2xx.
fn refused(step: &Step, answer: &Answer<'_>, now: Timestamp) -> Result<Seen, Failure> {
    if let Some(failure) = refusal(step.writes(), answer, now) {
        return Err(failure);
    }
    match (answer.status.as_u16(), step) {
        (404, Step::Remove { .. }) => Ok(Seen::HoldsNot),
        (404, Step::Add { id: None, .. }) => Ok(Seen::NoPerson),
        (404, Step::Add { id: Some(_), .. } | Step::Check { id: Some(_), .. } | Step::Read { .. }) => {
            Ok(Seen::NoSuchId)
        }
        (404, Step::Enrol { .. } | Step::Find { .. } | Step::Check { id: None, .. }) => {
            Err(answer.transient("not found, where something always is"))
        }
        _ => Err(answer.rejected("refused for this person")),
    }
}

/// What the status decides whatever was asked. `None` for a `404` and for what is refused for good.
pub(super) fn refusal(writes: bool, answer: &Answer<'_>, now: Timestamp) -> Option<Failure> {
    if let Some(failure) = answer.trouble(writes, now) {
        return Some(failure);
    }
    match answer.status.as_u16() {
        // Also when the account lost its API access: trial over, free plan, failed payment (§3).
        401 => Some(answer.unauthorized("the credential is not accepted, or the account has no API access")),
        403 if answer.json().is_none() => Some(answer.transient("blocked at the edge, before the API")),
        403 => Some(answer.rejected("the account's subscriber limit, or not allowed")),
        409 => Some(answer.transient("something else is under way")),
        413 => Some(answer.transient("too much is queued")),
        _ => None,
    }
}

/// A 2xx to anything but a check by id. A body that is no JSON object is no success (RELIABILITY F71),
/// but for a removal, which is answered with an empty `204`.
fn success(step: &Step, answer: &Answer<'_>) -> Result<Seen, Failure> {
    if matches!(step, Step::Remove { .. }) {
        return removed(step, answer);
    }
    let unclear = |words: &str| answer.unclear(step.writes(), words);
    let object = answer.object().ok_or_else(|| unclear("a body that is no answer of the API"))?;
    match step {
        Step::Add { address, id: known, .. } => match part(&object, "subscriber").and_then(subscriber) {
            Some((id, at, _)) if known.map_or(at != *address, |known| known != id) => {
                Err(unclear("somebody else"))
            }
            Some(_) if matches!(answer.status.as_u16(), 200 | 201) => Ok(Seen::Done),
            _ => Ok(Seen::Accepted),
        },
        Step::Enrol { address, .. } => match part(&object, "subscriber").and_then(subscriber) {
            Some((_, at, _)) if at != *address => Err(unclear("somebody else")),
            Some((id, address, standing)) => {
                Ok(Seen::Person { id, address, standing, fresh: answer.status.as_u16() == 201 })
            }
            None => Ok(Seen::SomePerson),
        },
        Step::Read { id: asked } => match part(&object, "subscriber").and_then(subscriber) {
            Some((id, ..)) if id != *asked => Err(unclear("somebody else")),
            Some((id, address, standing)) => Ok(Seen::Person { id, address, standing, fresh: false }),
            None => Err(unclear("no subscriber that can be read")),
        },
        Step::Find { address } | Step::Check { address, .. } => found(address, &object).map_err(unclear),
        Step::Remove { .. } => removed(step, answer),
    }
}

/// A 2xx to a removal: documented as an empty `204`.
fn removed(step: &Step, answer: &Answer<'_>) -> Result<Seen, Failure> {
    if answer.status.as_u16() == 204 {
        Ok(Seen::Done)
    } else if answer.body.is_empty() || answer.object().is_some() {
        Ok(Seen::Accepted)
    } else {
        Err(answer.unclear(step.writes(), "a body that is no answer of the API"))
    }
}

/// The subscriber of this address in a list. One who is listed under another address is no match, and
/// a list of only such is an answer to another question.
fn found(address: &Email, object: &Map<String, Value>) -> Result<Seen, &'static str> {
    let listed = parts(object, "subscribers").ok_or("no list that can be read")?;
    let mut people = listed.iter().filter_map(|entry| subscriber(entry));
    match people.find(|(_, at, _)| at == address) {
        Some((id, address, standing)) => Ok(Seen::Person { id, address, standing, fresh: false }),
        None if listed.is_empty() => Ok(Seen::NoPerson),
        None => Err("somebody else"),
    }
}

/// The pages of a person's tags.
fn checked(tags: &Tags, step: &Step, answers: &[Answer<'_>]) -> Result<Seen, Failure> {
    let mut held = BTreeSet::new();
    let mut is_whole = false;
    for answer in answers {
        let page = answer.object().and_then(|object| {
            let ids =
                parts(&object, "tags")?.into_iter().map(|tag| id(tag, "id")).collect::<Option<Vec<_>>>()?;
            Some((ids, cursor(&object)?))
        });
        let (ids, next) = page.ok_or_else(|| answer.unclear(false, "no list that can be read"))?;
        held.extend(ids);
        is_whole = matches!(next, Next::End);
    }
    let asked = match step {
        Step::Check { item, .. } => tags.id(item),
        _ => None,
    };
    if is_whole {
        Ok(Seen::HoldsOnly(tags.managed(&held)))
    } else if asked.is_some_and(|id| held.contains(&id)) {
        Ok(Seen::Holds)
    } else {
        Err(Failure::Transient { why: "a list of tags whose end was not read".to_owned() })
    }
}

/// What follows a page.
pub(super) enum Next {
    Page(Cursor),
    End,
}

/// What follows the page that `object` is (§6); `None` if it does not say so.
pub(super) fn cursor(object: &Map<String, Value>) -> Option<Next> {
    let pagination = part(object, "pagination")?;
    if !pagination.get("has_next_page")?.as_bool()? {
        return Some(Next::End);
    }
    text(pagination, "end_cursor")
        .filter(|cursor| !cursor.is_empty())
        .map(|cursor| Next::Page(Cursor(cursor.to_owned())))
}

/// A subscriber object (§6): id, address, and how far they are.
pub(super) fn subscriber(object: &Map<String, Value>) -> Option<(u64, Email, Standing)> {
    let standing = match text(object, "state") {
        Some("active") => Standing::Active,
        Some("inactive") => Standing::Invited,
        Some("cancelled" | "bounced" | "complained") => Standing::OptedOut,
        _ => Standing::Known,
    };
    Some((id(object, "id")?, Email::parse(text(object, "email_address")?)?, standing))
}
