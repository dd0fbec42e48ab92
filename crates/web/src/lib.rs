//! The surfaces: what customers, sources and programs see and send.
//!
//! # What may not live here
//!
//! No rule about customers, no SQL, no clock of its own: a handler takes a request apart, asks the engine, and writes
//! the answer down. Whatever holds for every route stands in `around`, once.
//!
//! # Where to begin reading
//!
//! 1. [`Web`]: the routes, and what they share; [`WebSettings`]: what they are told.
//! 2. `around`: ids, limits, the site's name, deadlines, headers, and how refusals are written (`problem`).
//! 3. `webhook`: what the source sends. `ready`: how we are.
//! 4. `watch`, `live`, `seats`: how a page is looked up and kept fresh, and for how many; `welcome`, `status`: its two ways in; [`link`]: the
//!    tokens of status links.
//! 5. [`pages`]: the pages of customers, as values.
#![forbid(unsafe_code)]

mod around;
mod body;
mod client;
mod files;
mod hook;
mod limiter;
pub mod link;
mod live;
mod metrics;
pub mod pages;
mod problem;
mod ready;
mod report;
mod seats;
mod server;
mod settings;
mod standing;
mod status;
mod visitor;
mod watch;
mod webhook;
mod welcome;

pub use link::mint_status_link;
pub use seats::Seat;
pub use server::Web;
pub use settings::{BadSettings, WEBHOOK_PATH, WebSettings};
