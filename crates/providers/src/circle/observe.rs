//! What the community itself holds: read at start-up and when the catalogue changes, to check that
//! the token works and that everything the catalogue names exists.

use super::operations;
use super::request::Account;
use super::response::{Words, forbidden, refusal};
use crate::answer::{Answer, id, parts, text};
use crate::call::{Draft, Marks};
use frontdesk_core::target::Failure;
use http::Request;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Entries asked for per page. No maximum is documented; 100 is used widely (§8).
pub const PER_PAGE: u32 = 100;

/// Pages read of one list before it is given up: far more groups and spaces than a community has.
pub const PAGES_MAX: u32 = 50;

/// One read of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Row 1. Its answer is read by [`community`].
    Community,
    /// Row 7, archived ones too, by page from 1. Its answer is read by [`groups`].
    Groups {
        /// Which page.
        page: u32,
    },
    /// Row 14, by page from 1. Its answer is read by [`spaces`].
    Spaces {
        /// Which page.
        page: u32,
    },
}

/// The request for a look.
///
/// # Errors
///
/// [`Failure::Unauthorized`] for a token that cannot be sent.
pub fn request(account: &Account, look: Look, marks: Marks<'_>) -> Result<Request<Vec<u8>>, Failure> {
    let per_page = PER_PAGE.to_string();
    let send = |operation, query: &[(&str, &str)]| {
        account.request(Draft { operation, numbers: &[], query, body: None }, marks)
    };
    match look {
        Look::Community => send(&operations::COMMUNITY, &[]),
        Look::Groups { page } => {
            let page = page.to_string();
            send(&operations::GROUPS, &[("status", "all"), ("page", &page), ("per_page", &per_page)])
        }
        Look::Spaces { page } => {
            send(&operations::SPACES, &[("page", &page.to_string()), ("per_page", &per_page)])
        }
    }
}

/// The community that the token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Community {
    /// Its id.
    pub id: u64,
    /// Its name, as its members know it.
    pub name: String,
    /// The last part of its address on circle.so, if told.
    pub slug: Option<String>,
}

/// An access group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id, as the catalogue names it.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Whether it was archived: nobody can be relied upon to be added to it (§7.6).
    pub is_archived: bool,
}

/// A space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Its id, as the catalogue names it.
    pub id: u64,
    /// Its name.
    pub name: String,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries. Lists move while they are read: the same one may come twice, and one may be
    /// skipped, so a scan proves presence and never absence (§8).
    pub entries: Vec<T>,
    /// Whether another page follows. Circle's `page_count` says something else (§8) and is not read.
    pub has_next: bool,
}

/// Reads the answer to [`Look::Community`].
pub fn community(answer: &Answer<'_>, now: Timestamp) -> Result<Community, Failure> {
    let object = object(answer, now)?;
    let community = || {
        let slug = text(&object, "slug").map(str::to_owned);
        Some(Community { id: id(&object, "id")?, name: text(&object, "name")?.to_owned(), slug })
    };
    community().ok_or_else(|| answer.transient("no community that can be read"))
}

/// Reads the answer to [`Look::Groups`].
pub fn groups(answer: &Answer<'_>, now: Timestamp) -> Result<Page<Group>, Failure> {
    page(answer, now, |record| {
        let is_archived = text(record, "status") == Some("archived");
        Some(Group { id: id(record, "id")?, name: text(record, "name")?.to_owned(), is_archived })
    })
}

/// Reads the answer to [`Look::Spaces`].
pub fn spaces(answer: &Answer<'_>, now: Timestamp) -> Result<Page<Space>, Failure> {
    page(answer, now, |record| Some(Space { id: id(record, "id")?, name: text(record, "name")?.to_owned() }))
}

pub(super) fn page<T>(
    answer: &Answer<'_>,
    now: Timestamp,
    read: impl Fn(&Map<String, Value>) -> Option<T>,
) -> Result<Page<T>, Failure> {
    let object = object(answer, now)?;
    let page = || {
        let entries = parts(&object, "records")?.into_iter().map(read).collect::<Option<_>>()?;
        Some(Page { entries, has_next: object.get("has_next_page")?.as_bool()? })
    };
    page().ok_or_else(|| answer.transient("no list that can be read"))
}

/// The body of a `200`; anything else is a failure. A list without the marks of success stays unread:
/// an error page must not pass for an empty community.
fn object(answer: &Answer<'_>, now: Timestamp) -> Result<Map<String, Value>, Failure> {
    if answer.status.is_success() {
        return answer.object().ok_or_else(|| answer.transient("a body that is no answer of the API"));
    }
    Err(refusal(false, answer, now).unwrap_or_else(|| match answer.status.as_u16() {
        403 => forbidden(answer, &Words::of(answer), now),
        _ => answer.transient("refused"),
    }))
}
