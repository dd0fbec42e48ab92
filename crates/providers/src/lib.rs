//! Wire formats, sans-IO: bytes in, values out; values in, `http::Request` out.
//!
//! Each payment source and each target has a folder. A source's folder verifies a webhook, reads
//! its envelope, and turns provider objects into [facts](frontdesk_core::fact); it also builds the
//! requests that read those objects again, and reads the answers. A target's folder turns a step
//! into a request and an answer into what was seen, or into a
//! [failure class](frontdesk_core::target::Failure).
//!
//! # What may not live here
//!
//! No sockets, no async, no clock, no files, no SQL, no logging, and no decision about a customer.
//! The instant is an argument. Whoever sends a request enforces the size and time limits of it.
//!
//! # Where to begin reading
//!
//! 1. [`stripe::verify`]: nothing can be parsed before its signature was checked.
//! 2. [`stripe::learn`]: one event becomes facts, or a reason why not.
//! 3. [`stripe::read`]: everything that is ever asked of Stripe, and what its answers mean.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod answer;
pub mod call;
pub mod circle;
pub mod csv;
pub mod json;
pub mod kit;
pub mod roster;
pub mod secret;
pub mod signature;
pub mod stripe;
