//! A morning of a community, played against a running Frontdesk: what `frontdesk demo` shows.
//!
//! Frontdesk, and a sandbox of Stripe, Circle and Kit, run in this process and talk real HTTP. People act through the
//! sandbox's control surface, as buyers and owners would. Nothing is assumed: every beat waits until what it tells has
//! been seen, and [`measure`] counts afterwards what both sides say happened.
//!
//! Begin with [`House`], then [`Stage::morning`].

mod house;
mod measure;
mod morning;
mod repairs;
mod stage;
mod teller;

pub use house::House;
pub use measure::{Measured, Span};
pub use morning::MONTH;
pub use stage::Stage;
pub use teller::Teller;

use crate::errors::{Code, Failure, Report};

/// The story cannot be told.
fn no_demo(why: &str) -> Failure {
    Report::error(Code::NoDemo, "the demo stopped")
        .because(&std::io::Error::other(why.to_owned()))
        .hint("run it again; if it stops at the same place, this is a bug of Frontdesk")
        .into()
}
