//! The engine under simulated faults: seeds instead of luck.
//!
//! The real engine, core, store (SQLite, in the caller's thread) and provider clients run on a seeded executor and a
//! virtual clock, against the sandbox's fakes in process. Random customers live random journeys while deliveries are
//! lost, doubled and reordered, providers fail in every documented way, clocks lie and processes die between any two
//! steps. The promises are checked all the while and at the end; a failure repeats from its seed.
//!
//! # What may not live here
//!
//! No model of the engine: what is checked is the engine. No rule about what is right beyond [`oracle`], which
//! compares with the fakes' own ledgers and never with our decisions.
//!
//! # Where to begin reading
//!
//! [`run`]: one run from its seed. Then [`executor`] and [`ports`] (how time and chance are owned), [`world`] and
//! [`fault`] (what goes wrong), [`customers`] (what people do), [`oracle`] (what must hold).
#![forbid(unsafe_code)]

mod acts;
pub mod batch;
pub mod customers;
mod disturb;
pub mod executor;
pub mod fault;
mod hooks;
pub mod oracle;
mod past;
pub mod ports;
pub mod regressions;
pub mod rng;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod torture;
pub mod truth;
mod work;
pub mod world;
