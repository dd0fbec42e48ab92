//! Kit's API v4: tags of subscribers, for marketing.
//!
//! [`request`](request()) turns one step of the core into a request, [`classify`] turns its answers
//! into what was seen or into a decision about the failure, [`observe`] reads what the account
//! itself holds, [`list`] whole lists of people. Nothing here sends anything.
//!
//! Tags are named in the operator's file and are numbers to Kit: [`Tags`] holds what the names were
//! resolved to at start-up.
//!
//! Every provider claim is from the Kit API v4 OpenAPI document (copies of about May and of October
//! 2026), Kit's developer pages and its PHP SDK; "row", "§" in comments name their place in
//! `docs/providers.md`, Kit.

mod request;
mod response;
mod tags;
#[cfg(test)]
mod tests;

pub mod endpoints;
pub mod hook;
pub mod list;
pub mod observe;
pub mod operations;

pub use request::{Account, Credential, Cursor, request};
pub use response::{classify, doubts_tags, next_page};
pub use tags::{Tag, Tags};
