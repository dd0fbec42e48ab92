//! The commands, one file each: arguments, and `run`.

pub mod completions;
pub mod sandbox;
pub mod secret;
