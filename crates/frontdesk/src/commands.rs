//! The commands, one file each: arguments, and `run`.

pub mod completions;
pub mod demo;
pub mod sandbox;
pub mod secret;
pub mod serve;
