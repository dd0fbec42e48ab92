//! The engine over the sandbox's fakes, in one process and on a clock of the test's own.
#![expect(clippy::unwrap_used, reason = "every line here belongs to a test, also outside of `#[test]`")]

mod alerts;
mod answers;
mod brakes;
mod freezes;
mod golive;
mod hooks;
mod house;
mod imports;
mod overdue;
mod pairings;
mod plans;
mod reloads;
mod replays;
mod reserve;
mod rulings;
mod sweeps;
mod then;
mod whatif;
