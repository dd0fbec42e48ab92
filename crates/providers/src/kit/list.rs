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
use crate::answer::{Answer, id, text};
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
                let name = text(entry, "first_name").filter(|name| !name.is_empty()).map(ToOwned::to_owned);
                Some(Listed { id, address: Some(address), standing: Some(standing), name })
            }
            // An address of Kit's own time may not be one of ours; the subscriber is still somebody.
            None => id(entry, "id").map(|id| Listed { id, address: None, standing: None, name: None }),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Base, shown};
    use crate::kit::{Credential, Tag};
    use crate::secret::Secret;
    use frontdesk_core::email::Email;
    use frontdesk_core::target::{Item, Standing};
    use http::{HeaderMap, StatusCode};

    fn members() -> List {
        List::In(Item::kit_tag("Member"))
    }

    fn judge(status: u16, body: &str) -> Result<Page<Listed>, Failure> {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, headers: &HeaderMap::new(), body: body.as_bytes() };
        read(&members(), &answer, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn everyone_with_the_tag_is_asked_for_whatever_their_state() {
        let key = Secret::new("targets.kit.api_key#0000", "kit_1".to_owned());
        let account = Account {
            base: Base::parse("https://api.kit.com").unwrap(),
            credential: Credential::ApiKey(key),
        };
        let managed = [Item::kit_tag("member")];
        let tags = Tags::resolve(&[Tag { id: 11, name: "Member".to_owned() }], &managed);
        let marks = Marks { request: "fdr_1", effect: None };
        let cursor = Cursor::stored("WzEwXQ==");
        let sent = [None, Some(&cursor)]
            .map(|after| shown(&request(&account, &tags, &members(), after, marks).unwrap()));
        insta::assert_snapshot!(sent.join("\n"));
        let class = |list: &List| request(&account, &tags, list, None, marks).unwrap_err().class();
        assert_eq!(class(&List::In(Item::kit_tag("unheard of"))), "misconfigured");
        assert_eq!(class(&List::Everyone), "rejected");
    }

    #[test]
    fn subscribers_come_with_their_states_and_the_next_page() {
        let body = r#"{"subscribers":[
            {"id":354,"first_name":"Alice","email_address":"Alice@example.test","state":"cancelled","tagged_at":"2023-02-17T11:43:55Z"},
            {"id":355,"email_address":"of another time","state":"active"}],
            "pagination":{"has_previous_page":false,"has_next_page":true,"end_cursor":"WzEwXQ==","per_page":1000}}"#;
        let page = judge(200, body).unwrap();
        let alice = Listed {
            id: 354,
            address: Email::parse("alice@example.test"),
            standing: Some(Standing::OptedOut),
            name: Some("Alice".to_owned()),
        };
        assert_eq!(page.entries, [alice, Listed { id: 355, address: None, standing: None, name: None }]);
        assert_eq!(page.next, Some(Cursor::stored("WzEwXQ==")));
    }

    #[test]
    fn what_is_no_whole_page_is_none() {
        let nameless =
            r#"{"subscribers":[{"email_address":"a@example.test"}],"pagination":{"has_next_page":false}}"#;
        let cut = r#"{"subscribers":[{"id":1,"email_address":"a@example.test"}]}"#;
        for (status, body, class) in [
            (200, nameless, "transient"),
            (200, cut, "transient"),
            (200, r#"{"subscribers":[null],"pagination":{"has_next_page":false}}"#, "transient"),
            (200, "<html></html>", "transient"),
            (404, r#"{"errors":["Not Found"]}"#, "misconfigured"),
            (401, "{}", "unauthorized"),
            (429, "Retry later", "throttled"),
            (503, "busy", "transient"),
        ] {
            assert_eq!(judge(status, body).unwrap_err().class(), class, "{status} {body}");
        }
    }
}
