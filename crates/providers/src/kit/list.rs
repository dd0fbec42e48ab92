//! Kit's lists of people, for sweeps: the subscribers with a tag.
//!
//! `status=all` always: the default leaves out whoever unsubscribed, bounced or has not confirmed (§7.3). These lists
//! lag behind writes by minutes (§7.2), and rows of one second can be skipped or come twice at a page's edge (§6):
//! whoever reads them counts ids, and takes no absence for proof.

use super::observe::{Page, page};
use super::operations;
use super::request::{Account, Cursor, PER_PAGE};
use super::response::subscriber;
use super::tags::Tags;
use crate::answer::{Answer, id};
use crate::call::{Draft, Marks};
use frontdesk_core::sweep::{List, Listed};
use frontdesk_core::target::Failure;
use http::Request;
use jiff::Timestamp;

/// Pages of one list that are read: half a million people. A list that still goes on is no list.
pub const PAGES_MAX: u32 = 500;

/// The request for the page of a list that begins at `after`; the first without it.
///
/// # Errors
///
/// Nothing is to be sent then: [`Failure::Misconfigured`] for a tag that was not resolved,
/// [`Failure::Unauthorized`] for a credential that cannot be sent, [`Failure::Rejected`] for the list of everyone,
/// which is never read.
pub fn request(
    account: &Account,
    tags: &Tags,
    list: &List,
    after: Option<&Cursor>,
    marks: Marks<'_>,
) -> Result<Request<Vec<u8>>, Failure> {
    let List::In(item) = list else {
        return Err(Failure::Rejected { why: "everyone is not listed at Kit".to_owned() });
    };
    let tag = tags.id(item).ok_or_else(|| Failure::Misconfigured { mapping: item.clone() })?;
    let mut query = vec![("status", "all"), ("per_page", PER_PAGE)];
    query.extend(after.map(|cursor| ("after", cursor.as_str())));
    account.request(
        Draft { operation: &operations::SUBSCRIBERS_WITH, numbers: &[tag], query: &query, body: None },
        marks,
    )
}

/// Reads one page of a list.
///
/// # Errors
///
/// [`Failure::Misconfigured`] when the tag is gone. A page with an entry that cannot be read is no page: half a list
/// must not pass for a whole one.
pub fn read(list: &List, answer: &Answer<'_>, now: Timestamp) -> Result<Page<Listed>, Failure> {
    match list {
        List::In(item) if answer.status.as_u16() == 404 => {
            Err(Failure::Misconfigured { mapping: item.clone() })
        }
        _ => page(answer, now, "subscribers", |entry| match subscriber(entry) {
            Some((id, address, standing)) => {
                Some(Listed { id, address: Some(address), standing: Some(standing) })
            }
            // An address of Kit's own time may not be one of ours; the subscriber is still somebody.
            None => id(entry, "id").map(|id| Listed { id, address: None, standing: None }),
        }),
    }
}
