//! The binary as its users meet it: exit code, stdout and stderr together.

mod arguments;
mod process;
mod sandbox;
mod secret;
