//! Circle's lists of people, for sweeps: all members, the members of a group, the members of a space.
//!
//! `status=all` always: the default leaves out everyone who was invited and has not yet accepted, and `inactive`
//! means just that, not "deactivated" (§6.1). Pages are numbered over lists that change meanwhile, so entries can be
//! skipped or come twice (§8): whoever reads them counts ids, and takes no absence for proof.

use super::observe::{PER_PAGE, Page, page};
use super::operations;
use super::request::Account;
use super::response::{address_of, standing};
use crate::answer::{Answer, id, part, text};
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
    let of = |member: &Map<String, Value>| (address_of(member), Some(standing(member)), name_of(member));
    let (id, (address, standing, name)) = match list {
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
            (member_id, (member.and_then(address_of), None, member.and_then(name_of)))
        }
    };
    Some(Listed { id, address, standing, name })
}

/// The name, which may come whole or in two parts (§5).
fn name_of(member: &Map<String, Value>) -> Option<String> {
    let parts = || ["first_name", "last_name"].into_iter().filter_map(|part| text(member, part));
    let whole = text(member, "name").map_or_else(|| parts().collect::<Vec<_>>().join(" "), ToOwned::to_owned);
    Some(whole).filter(|name| !name.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Base, shown};
    use crate::circle::Scheme;
    use crate::secret::Secret;
    use frontdesk_core::email::Email;
    use frontdesk_core::target::Standing;
    use http::{HeaderMap, StatusCode};

    const GROUP: List = List::In(Item::CircleGroup(2));
    const SPACE: List = List::In(Item::CircleSpace(7));

    fn judge(list: &List, status: u16, body: &str) -> Result<Page<Listed>, Failure> {
        let status = StatusCode::from_u16(status).unwrap();
        read(
            list,
            &Answer { status, headers: &HeaderMap::new(), body: body.as_bytes() },
            Timestamp::UNIX_EPOCH,
        )
    }

    fn page_of(records: &str) -> String {
        format!(
            r#"{{"page":1,"per_page":100,"has_next_page":true,"count":9,"page_count":2,"records":[{records}]}}"#
        )
    }

    #[test]
    fn nobody_is_hidden_by_a_default_filter() {
        let account = Account {
            base: Base::parse("https://app.circle.so").unwrap(),
            token: Secret::new("targets.circle.token#0000", "tok_1".to_owned()),
            scheme: Scheme::Token,
        };
        let marks = Marks { request: "fdr_1", effect: None };
        let sent = [(List::Everyone, 1), (GROUP, 2), (SPACE, 3)]
            .map(|(list, page)| shown(&request(&account, &list, page, marks).unwrap()));
        insta::assert_snapshot!(sent.join("\n"));
        let other = request(&account, &List::In(Item::kit_tag("member")), 1, marks).unwrap_err();
        assert_eq!(other.class(), "misconfigured");
    }

    #[test]
    fn invited_members_are_members_and_ids_are_enough() {
        let listed = |id, address: Option<&str>, standing| Listed {
            id,
            address: address.and_then(Email::parse),
            standing,
            name: (id == 3).then(|| "Bob Builder".to_owned()),
        };
        let records = r#"{"id":2,"email":"Ada@Example.test","active":false,"profile_confirmed_at":null},
            {"id":3,"email":"bob@example.test","first_name":"Bob","last_name":"Builder","active":true,"profile_confirmed_at":"2024-09-04T16:18:10.634Z"},
            {"id":4,"email":"no address"}"#;
        let page = judge(&List::Everyone, 200, &page_of(records)).unwrap();
        assert_eq!(
            page.entries,
            [
                listed(2, Some("ada@example.test"), Some(Standing::Invited)),
                listed(3, Some("bob@example.test"), Some(Standing::Active)),
                listed(4, None, Some(Standing::Known)),
            ]
        );
        assert!(page.has_next, "whatever `page_count` says");
        let group = r#"{"id":90,"access_group_id":2,"community_member_id":4,"community_id":1}"#;
        assert_eq!(judge(&GROUP, 200, &page_of(group)).unwrap().entries, [listed(4, None, None)]);
        let space = r#"{"id":91,"space_id":7,"community_member":{"id":5,"email":"eve@example.test"},"status":"inactive"}"#;
        let entries = judge(&SPACE, 200, &page_of(space)).unwrap().entries;
        assert_eq!(entries, [listed(5, Some("eve@example.test"), None)]);
    }

    #[test]
    fn what_is_no_whole_page_of_that_list_is_none() {
        for (list, status, body, class) in [
            (GROUP, 200, page_of(r#"{"access_group_id":3,"community_member_id":4}"#), "transient"),
            (GROUP, 200, page_of(r#"{"access_group_id":2}"#), "transient"),
            (GROUP, 200, page_of(r#"{"access_group_id":2,"community_member_id":4},null"#), "transient"),
            (SPACE, 200, page_of(r#"{"space_id":8,"community_member_id":4}"#), "transient"),
            (List::Everyone, 200, page_of(r#"{"email":"ada@example.test"}"#), "transient"),
            (List::Everyone, 200, r#"{"records":[]}"#.to_owned(), "transient"),
            (List::Everyone, 200, "<html></html>".to_owned(), "transient"),
            (List::Everyone, 404, "{}".to_owned(), "transient"),
            (GROUP, 404, "{}".to_owned(), "misconfigured"),
            (List::Everyone, 401, "{}".to_owned(), "unauthorized"),
            (List::Everyone, 429, "slow down".to_owned(), "throttled"),
            (List::Everyone, 502, "<html></html>".to_owned(), "transient"),
        ] {
            assert_eq!(judge(&list, status, &body).unwrap_err().class(), class, "{list} {status} {body}");
        }
    }
}
