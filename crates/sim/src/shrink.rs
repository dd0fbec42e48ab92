//! Makes a failing run smaller while it still breaks the same promise: fewer faults, then fewer deliveries, then fewer
//! people.

use crate::batch::guarded;
use crate::run::{Report, Setup};
use std::collections::BTreeSet;

/// The smallest run that was found, and how it ended.
#[derive(Clone, Debug)]
pub struct Smallest {
    /// How it begins.
    pub setup: Setup,
    /// How it ends.
    pub report: Report,
    /// Runs that were tried.
    pub tried: usize,
}

/// Shrinks a run that breaks a promise; `None` when it breaks none.
pub fn shrink(setup: &Setup) -> Option<Smallest> {
    let report = guarded(setup);
    let promise = report.broken.first()?.promise;
    let mut smallest = Smallest { setup: setup.clone(), report, tried: 1 };
    smallest.setup.plan = Some(smallest.report.plan.clone());
    for fault in smallest.report.plan.rates.keys().copied().collect::<Vec<_>>() {
        let mut smaller = smallest.setup.clone();
        smaller.plan = smaller.plan.map(|plan| plan.without(fault));
        smallest.take_up(smaller, promise);
    }
    smallest.drop_of(promise, smallest.report.deliveries, |setup| &mut setup.dropped);
    smallest.drop_of(promise, smallest.report.people as u64, |setup| &mut setup.absent);
    Some(smallest)
}

impl Smallest {
    fn take_up(&mut self, smaller: Setup, promise: &str) -> bool {
        let report = guarded(&smaller);
        self.tried += 1;
        let still = report.broken.iter().any(|broken| broken.promise == promise);
        if still {
            (self.setup, self.report) = (smaller, report);
        }
        still
    }

    /// Leaves out as many of `count` numbered things as it can: halves first, then quarters, down to single ones.
    fn drop_of(&mut self, promise: &str, count: u64, of: impl Fn(&mut Setup) -> &mut BTreeSet<u64>) {
        let mut size = count.div_ceil(2);
        while size > 0 {
            for from in (0..count).step_by(usize::try_from(size).unwrap_or(usize::MAX)) {
                let mut smaller = self.setup.clone();
                let left_out = of(&mut smaller);
                let before = left_out.len();
                left_out.extend(from..(from + size).min(count));
                if left_out.len() > before {
                    self.take_up(smaller, promise);
                }
            }
            size /= 2;
        }
    }
}
