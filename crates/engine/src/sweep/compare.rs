//! The second half of a sweep: our records beside the lists, customer by customer; then what differs, one by one.

use super::mark::{self, Mark, Running, Swept};
use super::{STALE_AFTER, Sweeping, Turn};
use crate::engine::Engine;
use crate::ports::Ports;
use crate::reconcile::Drain;
use crate::subject::{Cause, Subject};
use frontdesk_core::desired::Desired;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sweep::{Beside, Difference, FindingKind, List, Scan, beside, implausible};
use frontdesk_core::sync::{Hold, State};
use frontdesk_core::target::{Item, Membership};
use frontdesk_store::{Error, Finding, Write};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Customers that one turn looks at.
const BATCH: u32 = 50;

/// How far the comparison has come.
#[derive(Debug, Default)]
pub(crate) struct Comparing {
    after: Option<CustomerId>,
    all_seen: bool,
    supported: BTreeSet<(Item, u64)>,
    ended: BTreeMap<(Item, u64), CustomerId>,
    expected: BTreeMap<List, BTreeSet<u64>>,
    pub(super) work: VecDeque<Work>,
    judged: bool,
    pub(super) findings: u32,
}

/// One thing to do about one customer.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// Take up what the lists newly show.
    Refresh(CustomerId),
    /// Confirm what differs, and act on it.
    Settle(CustomerId, Difference),
}

impl<P: Ports> Engine<P> {
    /// One turn of the comparison, all lists read.
    pub(super) async fn compare(
        &self,
        drain: &mut Drain<'_>,
        swept: Mark,
        running: Running,
    ) -> Result<Turn, Error> {
        let Some(mut sweeping) = drain.known.sweeping.take() else { return Ok(Turn::Worked) };
        let turn = self.compare_with(drain, &mut sweeping, swept, running).await;
        // A sweep that ended or was given up has forgotten itself meanwhile.
        if matches!(turn, Ok(Turn::Worked | Turn::Rests(_)))
            && self.swept(drain.target).await?.running.is_some_and(|running| {
                running.began_at == sweeping.scan.began_at && running.pages == sweeping.pages
            })
        {
            drain.known.sweeping = Some(sweeping);
        }
        turn
    }

    async fn compare_with(
        &self,
        drain: &mut Drain<'_>,
        sweeping: &mut Sweeping,
        swept: Mark,
        running: Running,
    ) -> Result<Turn, Error> {
        let previous = swept.last.as_ref().map(|last| last.began_at);
        let comparing = sweeping.comparing.get_or_insert_default();
        if !comparing.all_seen {
            self.lay_beside(drain, &sweeping.scan, previous, comparing).await?;
            return Ok(Turn::Worked);
        }
        if !comparing.judged {
            comparing.judged = true;
            let now = sweeping.scan.counts();
            // What our own records saw there stands in for a last sweep.
            let mut before: BTreeMap<_, _> =
                comparing.expected.iter().map(|(list, ids)| (list.clone(), ids.len() as u64)).collect();
            before.extend(swept.last.iter().flat_map(|last| last.counts.clone()));
            if let Some(flaw) = implausible(&now, &before).filter(|_| !running.accept) {
                let why = format!(
                    "{flaw}; nothing was changed. If that is right, run `frontdesk sync sweep {} --accept`",
                    drain.target
                );
                let again_at = self.after(drain.settings.sweep_every.unwrap_or(STALE_AFTER));
                return self.sweep_failed(drain, swept, why, again_at, true).await;
            }
        }
        match comparing.work.pop_front() {
            Some(Work::Refresh(customer)) => {
                self.refresh(drain, &customer, &sweeping.scan, previous).await?;
                Ok(Turn::Worked)
            }
            Some(Work::Settle(customer, difference)) => {
                self.settle_difference(drain, sweeping, swept, running, customer, difference).await
            }
            None => self.end_sweep(drain, sweeping, swept, running).await,
        }
    }

    /// Lays the next customers beside the lists.
    async fn lay_beside(
        &self,
        drain: &Drain<'_>,
        scan: &Scan,
        previous: Option<Timestamp>,
        comparing: &mut Comparing,
    ) -> Result<(), Error> {
        let page = self.store().customers(None, comparing.after.as_ref(), BATCH).await?;
        let Some(last) = page.last() else {
            comparing.all_seen = true;
            return Ok(());
        };
        comparing.after = Some(last.id.clone());
        let ids: Vec<_> = page.into_iter().map(|row| row.id).collect();
        for subject in Subject::load_all(self.store(), &ids).await? {
            let customer = &subject.record.id;
            let Some((_, beside)) = self.beside(drain, &subject, scan, previous).await? else { continue };
            let Beside { people, differences, supported, ended, expected } = beside;
            comparing.supported.extend(supported);
            comparing.ended.extend(ended.into_iter().map(|held| (held, customer.clone())));
            for (list, id) in expected {
                comparing.expected.entry(list).or_default().insert(id);
            }
            if !people.is_empty() {
                comparing.work.push_back(Work::Refresh(customer.clone()));
            }
            let settle = |difference| Work::Settle(customer.clone(), difference);
            comparing.work.extend(differences.into_iter().map(settle));
        }
        Ok(())
    }

