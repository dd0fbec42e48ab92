//! What differs is confirmed by one direct read; then the row is made due, or a person's decision is noted.

use super::compare::{Work, cause};
use super::mark::{Mark, Running};
use super::{RETRY_AFTER, STALE_AFTER, Sweeping, Turn};
use crate::engine::Engine;
use crate::ports::Ports;
use crate::reads::why;
use crate::reconcile::{Acted, Drain, Gate};
use crate::subject::Subject;
use frontdesk_core::budget::Reason;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sweep::{Difference, FindingKind, lose};
use frontdesk_core::target::{
    Failure, Holder, Holding, Item, Membership, Person, Step, Taken, Target, Undone,
};
use frontdesk_store::{Error, Finding, Write};
use jiff::{SignedDuration, Timestamp};

/// Reads that one difference may take: by address, by id, by the new address.
const READS_MAX: usize = 4;
/// How long they may take together, waits for our own limit included.
const CONFIRMED_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// What direct reads showed.
enum Confirmed {
    /// The person holds the item.
    Holds,
    /// The person is there and does not hold the item.
    HoldsNot,
    /// The target knows the person no more.
    Gone,
    /// Nothing that anything may follow from.
    Unclear,
    /// The sweep stops here for now.
    Stops(Stop),
}

/// Why a sweep stops before it knows.
enum Stop {
    /// Until our own limit lets a call pass, or for good.
    Turn(Turn),
    /// Reads do not get through, or none may be spent.
    PutOff {
        /// Why, in our words.
        why: String,
        /// Until then.
        until: Timestamp,
    },
}

impl<P: Ports> Engine<P> {
    /// Confirms one difference and does what follows.
    pub(super) async fn settle_difference(
        &self,
        drain: &mut Drain<'_>,
        sweeping: &mut Sweeping,
        mut swept: Mark,
        mut running: Running,
        customer: CustomerId,
        difference: Difference,
    ) -> Result<Turn, Error> {
        // What was seen since the customers were laid beside the lists may have settled it.
        let previous = swept.last.as_ref().map(|last| last.began_at);
        let stands = match Subject::load(self.store(), &customer).await? {
            Some(subject) => self.beside(drain, &subject, &sweeping.scan, previous).await?,
            None => None,
        };
        if !stands.is_some_and(|(_, beside)| beside.differences.contains(&difference)) {
            return Ok(Turn::Worked);
        }
        let before = running.confirmed;
        let found = match &difference {
            Difference::Idle => {
                self.look_again(&customer, &cause(drain)).await?;
                let by = cause(drain).by;
                self.change_sync(&customer, drain.target, &by, |row, now| {
                    row.retry(now);
                    true
                })
                .await?;
                Ok(Some(FindingKind::Idle))
            }
            Difference::Gone { holder, id } => {
                match self.confirm(drain, &mut running, &customer, holder, None).await? {
                    Confirmed::Gone => self.note_gone(drain, &customer, holder).await.map(Some).map(Ok)?,
                    Confirmed::Stops(stop) => Err(stop),
                    Confirmed::Holds | Confirmed::HoldsNot | Confirmed::Unclear => {
                        tracing::debug!(target.id = %drain.target, member = id, "a member was not listed and is there");
                        Ok(None)
                    }
                }
            }
            Difference::Lost { holder, item } => {
                match self.confirm(drain, &mut running, &customer, holder, Some(item)).await? {
                    Confirmed::HoldsNot => self.note_lost(drain, &customer, holder, item).await.map(Ok)?,
                    Confirmed::Gone => self.note_gone(drain, &customer, holder).await.map(Some).map(Ok)?,
                    Confirmed::Holds | Confirmed::Unclear => Ok(None),
                    Confirmed::Stops(stop) => Err(stop),
                }
            }
            Difference::Lingers { holder, item } => {
                match self.confirm(drain, &mut running, &customer, holder, Some(item)).await? {
                    Confirmed::Holds => {
                        let by = cause(drain).by;
                        self.change_sync(&customer, drain.target, &by, |row, now| {
                            row.retry(now);
                            true
                        })
                        .await?;
                        Ok(Some(FindingKind::Lingering))
                    }
                    Confirmed::HoldsNot | Confirmed::Gone | Confirmed::Unclear => Ok(None),
                    Confirmed::Stops(stop) => Err(stop),
                }
            }
        };
        let began_at = running.began_at;
        if running.confirmed != before {
            swept.running = Some(running);
            if matches!(self.commit_held(drain, vec![swept.write(drain.target)]).await?, Turn::LeaseLost) {
                return Ok(Turn::LeaseLost);
            }
        }
        let comparing = sweeping.comparing.get_or_insert_default();
        match found {
            Err(stop) => {
                comparing.work.push_front(Work::Settle(customer, difference));
                match stop {
                    Stop::Turn(turn) => Ok(turn),
                    Stop::PutOff { why, until } => self.sweep_failed(drain, swept, why, until, false).await,
                }
            }
            Ok(None) => Ok(Turn::Worked),
            Ok(Some(kind)) => {
                comparing.findings += 1;
                self.note_finding(drain, kind, &customer, &difference, began_at).await
            }
        }
    }

