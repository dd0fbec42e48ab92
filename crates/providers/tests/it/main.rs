//! What the crate makes of recorded bodies, vectors and whole journeys.
#![expect(clippy::unwrap_used, reason = "a recording that cannot be read fails its test")]

mod fixtures;
mod journeys;
mod learn;
mod lists;
mod reads;
mod signatures;
