//! The tests of the web surface, in one binary.

mod edge;
mod house;
mod live;
mod pages;
mod ports;
mod readiness;
mod samples;
mod status;
mod webhooks;
mod welcome;
