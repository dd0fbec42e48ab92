//! What the crate makes of recorded bodies, vectors and whole journeys.

mod fixtures;
mod learn;
mod reads;
mod signatures;