    pub(super) async fn beside(
        &self,
        drain: &Drain<'_>,
        subject: &Subject,
        scan: &Scan,
        previous: Option<Timestamp>,
    ) -> Result<Option<(Desired, Beside)>, Error> {
        let others = subject.others(self.store()).await?;
        let mut decision = subject.decide(self, &others, self.ports().now_wall());
        let Some(desired) = decision.desired.remove(&drain.target) else { return Ok(None) };
        let beside = beside(&desired, subject.syncs.get(&drain.target), scan, previous);
        Ok(Some((desired, beside)))
    }

    /// Takes up what the lists newly show of a customer's people: ids, addresses, how far they are, what they hold.
    async fn refresh(
        &self,
        drain: &Drain<'_>,
        customer: &CustomerId,
        scan: &Scan,
        previous: Option<Timestamp>,
    ) -> Result<(), Error> {
        loop {
            let Some(mut subject) = Subject::load(self.store(), customer).await? else { return Ok(()) };
            if !subject.syncs.contains_key(&drain.target) {
                // A row that should be there is made by looking at the customer; the next sweep fills it.
                return self.look_again(customer, &cause(drain)).await;
            }
            let Some((_, beside)) = self.beside(drain, &subject, scan, previous).await? else {
                return Ok(());
            };
            let now = self.ports().now_wall();
            let Some(sync) = subject.syncs.get_mut(&drain.target) else { return Ok(()) };
            let mut is_due = false;
            for (holder, seen) in beside.people {
                let person = sync.observed.people.entry(holder).or_default();
                let was_out = matches!(person.membership, Membership::Gone { .. });
                is_due |= was_out || person.items != seen.items;
                *person = seen;
            }
            // What is shown to be there already needs no call: the look that follows only settles the row.
            if is_due && !matches!(sync.state, State::Held(Hold::Brake { .. } | Hold::Proof)) {
                sync.retry(now);
            }
            let others = subject.others(self.store()).await?;
            let mut commit = subject.plan(self, &others, None, &cause(drain), now).commit;
            commit.expect.push(drain.held.expect());
            match self.store().commit(commit).await {
                Ok(_) => {
                    self.announce(customer);
                    return Ok(());
                }
                Err(error) if error.is_conflict() => {
                    if !self.holds(&drain.held).await? {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Lists who has access without a record that supports it, and closes the sweep.
    async fn end_sweep(
        &self,
        drain: &mut Drain<'_>,
        sweeping: &mut Sweeping,
        mut swept: Mark,
        running: Running,
    ) -> Result<Turn, Error> {
        let comparing = sweeping.comparing.take().unwrap_or_default();
        let mut findings = comparing.findings;
        let mut writes = Vec::new();
        for (item, member) in sweeping.scan.holders() {
            let held = (item.clone(), member);
            if comparing.supported.contains(&held) {
                continue;
            }
            findings += 1;
            writes.push(Write::Finding(Finding {
                target: drain.target,
                kind: FindingKind::Unsupported,
                item: Some(item.clone()),
                member: Some(member),
                customer: comparing.ended.get(&held).cloned(),
                address: sweeping.scan.person(member).and_then(|listed| listed.address.clone()),
                first_at: running.began_at,
                last_at: running.began_at,
                times: 1,
                closed_at: None,
            }));
        }
        let unsupported = writes.len();
        let ended_at = self.ports().now_wall();
        let calls = running.pages + running.confirmed;
        swept.last = Some(Swept {
            began_at: running.began_at,
            ended_at,
            counts: sweeping.scan.counts(),
            calls,
            findings,
        });
        swept.running = None;
        swept.failed = None;
        writes.extend([
            Write::FindingsClose { target: drain.target, began_at: running.began_at },
            Write::SweepPagesClear(drain.target),
            swept.write(drain.target),
            Write::AlertClose { key: mark::alert_key(drain.target), at: ended_at },
        ]);
        tracing::info!(
            target.id = %drain.target,
            calls,
            misses = comparing.findings,
            unsupported,
            "the sweep is done"
        );
        self.commit_held(drain, writes).await
    }
}

/// Why a customer is looked at.
pub(super) fn cause(drain: &Drain<'_>) -> Cause {
    Cause { action: "sweep", by: format!("sweep of {}", drain.target) }
}
