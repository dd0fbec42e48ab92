//! The surfaces: what customers, operators and programs see and send.
//!
//! # Where to begin reading
//!
//! 1. [`pages`]: the pages of customers, as values.
#![forbid(unsafe_code)]

pub mod pages;
