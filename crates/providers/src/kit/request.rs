//! Steps and reads as requests to Kit.

use super::operations;
use super::tags::Tags;
use crate::call::{Base, Draft, Marks, Operation};
use crate::secret::Secret;
use frontdesk_core::target::{Failure, Item, Step};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Request};
use serde_json::{Value, json};

/// Entries asked for per page: the maximum (§6).
pub(super) const PER_PAGE: &str = "1000";

/// What opens an account (§3).
#[derive(Clone, Debug)]
pub enum Credential {
    /// An API key of the account's own.
    ApiKey(Secret),
    /// An OAuth access token.
    OAuth(Secret),
}

/// One Kit account: where its API is and what opens it.
#[derive(Clone, Debug)]
pub struct Account {
    /// `https://api.kit.com`, unless configured otherwise.
    pub base: Base,
    /// What opens it.
    pub credential: Credential,
}

impl Account {
    /// A request for `draft`.
    ///
    /// # Errors
    ///
    /// [`Failure::Unauthorized`] if the credential holds a character that no header can carry.
    pub(super) fn request(&self, draft: Draft<'_>, marks: Marks<'_>) -> Result<Request<Vec<u8>>, Failure> {
        let (name, value) = match &self.credential {
            Credential::ApiKey(key) => {
                (HeaderName::from_static("x-kit-api-key"), HeaderValue::from_str(key.expose()))
            }
            Credential::OAuth(token) => {
                (AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", token.expose())))
            }
        };
        let mut value = value.map_err(|_| Failure::Unauthorized {
            why: "the credential holds a character that no header can carry".to_owned(),
            perhaps_spent: false,
        })?;
        value.set_sensitive(true);
        Ok(draft.build(&self.base, (name, value), marks))
    }
}

/// Where the next page of a list begins. Opaque (§6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub(super) String);

impl Cursor {
    /// A cursor as it was stored.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The cursor, to be stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The request that does `step`, or the page of its answer that begins at `after`.
///
/// With a known id the call is by id; otherwise by address. A check without an id finds the
/// subscriber first: Kit shows the tags of a person by id alone, so its answer is
/// [`Seen::Person`](frontdesk_core::target::Seen::Person) and the check is to be asked again.
///
/// An enrolment sends the first word of the name, as Kit has a first name alone. It is also the one
/// thing that an enrolment changes about a subscriber who is there already (§7.1).
///
/// # Errors
///
/// Nothing is to be sent then: [`Failure::Misconfigured`] for a tag that does not exist or an item
/// that is not Kit's, [`Failure::Unauthorized`] for a credential that cannot be sent.
pub fn request(
    account: &Account,
    tags: &Tags,
    step: &Step,
    after: Option<&Cursor>,
    marks: Marks<'_>,
) -> Result<Request<Vec<u8>>, Failure> {
    let send = |operation: &Operation, numbers: &[u64], query: &[(&str, &str)], body: Option<Value>| {
        account.request(Draft { operation, numbers, query, body }, marks)
    };
    let tag = |item: &Item| tags.id(item).ok_or_else(|| Failure::Misconfigured { mapping: item.clone() });
    match step {
        Step::Enrol { address, name, confirmed } => {
            let state = if *confirmed { "active" } else { "inactive" };
            let mut body = json!({ "email_address": address.as_str(), "state": state });
            if let Some(first) = name.as_deref().and_then(|name| name.split_whitespace().next()) {
                body["first_name"] = first.into();
            }
            send(&operations::ENROL, &[], &[], Some(body))
        }
        Step::Read { id } => send(&operations::READ_SUBSCRIBER, &[*id], &[], None),
        Step::Add { item, id: Some(id), .. } => {
            send(&operations::TAG, &[tag(item)?, *id], &[], Some(json!({})))
        }
        Step::Add { item, address, id: None } => {
            let body = json!({ "email_address": address.as_str() });
            send(&operations::TAG_BY_ADDRESS, &[tag(item)?], &[], Some(body))
        }
        Step::Remove { item, id: Some(id), .. } => send(&operations::UNTAG, &[tag(item)?, *id], &[], None),
        Step::Remove { item, address, id: None } => {
            send(&operations::UNTAG_BY_ADDRESS, &[tag(item)?], &[("email_address", address.as_str())], None)
        }
        Step::Check { item, id: Some(id), .. } => {
            tag(item)?;
            let mut query = vec![("per_page", PER_PAGE)];
            query.extend(after.map(|Cursor(cursor)| ("after", cursor.as_str())));
            send(&operations::TAGS_OF, &[*id], &query, None)
        }
        Step::Check { item, address, id: None } => {
            tag(item)?;
            send(&operations::FIND, &[], &find(address.as_str()), None)
        }
        Step::Find { address } => send(&operations::FIND, &[], &find(address.as_str()), None),
    }
}

/// The query that finds an address in any state. Without `status=all`, whoever unsubscribed looks
/// like nobody (§7.3). An address holds no comma, at which Kit would split it (§7.7).
const fn find(address: &str) -> [(&str, &str); 2] {
    [("email_address", address), ("status", "all")]
}
