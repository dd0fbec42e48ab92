//! The use cases: ingest, apply, read, reconcile. Fetches what the core needs to decide, and does what it decided.
//!
//! # What may not live here
//!
//! No rule about customers (that is `core`), no wire format (`providers`), no SQL (`store`), and no library that
//! reaches the outside: clock, randomness, HTTP, sleeping, spawning and mail come through [`Ports`]. Nothing here
//! holds a transaction while it waits for a provider.
//!
//! # Where to begin reading
//!
//! [`engine::Engine`] is the whole: what it is made of and which loops it runs. Then, in the order in which an
//! event travels: [`ingest`], [`apply`], [`reads`], [`reconcile`]; [`acts`] is what people ask for.
#![forbid(unsafe_code)]

pub mod account;
pub mod acts;
mod allowance;
pub mod apply;
mod bell;
mod call;
pub mod catalogue;
mod contest;
pub mod endpoint;
pub mod engine;
pub mod forecast;
pub mod freeze;
pub mod golive;
mod health;
pub mod hook;
pub mod import;
pub mod ingest;
pub mod lease;
pub mod overdue;
pub mod pairing;
pub mod plan;
pub mod poll;
pub mod ports;
pub mod promises;
pub mod reads;
pub mod rebuild;
pub mod reconcile;
pub mod reload;
pub mod ruling;
pub mod settings;
pub mod settle;
mod setup;
mod source;
pub mod subject;
pub mod sweep;
pub mod then;
pub mod view;
pub mod whatif;

pub use bell::{Bell, Loop};
pub use engine::Engine;
pub use ports::Ports;
