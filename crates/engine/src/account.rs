//! What a process keeps in memory about the target accounts: names resolved to numbers, items that do not exist
//! there, what was spent. All of it can be forgotten and learnt again.

use crate::settings::Settings;
use frontdesk_core::budget::Spent;
use frontdesk_core::target::{Item, Target};
use frontdesk_providers::kit::Tags;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::Mutex;

/// The name of the source's account in leases and in the ledger of calls.
pub const SOURCE: &str = "source";

/// All target accounts.
#[derive(Debug)]
pub(crate) struct Accounts {
    by_target: BTreeMap<Target, Mutex<Known>>,
    source: Mutex<bool>,
}

/// What is known of one target account.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// When its lists were last read. This and the next by the monotonic clock: a wall clock that jumps must not put
    /// them off.
    pub(crate) prepared_at: Option<Duration>,
    /// When to try again after a failure.
    pub(crate) retry_at: Option<Duration>,
    /// Whether reading them was ever tried.
    pub(crate) was_tried: bool,
    /// Failures in a row.
    pub(crate) tries: u32,
    /// Until when only members of old are taken, by what was answered last.
    pub(crate) capped_until: Option<Timestamp>,
    /// Items of the catalogue that do not exist there.
    pub(crate) missing: BTreeSet<Item>,
    /// Kit: the numbers of the catalogue's tags.
    pub(crate) tags: Tags,
    /// What was spent, for one lease epoch and month.
    pub(crate) spent: Option<((i64, Option<Timestamp>), Spent)>,
}

impl Accounts {
    pub(crate) fn new(settings: &Settings) -> Self {
        let by_target = settings.targets.keys().map(|target| (*target, Mutex::default())).collect();
        Self { by_target, source: Mutex::default() }
    }

    /// Held by whichever loop of this process talks to the source: a process takes its own lease over, so two
    /// loops under one name would fence each other. Holds whether the source's key was tried.
    pub(crate) const fn source(&self) -> &Mutex<bool> {
        &self.source
    }

    pub(crate) fn of(&self, target: Target) -> Option<&Mutex<Known>> {
        self.by_target.get(&target)
    }
}
