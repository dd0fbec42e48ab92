//! Scenarios: given, when, then. A story from a file, lived by the real engine in virtual time against the fakes.
//!
//! A file is readable by whoever runs a community. `[given]` says how the town is before anything happens; each
//! `[[when]]` lets somebody do something; each `[[then]]` says what must be so once everything has come to rest. They
//! happen in the order in which they are written. The last `[[then]]` speaks for everything: what it does not mention
//! must be empty, nothing may be written beyond what its outcome needs, and a day later, after one more sweep of each
//! target, nothing may have been written at all.
//!
//! `docs/scenarios.md` lists the words. Begin with [`Story::read`], then [`play::play`].

mod document;
pub mod expect;
pub mod given;
pub mod people;
pub mod play;
pub mod shipped;
mod sight;
mod story;
mod town;
pub mod verb;

pub use document::Problem;
pub use play::{Outcome, Unmet, play};
pub use story::Story;