    /// Reads until it is known whether the person holds the item, or is there at all.
    async fn confirm(
        &self,
        drain: &mut Drain<'_>,
        running: &mut Running,
        customer: &CustomerId,
        holder: &Holder,
        item: Option<&Item>,
    ) -> Result<Confirmed, Error> {
        let since = self.ports().now_wall();
        for _ in 0..READS_MAX {
            let Some(subject) = Subject::load(self.store(), customer).await? else {
                return Ok(Confirmed::Unclear);
            };
            let person = subject.syncs.get(&drain.target).and_then(|sync| sync.observed.people.get(holder));
            let Some(person) = person else { return Ok(Confirmed::Unclear) };
            let step = match next_read(person, item, since) {
                Ok(step) => step,
                Err(confirmed) => return Ok(confirmed),
            };
            let nothing_left = || {
                let why = "no more calls may be spent on what a sweep found".to_owned();
                Ok(Confirmed::Stops(Stop::PutOff { why, until: self.after(STALE_AFTER) }))
            };
            if self.forecast(drain.target).await?.sweep_allowance == Some(0) {
                return nothing_left();
            }
            match self.gate(drain, Reason::Sweep).await? {
                Gate::Open => {}
                Gate::Waits(until) => {
                    return Ok(Confirmed::Stops(Stop::Turn(Turn::Rests(Some(until)))));
                }
                Gate::NoLook => return nothing_left(),
            }
            running.confirmed += 1;
            let others = subject.others(self.store()).await?;
            match self.act(drain, &subject, &others, &step, Reason::Sweep).await? {
                Acted::LookAgain | Acted::Answered(Ok(_)) => {}
                Acted::LeaseLost => return Ok(Confirmed::Stops(Stop::Turn(Turn::LeaseLost))),
                Acted::Answered(Err(Failure::Rejected { .. } | Failure::Misconfigured { .. })) => {
                    return Ok(Confirmed::Unclear);
                }
                Acted::Answered(Err(failure)) => {
                    let until = match &failure {
                        Failure::Throttled { until, .. } => *until,
                        _ => self.after(RETRY_AFTER),
                    };
                    let why = format!("what a sweep found could not be confirmed: {}", why(&failure));
                    return Ok(Confirmed::Stops(Stop::PutOff { why, until }));
                }
            }
        }
        Ok(Confirmed::Unclear)
    }

