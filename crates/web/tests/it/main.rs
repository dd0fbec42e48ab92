//! The tests of the web surface, in one binary.

mod pages;
mod samples;
