//! How a look at a row ended, made durable with everything that follows.

use super::{Drain, Turn};
use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::Ports;
use crate::subject::{Cause, Subject};
use frontdesk_core::id::CustomerId;
use frontdesk_core::sync::{Ended, Sync};
use frontdesk_store::Error;

impl<P: Ports> Engine<P> {
    /// Notes how a look at a row ended, with everything that follows.
    ///
    /// `seen` is the row that it was concluded from. One that is another by now was made due by whoever changed it, and
    /// is looked at again: what was concluded says nothing about it. `None`: concluded from no row.
    pub(super) async fn settle(
        &self,
        drain: &Drain<'_>,
        customer: &CustomerId,
        seen: Option<&Sync>,
        ended: Ended,
    ) -> Result<Turn, Error> {
        let dice = self.dice();
        loop {
            let Some(mut subject) = Subject::load(self.store(), customer).await? else {
                return Ok(Turn::Next);
            };
            let now = self.ports().now_wall();
            let Some(sync) = subject.syncs.get_mut(&drain.target) else { return Ok(Turn::Next) };
            if seen.is_some_and(|seen| has_moved_on(seen, sync, &ended)) {
                return Ok(Turn::Next);
            }
            let before = sync.clone();
            sync.settle(ended.clone(), now, dice);
            if matches!(ended, Ended::Settled) {
                sync.look_wanted_at = None;
            }
            if *sync == before {
                return Ok(Turn::Next);
            }
            let others = subject.others(self.store()).await?;
            let by = format!("{} {}", drain.target, before.generation);
            let plan = subject.plan(self, &others, None, &Cause { action: "sync", by }, now);
            let mut commit = plan.commit;
            commit.expect.push(drain.held.expect());
            match self.store().commit(commit).await {
                Ok(_) => {
                    self.announce(customer);
                    self.bell().ring_each(plan.ring.into_iter().filter(|who| *who != Loop::of(drain.target)));
                    self.ports().crash_point("C9").await;
                    return Ok(Turn::Next);
                }
                Err(error) if error.is_conflict() => {
                    if !self.holds(&drain.held).await? {
                        return Ok(Turn::LeaseLost);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether a row is another than the one that `ended` was concluded from. The answer of a failed call is in the row by
/// now; apart from that only a new wish counts then.
fn has_moved_on(seen: &Sync, now: &Sync, ended: &Ended) -> bool {
    match ended {
        Ended::Failed { .. } => seen.generation != now.generation,
        Ended::Settled
        | Ended::Contested { .. }
        | Ended::Waits { .. }
        | Ended::Held(_)
        | Ended::AccountWaits { .. } => seen != now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_core::sync::Hold;
    use frontdesk_core::target::{Failure, Holder, Person, Target};
    use jiff::Timestamp;
    use std::collections::BTreeMap;

    #[test]
    fn a_conclusion_says_nothing_about_a_row_that_was_given_a_new_wish() {
        let now = Timestamp::UNIX_EPOCH;
        let row = |desired: &str| {
            let mut row = Sync::new(CustomerId::new("fdc_test"), Target::Circle, now);
            row.desire(desired.to_owned(), now);
            row
        };
        let seen = row("community");
        let mut wished = seen.clone();
        wished.desire("community and course".to_owned(), now);
        let mut answered = seen.clone();
        answered.observed.people = BTreeMap::from([(Holder::Customer, Person::default())]);
        let failed = Ended::Failed {
            step: "add".to_owned(),
            failure: Failure::Transient { why: "answered 503".to_owned() },
        };
        for (ended, of_wished, of_answered) in [
            (Ended::Settled, true, true),
            (Ended::Held(Hold::Proof), true, true),
            (Ended::Waits { until: now, unknown: true }, true, true),
            (failed, true, false),
        ] {
            assert!(!has_moved_on(&seen, &seen, &ended), "{ended:?}");
            assert_eq!(has_moved_on(&seen, &wished, &ended), of_wished, "{ended:?}");
            assert_eq!(has_moved_on(&seen, &answered, &ended), of_answered, "{ended:?}");
        }
    }
}
