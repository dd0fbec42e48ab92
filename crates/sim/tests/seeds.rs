//! Seeds in numbers: what nobody ran before, long lives, and every planted bug. Run with the feature `planted` and the
//! profile `sim`: `cargo xtask seeds` does all of it, `cargo xtask test` the planted bugs.
#![cfg(feature = "planted")]
#![expect(
    clippy::print_stdout,
    reason = "which seeds were run and what they found is told in the test's output"
)]

use frontdesk_sim::batch::{Batch, Summary, first_caught, run_all};
use frontdesk_sim::fault::Marks;
use frontdesk_sim::run::{Profile, Setup};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Each planted bug, and the promises by which it may be found.
const PLANTED: [(&str, &[&str]); 17] = [
    ("ack_before_commit", &["I1", "I2"]),
    ("dup_ack_without_write", &["I3"]),
    ("skip_signature", &["I5"]),
    ("trust_snapshot_over_newer", &["I8", "I9", "I10", "I11", "I12", "I19"]),
    ("mark_processed_separate_tx", &["I6", "I9", "I12", "I19"]),
    ("ignore_wakes", &["I9", "I19"]),
    ("empty_list_means_gone", &["I9", "I10", "I19"]),
    ("resend_on_unknown", &["I9", "I15", "I17", "I19"]),
    ("intent_after_send", &["I16"]),
    ("forget_intents", &["I17"]),
    ("no_fence_check", &["I18"]),
    ("lease_without_watch", &["I18"]),
    ("ignore_freeze", &["I25"]),
    ("poll_only_counts", &["I7"]),
    ("write_in_shadow", &["I24"]),
    ("hide_overdue", &["I9"]),
    ("forget_owed", &["I9"]),
];

/// Runs at once.
const JOBS: usize = 2;

/// A bug that is not seen within so many seeds was missed.
const SEEDS_MAX: u64 = 300;

/// Where this is set, it is the base: of a test command that is to find the same again.
const BASE: &str = "FRONTDESK_SEEDS_BASE";

/// How many of the runs that took most of a processor are told.
const SLOWEST: usize = 3;

/// A base that no run had before, unless somebody named one.
#[expect(clippy::disallowed_methods, reason = "the seeds are to be new each time; the base is printed")]
fn base() -> u64 {
    if let Ok(named) = std::env::var(BASE) {
        return named.parse().unwrap_or_else(|_| panic!("{BASE} is no number: {named}"));
    }
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let since = since.expect("the machine's clock is past 1970");
    since.as_secs() * 10_000
}

fn hold(seeds: u64, profile: Profile) -> Summary {
    let base = base();
    let batch = Batch { base, seeds: 0..seeds, like: Setup::of(0, profile), jobs: JOBS, twice: false };
    let worked = Mutex::new(Vec::new());
    let summary = run_all(&batch, |report| {
        worked.lock().expect("no run panics beside it").push((report.work, report.seed));
    });
    for report in &summary.failed {
        println!("seed {} ({}) broke {:?}", report.seed, profile.name(), report.broken.first());
    }
    let mut worked = worked.into_inner().expect("no run panicked");
    worked.sort();
    let sum: Duration = worked.iter().map(|(work, _)| *work).sum();
    let slowest: Vec<_> = worked.iter().rev().take(SLOWEST).collect();
    println!("sim: {:.0} s of a processor; the slowest {slowest:.1?}", sum.as_secs_f64());
    println!(
        "sim: seeds={} violations={} virtual_days={} faults={} marks={}/{} base={base} trace={}",
        summary.seeds,
        summary.violations(),
        summary.virtual_days(),
        summary.faults(),
        summary.marks.count(),
        Marks::TOTAL,
        summary.trace
    );
    assert_eq!(
        summary.violations(),
        0,
        "repeat with: frontdesk simulate --seed SEED --profile {}",
        profile.name()
    );
    summary
}

#[test]
fn a_thousand_new_seeds_break_no_promise_and_reach_every_fault() {
    let summary = hold(1_000, Profile::Short);
    assert_eq!(summary.marks.missing(), [], "faults that never struck, or never in a run that ended well");
}

#[test]
fn ten_long_lives_break_no_promise() {
    hold(10, Profile::Long);
}

#[test]
fn every_planted_bug_is_found_by_the_promise_that_it_breaks() {
    let next = AtomicUsize::new(0);
    let search = || {
        while let Some((bug, promises)) = PLANTED.get(next.fetch_add(1, Ordering::Relaxed)) {
            let caught = first_caught(bug, promises, Profile::Short, SEEDS_MAX);
            let report = caught.unwrap_or_else(|| panic!("{bug} was missed by {SEEDS_MAX} seeds"));
            let seen = report.broken.iter().find(|broken| promises.contains(&broken.promise)).unwrap();
            println!("{bug}: seed {} by {} ({})", report.seed, seen.promise, seen.what);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..JOBS {
            scope.spawn(search);
        }
    });
}
