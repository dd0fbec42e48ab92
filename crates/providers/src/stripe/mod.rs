//! Stripe as a source: webhooks, events, objects, and the reads that settle doubts about them.
//!
//! The way of a delivery: [`verify::verify`] checks the signature over the raw bytes and gives a
//! [`verify::Verified`]; [`envelope::envelope`] reads who it is; [`learn::learn`] turns it into
//! facts. The way of a read: [`read::Read`] says what is asked, [`read::Account`] makes the
//! request of it, [`answer::answer`] turns what comes back into facts or a failure class.
//!
//! Objects are parsed by the fields that are present, never by the API version: an endpoint may
//! be pinned to any of them, and a listed event keeps the version that it was made in.

pub mod answer;
pub mod envelope;
pub mod export;
mod facts;
pub mod field;
pub mod key;
pub mod learn;
pub mod list;
pub mod read;
pub mod refusal;
pub mod route;
pub mod verify;
pub mod wire;
