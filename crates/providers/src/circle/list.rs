//! Circle's lists of people, for sweeps: all members, the members of a group, the members of a space.
//!
//! `status=all` always: the default leaves out everyone who was invited and has not yet accepted, and `inactive`
//! means just that, not "deactivated" (§6.1). Pages are numbered over lists that change meanwhile, so entries can be
//! skipped or come twice (§8): whoever reads them counts ids, and takes no absence for proof.

use super::observe::{PER_PAGE, Page, page};
use super::operations;
use super::request::Account;
use super::response::{address_of, standing};
use crate::answer::{Answer, id, part};
use crate::call::{Draft, Marks};
use frontdesk_core::sweep::{List, Listed};
use frontdesk_core::target::{Failure, Item};
use http::Request;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Pages of one list that are read: half a million people. A list that still goes on is no list.
pub const PAGES_MAX: u32 = 5_000;

/// The request for one page of a list, from 1.
///
/// # Errors
///
/// Nothing is to be sent then: [`Failure::Misconfigured`] for an item that is not Circle's,
/// [`Failure::Unauthorized`] for a token that cannot be sent.
pub fn request(
    account: &Account,
    list: &List,
    page: u32,
    marks: Marks<'_>,
) -> Result<Request<Vec<u8>>, Failure> {
    let (page, per_page) = (page.to_string(), PER_PAGE.to_string());
    let paged = [("page", page.as_str()), ("per_page", per_page.as_str())];
    let send = |operation, numbers: &[u64], filter: &[(&str, &str)]| {
        let query: Vec<_> = filter.iter().chain(&paged).copied().collect();
        account.request(Draft { operation, numbers, query: &query, body: None }, marks)
    };
    match list {
        List::Everyone => send(&operations::MEMBERS, &[], &[("status", "all")]),
        List::In(Item::CircleGroup(group)) => send(&operations::MEMBERS_OF_GROUP, &[*group], &[]),
        List::In(Item::CircleSpace(space)) => {
            let space = space.to_string();
            send(&operations::MEMBERS_OF_SPACE, &[], &[("space_id", &space), ("status", "all")])
        }
        List::In(item @ Item::KitTag(_)) => Err(Failure::Misconfigured { mapping: item.clone() }),
    }
}

/// Reads one page of a list.
///
/// # Errors
///
/// A page with an entry that cannot be read, or that belongs to another group or space than the one asked for, is no
/// page: half a list must not pass for a whole one.
pub fn read(list: &List, answer: &Answer<'_>, now: Timestamp) -> Result<Page<Listed>, Failure> {
    let missing = |item: &Item| Failure::Misconfigured { mapping: item.clone() };
    match list {
        // The community is always there: a 404 is an answer to something else.
        List::In(item) if answer.status.as_u16() == 404 => Err(missing(item)),
        _ => page(answer, now, |entry| listed(list, entry)),
    }
}

/// One entry. A member whose address cannot be read is still somebody.
fn listed(list: &List, entry: &Map<String, Value>) -> Option<Listed> {
    let of = |member: &Map<String, Value>| (address_of(member), Some(standing(member)));
    let (id, (address, standing)) = match list {
        List::Everyone => (id(entry, "id")?, of(entry)),
        List::In(item) => {
            let (name, asked) = match item {
                Item::CircleGroup(group) => ("access_group_id", *group),
                Item::CircleSpace(space) => ("space_id", *space),
                Item::KitTag(_) => return None,
            };
            if id(entry, name).is_some_and(|told| told != asked) {
                return None;
            }
            // Only the address: the nested member of a space does not say how far they are.
            let member = part(entry, "community_member");
            let member_id = id(entry, "community_member_id").or_else(|| id(member?, "id"))?;
            (member_id, (member.and_then(address_of), None))
        }
    };
    Some(Listed { id, address, standing })
}
