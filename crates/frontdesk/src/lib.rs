//! The binary's parts: configuration, printing, errors with codes, logs, and the live ports.
//!
//! # What may not live here
//!
//! No rule about customers (that is `core`), no SQL (`store`), no wire format (`providers`), no use case (`engine`).
//! This crate reads what the operator wrote, opens the doors to the outside, and prints.
//!
//! # Where to begin reading
//!
//! [`cli`] is the list of commands; each is one file in [`commands`]. [`config`] is what they are told, [`live`] the
//! outside world they act on, [`printer`] how they answer.
#![forbid(unsafe_code)]

pub mod assemble;
pub mod cli;
pub mod commands;
pub mod config;
pub mod door;
mod edge;
pub mod errors;
pub mod exit;
mod kit_endpoint;
pub mod live;
pub mod log;
pub mod printer;
pub mod reload;
pub mod story;
