//! A few seeds through the whole engine, at every build. Thousands, and the planted bugs, are in `seeds`.

mod prices;
mod scenarios;

use frontdesk_sim::batch::{Batch, Summary, guarded, run_all};
use frontdesk_sim::fault::{Fault, Plan};
use frontdesk_sim::run::{Profile, Setup, run};
use frontdesk_sim::{regressions, shrink};

fn batch(seeds: std::ops::Range<u64>, jobs: usize) -> Summary {
    let like = Setup::of(0, Profile::Short);
    run_all(&Batch { base: 0, seeds, like, jobs, twice: false }, |_| {})
}

#[test]
fn seeds_that_ever_failed_hold() {
    let known = regressions::all();
    assert!(!known.is_empty());
    for one in known {
        let report = guarded(&Setup::of(one.seed, one.profile()));
        assert_eq!(report.broken, [], "seed {}, which once broke {}: {}", one.seed, one.promise, one.cause);
    }
}

#[test]
fn one_seed_is_one_run_whoever_runs_beside_it() {
    let alone = batch(5000..5004, 1);
    let crowded = batch(5000..5004, 4);
    assert_eq!(alone.trace, crowded.trace);
    assert_ne!(alone.trace, batch(5004..5008, 2).trace);
    assert_eq!(alone.violations(), 0, "{:?}", alone.failed);
}

#[test]
fn a_run_without_faults_meets_none() {
    let report = run(&Setup { plan: Some(Plan::default()), ..Setup::of(1, Profile::Short) });
    assert_eq!(report.broken, []);
    assert!(report.marks.injected.is_empty(), "{:?}", report.marks);
}

#[test]
fn what_breaks_nothing_has_nothing_to_shrink() {
    let plan = Plan { rates: [(Fault::Duplicate, 500)].into() };
    assert!(shrink::shrink(&Setup { plan: Some(plan), ..Setup::of(1, Profile::Short) }).is_none());
}
