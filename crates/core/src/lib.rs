//! Decides everything, and does nothing.
//!
//! `core` turns what is known (facts about payments, what targets were last seen to hold, the
//! operator's catalogue) and an instant into what follows: entitlements with their evidence, the
//! stage a customer sees, what each target should hold, the next step towards it, cases, reads
//! that are wanted, and when to look again.
//!
//! # What may not live here
//!
//! No I/O, no async, no clock, no randomness, no SQL, no HTTP, no environment, no logging. Time
//! arrives as an argument. Nothing here fails on odd data: it returns what it ignored, and why.
//!
//! # Where to begin reading
//!
//! 1. [`fact`]: the newest known state of one external object, and how two versions join.
//! 2. [`record`]: all facts of one customer, and the ties that make two records one.
//! 3. [`catalogue`]: which price grants which entitlement, and what that means in each target.
//! 4. [`entitlement`]: facts and catalogue at an instant become entitlements with evidence.
//! 5. [`stage`]: an entitlement and its syncs become the one state a customer sees.
//! 6. [`desired`], [`target`], [`diff`]: what a target should hold, what it was seen to hold, and
//!    the next step from one to the other.
//! 7. [`sync`]: the life of one sync row: retries, holds, parking; [`overdue`]: removals that it owes.
//! 8. [`case`], [`reads`], [`decision`]: everything that follows from one record at one instant;
//!    [`outlook`]: what would follow otherwise under other rules.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod brake;
pub mod breaker;
pub mod budget;
pub mod case;
pub mod catalogue;
pub mod decision;
pub mod desired;
pub mod diff;
pub mod email;
pub mod entitlement;
pub mod explain;
pub mod fact;
pub mod forecast;
pub mod freeze;
pub mod golive;
pub mod hint;
pub mod id;
pub mod outlook;
pub mod overdue;
pub mod pairing;
pub mod pairs;
pub mod plan;
pub mod reads;
pub mod record;
pub mod ruling;
pub mod silence;
pub mod stage;
pub mod sweep;
pub mod sync;
pub mod target;
pub mod whatif;
pub mod words;