    /// An item is gone from somebody who should have it. Put back once; the second time a person meant it.
    async fn note_lost(
        &self,
        drain: &Drain<'_>,
        customer: &CustomerId,
        holder: &Holder,
        item: &Item,
    ) -> Result<Option<FindingKind>, Error> {
        let kind = std::sync::Mutex::new(None);
        self.change_sync(customer, drain.target, &cause(drain).by, |row, now| {
            let writes_nothing = !drain.written.is_written(row);
            let Some(person) = row.observed.people.get_mut(holder) else { return false };
            // In shadow mode nothing is put back, so nothing is used up.
            let seen = Undone { at: now, by: "found by a sweep".to_owned() };
            let taken = if writes_nothing {
                Taken::PutBack { at: now, by: Some(seen.by) }
            } else {
                lose(person, item, seen)
            };
            let found = match taken {
                Taken::PutBack { .. } | Taken::TakenOff { .. } => FindingKind::Missing,
                Taken::LeftOut { .. } | Taken::Contested { .. } => FindingKind::TakenOut,
            };
            *kind.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(found);
            row.retry(now);
            true
        })
        .await?;
        Ok(kind.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Somebody who should be there is gone altogether: a person's decision, theirs or the operator's.
    async fn note_gone(
        &self,
        drain: &Drain<'_>,
        customer: &CustomerId,
        holder: &Holder,
    ) -> Result<FindingKind, Error> {
        let target = drain.target;
        self.change_sync(customer, target, &cause(drain).by, |row, now| {
            // Circle's members say so themselves from now on; a subscriber who was deleted is not made anew.
            if let (Target::Kit, Some(person)) = (target, row.observed.people.get_mut(holder)) {
                let all: Vec<Item> = person.items.keys().cloned().collect();
                person.taken.extend(all.into_iter().map(|item| (item, Taken::LeftOut { at: now })));
            }
            row.retry(now);
            true
        })
        .await?;
        Ok(FindingKind::TakenOut)
    }

    /// Keeps what was found: it is counted, logged and shown.
    async fn note_finding(
        &self,
        drain: &Drain<'_>,
        kind: FindingKind,
        customer: &CustomerId,
        difference: &Difference,
        began_at: Timestamp,
    ) -> Result<Turn, Error> {
        let (holder, item) = match difference {
            Difference::Idle => (&Holder::Customer, None),
            Difference::Gone { holder, .. } => (holder, None),
            Difference::Lost { holder, item } | Difference::Lingers { holder, item } => (holder, Some(item)),
        };
        let syncs = self.store().syncs(customer).await?;
        let person = syncs.get(&drain.target).and_then(|sync| sync.observed.people.get(holder));
        let (member, address) = match person.map(|person| &person.membership) {
            Some(Membership::Member { id, address, .. } | Membership::Moved { id, address }) => {
                (Some(*id), Some(address.clone()))
            }
            Some(Membership::Gone { id, .. }) => (Some(*id), None),
            _ => (None, None),
        };
        tracing::warn!(
            target.id = %drain.target,
            customer.id = %customer,
            finding = kind.as_str(),
            item = item.map(ToString::to_string).as_deref().unwrap_or("-"),
            "a sweep found what no event told"
        );
        let finding = Finding {
            target: drain.target,
            kind,
            item: item.cloned(),
            member,
            customer: Some(customer.clone()),
            address,
            first_at: began_at,
            last_at: began_at,
            times: 1,
            closed_at: None,
        };
        self.commit_held(drain, vec![Write::Finding(finding)]).await
    }
}

/// The read that is still owed before it is known whether the person holds the item, or is there.
fn next_read(person: &Person, item: Option<&Item>, since: Timestamp) -> Result<Step, Confirmed> {
    // What was seen further off than the reads take was noted under a clock that was ahead, and confirms nothing.
    let is_fresh = |seen_at: Timestamp| seen_at >= since && seen_at.duration_since(since) <= CONFIRMED_WITHIN;
    let (id, address) = match &person.membership {
        Membership::Moved { id, .. } => return Ok(Step::Read { id: *id }),
        Membership::Gone { .. } | Membership::NotMember { .. } => return Err(Confirmed::Gone),
        Membership::Unseen | Membership::Unknown { .. } => return Err(Confirmed::Unclear),
        Membership::Member { id, seen_at, .. } if item.is_none() => {
            // The read by id says whether they are there at all.
            return if is_fresh(*seen_at) { Err(Confirmed::Holds) } else { Ok(Step::Read { id: *id }) };
        }
        Membership::Member { id, address, .. } => (*id, address),
    };
    let Some(item) = item else { return Err(Confirmed::Unclear) };
    match person.items.get(item) {
        Some(Holding::Present { seen_at }) if is_fresh(*seen_at) => Err(Confirmed::Holds),
        Some(Holding::Absent { seen_at }) if is_fresh(*seen_at) => Err(Confirmed::HoldsNot),
        Some(Holding::Present { .. } | Holding::Absent { .. }) => {
            Ok(Step::Check { item: item.clone(), address: address.clone(), id: Some(id) })
        }
        None | Some(Holding::Sent { .. } | Holding::Unknown { .. }) => Err(Confirmed::Unclear),
    }
}
