//! Many seeds, several at a time. They share nothing, so one after the other and all at once give the same.

use crate::fault::Marks;
use crate::run::{Profile, Report, Setup, run};
use crate::world::Broken;
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One seed of so many is run twice, to see that it gives the same.
const REPEATED: u64 = 100;

/// Which seeds are run, and how.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What is added to each number to make its seed.
    pub base: u64,
    /// The numbers.
    pub seeds: Range<u64>,
    /// How each run begins; its seed is replaced.
    pub like: Setup,
    /// How many run at once.
    pub jobs: usize,
    /// Whether every seed is run twice, instead of one in a hundred.
    pub twice: bool,
}

/// What a batch came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Runs.
    pub seeds: u64,
    /// Runs that broke a promise, the lowest seed first.
    pub failed: Vec<Report>,
    /// Seeds that gave two different runs.
    pub unequal: Vec<u64>,
    /// Virtual time lived by all runs together.
    pub lived: Duration,
    /// Faults that struck, and were survived.
    pub marks: Marks,
    /// The digest over the runs' own, in the order of their seeds.
    pub trace: String,
}

impl Summary {
    /// Runs that broke a promise, or differed from themselves.
    pub fn violations(&self) -> usize {
        self.failed.len() + self.unequal.len()
    }

    /// How often any fault struck.
    pub fn faults(&self) -> u64 {
        self.marks.injected.values().sum()
    }

    /// Virtual days lived.
    pub fn virtual_days(&self) -> u64 {
        self.lived.as_secs() / 86_400
    }
}

/// Runs every seed of a batch. `tell` hears of each run as it ends, in no order.
pub fn run_all(batch: &Batch, tell: impl Fn(&Report) + Sync) -> Summary {
    let next = AtomicU64::new(batch.seeds.start);
    let ended: Mutex<Vec<(Report, bool)>> = Mutex::default();
    let work = || {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= batch.seeds.end {
                return;
            }
            let seed = batch.base.wrapping_add(nth);
            let setup = Setup { seed, ..batch.like.clone() };
            let report = guarded(&setup);
            let is_equal =
                !(batch.twice || seed.is_multiple_of(REPEATED)) || guarded(&setup).trace == report.trace;
            tell(&report);
            ended.lock().unwrap_or_else(PoisonError::into_inner).push((report, is_equal));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..batch.jobs.max(1) {
            scope.spawn(work);
        }
    });
    let mut ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    ended.sort_by_key(|(report, _)| report.seed.wrapping_sub(batch.base));
    let mut summary = Summary::default();
    let mut trace = Sha256::new();
    for (report, is_equal) in ended {
        summary.seeds += 1;
        summary.lived += report.lived;
        summary.marks.join(&report.marks);
        trace.update(report.trace.as_bytes());
        if !is_equal {
            summary.unequal.push(report.seed);
        }
        if !report.broken.is_empty() {
            summary.failed.push(report);
        }
    }
    summary.trace = hex::encode(&trace.finalize()[..8]);
    summary
}

/// One run; a panic in it is a broken promise like any other.
pub fn guarded(setup: &Setup) -> Report {
    catch_unwind(AssertUnwindSafe(|| run(setup))).unwrap_or_else(|panic| {
        let said =
            panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let broken = Broken {
            promise: "I23",
            what: format!("the run panicked: {}", said.unwrap_or("no reason given")),
        };
        Report::without_a_run(setup, broken)
    })
}

/// The first seed below `until` in which a planted bug breaks one of these promises.
pub fn first_caught(bug: &'static str, promises: &[&str], profile: Profile, until: u64) -> Option<Report> {
    let mut reports = (0..until).map(|seed| guarded(&Setup { bug: Some(bug), ..Setup::of(seed, profile) }));
    reports.find(|report| report.broken.iter().any(|broken| promises.contains(&broken.promise)))
}
