//! The binary as its users meet it: its commands with exit code, stdout and stderr together, and the running server
//! over HTTP, in a [`town`] of its own with a sandbox of the providers.
//!
//! `FRONTDESK_TEST_POSTGRES` names a PostgreSQL server, as for the tests of the store; `off` leaves that half out.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "every line here belongs to a test, also outside of `#[test]`"
)]

mod arguments;
mod deliveries;
mod desk;
mod gifts;
mod imports;
mod init;
mod overdue;
mod plans;
mod probe;
mod process;
mod purchases;
mod reloads;
mod renewals;
mod sandbox;
mod scenarios;
mod secret;
mod served;
mod sources;
mod targets;
mod town;
