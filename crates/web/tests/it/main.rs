//! The tests of the web surface, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod edge;
mod hooks;
mod house;
mod live;
mod log;
mod pages;
mod ports;
mod readiness;
mod samples;
mod status;
mod trouble;
mod webhooks;
mod welcome;
