//! Steps and reads as requests to Circle.

use super::operations;
use crate::call::{Base, Draft, Marks, Operation};
use crate::secret::Secret;
use frontdesk_core::target::{Failure, Item, Step};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use serde_json::{Value, json};

/// The word before the token. Both are documented: `Token` in the OpenAPI document, `Bearer` in the
/// quick start (§3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Token …`.
    #[default]
    Token,
    /// `Authorization: Bearer …`.
    Bearer,
}

/// One community: where its API is and what opens it. The token selects the community (§3).
#[derive(Clone, Debug)]
pub struct Account {
    /// `https://app.circle.so`, unless configured otherwise.
    pub base: Base,
    /// An Admin API v2 token.
    pub token: Secret,
    /// The word before it.
    pub scheme: Scheme,
}

impl Account {
    /// A request for `draft`.
    ///
    /// # Errors
    ///
    /// [`Failure::Unauthorized`] if the token holds a character that no header can carry.
    pub(super) fn request(&self, draft: Draft<'_>, marks: Marks<'_>) -> Result<Request<Vec<u8>>, Failure> {
        let scheme = match self.scheme {
            Scheme::Token => "Token",
            Scheme::Bearer => "Bearer",
        };
        let mut credential =
            HeaderValue::from_str(&format!("{scheme} {}", self.token.expose())).map_err(|_| {
                Failure::Unauthorized {
                    why: "the token holds a character that no header can carry".to_owned(),
                    perhaps_spent: false,
                }
            })?;
        credential.set_sensitive(true);
        Ok(draft.build(&self.base, (AUTHORIZATION, credential), marks))
    }
}

/// The request that does `step`.
///
/// Removals and reads carry their parameters in the query, with `+` as `%2B`. An invitation is bare:
/// no groups, spaces or tags, which an existing member would not get (§7.1), no password, which
/// would keep Circle from sending the invitation (§7.2).
///
/// # Errors
///
/// Nothing is to be sent then: [`Failure::Misconfigured`] for an item that is not Circle's,
/// [`Failure::Unauthorized`] for a token that cannot be sent.
pub fn request(account: &Account, step: &Step, marks: Marks<'_>) -> Result<Request<Vec<u8>>, Failure> {
    let send = |operation: &Operation, numbers: &[u64], query: &[(&str, &str)], body: Option<Value>| {
        account.request(Draft { operation, numbers, query, body }, marks)
    };
    match step {
        Step::Find { address } => send(&operations::FIND, &[], &[("email", address.as_str())], None),
        Step::Read { id } => send(&operations::READ_MEMBER, &[*id], &[], None),
        Step::Enrol { address, name, confirmed: _ } => {
            let mut body = json!({ "email": address.as_str(), "skip_invitation": false });
            if let Some(name) = name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
                body["name"] = name.into();
            }
            send(&operations::ENROL, &[], &[], Some(body))
        }
        Step::Add { item, address, id: _ } => match item {
            Item::CircleGroup(group) => {
                send(&operations::ADD_TO_GROUP, &[*group], &[], Some(json!({ "email": address.as_str() })))
            }
            Item::CircleSpace(space) => {
                let body = json!({ "email": address.as_str(), "space_id": space });
                send(&operations::ADD_TO_SPACE, &[], &[], Some(body))
            }
            Item::KitTag(_) => Err(Failure::Misconfigured { mapping: item.clone() }),
        },
        Step::Remove { item, address, id: _ } => match item {
            Item::CircleGroup(group) => {
                send(&operations::REMOVE_FROM_GROUP, &[*group], &[("email", address.as_str())], None)
            }
            Item::CircleSpace(space) => {
                let query = [("email", address.as_str()), ("space_id", &space.to_string())];
                send(&operations::REMOVE_FROM_SPACE, &[], &query, None)
            }
            Item::KitTag(_) => Err(Failure::Misconfigured { mapping: item.clone() }),
        },
        Step::Check { item, address, id: _ } => match item {
            Item::CircleGroup(group) => {
                send(&operations::CHECK_GROUP, &[*group], &[("email", address.as_str())], None)
            }
            Item::CircleSpace(space) => {
                let query = [("email", address.as_str()), ("space_id", &space.to_string())];
                send(&operations::CHECK_SPACE, &[], &query, None)
            }
            Item::KitTag(_) => Err(Failure::Misconfigured { mapping: item.clone() }),
        },
    }
}
