//! What the account itself holds: read at start-up and when the catalogue changes, to check that the
//! credential works and to resolve the names of tags.

use super::operations;
use super::request::{Account, Cursor, PER_PAGE};
use super::response::{Next, cursor, refusal};
use super::tags::Tag;
use crate::answer::{Answer, id, part, parts, text};
use crate::call::{Draft, Marks};
use frontdesk_core::target::Failure;
use http::Request;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Pages read of one list before it is given up: at a thousand a page, far more than an account has.
pub const PAGES_MAX: u32 = 20;

/// One read of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Row 1. Its answer is read by [`owner`].
    Account,
    /// Row 6. Its answer is read by [`tags`].
    Tags {
        /// Where the page begins; `None` for the first.
        after: Option<Cursor>,
    },
    /// Row 14. Its answer is read by [`fields`].
    Fields {
        /// Where the page begins; `None` for the first.
        after: Option<Cursor>,
    },
}

/// The request for a look.
///
/// # Errors
///
/// [`Failure::Unauthorized`] for a credential that cannot be sent.
pub fn request(account: &Account, look: &Look, marks: Marks<'_>) -> Result<Request<Vec<u8>>, Failure> {
    let (operation, after) = match look {
        Look::Account => (&operations::ACCOUNT, None),
        Look::Tags { after } => (&operations::TAGS, after.as_ref()),
        Look::Fields { after } => (&operations::FIELDS, after.as_ref()),
    };
    let mut query = Vec::new();
    if !matches!(look, Look::Account) {
        query.push(("per_page", PER_PAGE));
    }
    query.extend(after.map(|Cursor(cursor)| ("after", cursor.as_str())));
    account.request(Draft { operation, numbers: &[], query: &query, body: None }, marks)
}

/// The account that the credential opens, without anybody's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Kit's number of the account.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its plan as a word, if told.
    pub plan: Option<String>,
    /// How many subscribers the plan allows, if told.
    pub subscribers_max: Option<u64>,
    /// Whether it is on trial: API access may end with the trial (§3).
    pub is_on_trial: bool,
    /// When the plan ends, if it was cancelled: API access ends with it (§3).
    pub plan_ends_at: Option<Timestamp>,
}

/// A custom field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Kit's number of it. The key changes when somebody renames the label, the number stays (§7.8).
    pub id: u64,
    /// The key under which values are written.
    pub key: String,
    /// The label that people see.
    pub label: String,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

/// Reads the answer to [`Look::Account`].
pub fn owner(answer: &Answer<'_>, now: Timestamp) -> Result<Owner, Failure> {
    let object = object(answer, now)?;
    let owner = || {
        let account = part(&object, "account")?;
        let plan = part(&object, "plan");
        Some(Owner {
            id: id(account, "id")?,
            name: text(account, "name")?.to_owned(),
            plan: text(account, "plan_type").map(str::to_owned),
            subscribers_max: plan.and_then(|plan| id(plan, "subscriber_limit")),
            is_on_trial: plan.and_then(|plan| plan.get("on_trial")?.as_bool()).unwrap_or(false),
            plan_ends_at: plan.and_then(|plan| text(plan, "cancels_at")?.parse().ok()),
        })
    };
    owner().ok_or_else(|| answer.transient("no account that can be read"))
}

/// Reads the answer to [`Look::Tags`].
pub fn tags(answer: &Answer<'_>, now: Timestamp) -> Result<Page<Tag>, Failure> {
    page(answer, now, "tags", |tag| Some(Tag { id: id(tag, "id")?, name: text(tag, "name")?.to_owned() }))
}

/// Reads the answer to [`Look::Fields`].
pub fn fields(answer: &Answer<'_>, now: Timestamp) -> Result<Page<Field>, Failure> {
    page(answer, now, "custom_fields", |field| {
        let own = |name| text(field, name).map(str::to_owned);
        Some(Field { id: id(field, "id")?, key: own("key")?, label: own("label")? })
    })
}

pub(super) fn page<T>(
    answer: &Answer<'_>,
    now: Timestamp,
    name: &str,
    read: impl Fn(&Map<String, Value>) -> Option<T>,
) -> Result<Page<T>, Failure> {
    let object = object(answer, now)?;
    let page = || {
        let entries = parts(&object, name)?.into_iter().map(read).collect::<Option<_>>()?;
        let next = match cursor(&object)? {
            Next::Page(cursor) => Some(cursor),
            Next::End => None,
        };
        Some(Page { entries, next })
    };
    page().ok_or_else(|| answer.transient("no list that can be read"))
}

/// The body of a `200`; anything else is a failure. An error page must not pass for an empty account.
fn object(answer: &Answer<'_>, now: Timestamp) -> Result<Map<String, Value>, Failure> {
    if answer.status.is_success() {
        return answer.object().ok_or_else(|| answer.transient("a body that is no answer of the API"));
    }
    Err(refusal(false, answer, now).unwrap_or_else(|| answer.transient("refused")))
}
