//! Circle's Admin API v2: access to the community.
//!
//! [`request`](request()) turns one step of the core into a request, [`classify`] turns its answer
//! into what was seen or into a decision about the failure, [`observe`] reads what the account
//! itself holds, [`list`] whole lists of people. Nothing here sends anything.
//!
//! Every provider claim is from the Admin API v2 OpenAPI document (copies of March and September 2026)
//! and from published integrations; "row", "§" in comments name their place in `docs/providers.md`, Circle.

mod request;
mod response;
#[cfg(test)]
mod tests;

pub mod hook;
pub mod list;
pub mod observe;
pub mod operations;

pub use request::{Account, Scheme, request};
pub use response::classify;
