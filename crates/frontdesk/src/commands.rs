//! The commands, one file each: arguments, and `run`.

pub mod audit;
pub mod case;
pub mod completions;
pub mod customer;
pub mod demo;
pub mod desk;
pub mod event;
pub mod explain;
pub mod freeze;
pub mod go_live;
pub mod import;
pub mod init;
mod instant;
pub mod plan;
pub mod probe;
mod reach;
pub mod rebuild;
mod ruling;
pub mod sandbox;
pub mod scenarios;
pub mod secret;
pub mod serve;
pub mod simulate;
mod sweep;
pub mod sync;
mod who;
mod wording;
