//! The binary as its users meet it: exit code, stdout and stderr together.

mod arguments;
mod desk;
mod init;
mod probe;
mod process;
mod sandbox;
mod secret;
