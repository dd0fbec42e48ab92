//! A faithful, stateful fake of the services Frontdesk talks to.
//!
//! The fakes ([`stripe::Stripe`], [`circle::Circle`], [`kit::Kit`]) are pure state machines: a [`Call`] and an
//! instant in, an [`Answer`] out. [`World`] holds them with one clock, the injected faults and a log of every
//! request, and [`Server`] puts a world behind real HTTP. The simulator drives the same world in process.
//!
//! Nothing here may share code with Frontdesk's clients: a field that both misread would cancel out and no
//! test would see it. Outside `server`, nothing reads a clock, draws randomness or does I/O.
//!
//! Begin with [`World::handle`]; `control` lists what `/_sandbox` can do.
#![forbid(unsafe_code)]
// The widest wire objects have more fields than the default lets `json!` expand.
#![recursion_limit = "256"]

pub mod call;
pub mod circle;
pub mod clock;
mod control;
pub mod faults;
mod history;
pub mod kit;
mod log;
mod page;
mod post;
pub mod server;
pub mod stripe;
mod switch;
pub mod world;

pub use call::{Answer, Call, Handled};
pub use post::Delivery;
pub use server::{SandboxConfig, Server};
pub use world::{Provider, Reply, World};
