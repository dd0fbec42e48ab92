//! What people ask for: try again, release a brake, look at my page, replay an event, close a case.

use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::Ports;
use crate::subject::{Cause, Subject};
use frontdesk_core::id::{CustomerId, EntryId};
use frontdesk_core::sync::{Hold, State};
use frontdesk_core::target::{Holder, Membership, Standing, Target};
use frontdesk_store::{Commit, EntryFilter, EntryState, Error, Write};
use jiff::SignedDuration;

/// How often one look at a page may spend a call (DESIGN §5).
pub const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// Quarantined entries that are looked through for one of the same type. With more of them the alert stays.
const QUARANTINED_LOOKED_AT: u32 = 1_000;

/// What became of an act on something that may not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acted {
    /// Done.
    Done,
    /// There is no such thing.
    NotFound,
    /// It is there, and there was nothing to do.
    Nothing,
}

impl<P: Ports> Engine<P> {
    /// Makes one sync row due now, with all its tries before it. A brake or a freeze still holds it. Whoever says that
    /// a contested item is left alone by now says so for every customer of it.
    pub async fn retry_sync(&self, customer: &CustomerId, target: Target, by: &str) -> Result<Acted, Error> {
        let subject = Subject::load(self.store(), customer).await?;
        let own = subject.as_ref().and_then(|subject| subject.record.access_address());
        let row = subject.as_ref().and_then(|subject| subject.syncs.get(&target));
        if let Some(State::Contested { item, .. }) = row.map(|row| &row.state) {
            return self.end_contest(target, item, by).await;
        }
        self.change_sync(customer, target, by, |row, now| {
            let was = row.clone();
            match row.state {
                State::Held(Hold::Person) => row.let_in_again(now),
                // Somebody says that this one may go: it counts as new from here on.
                State::Held(Hold::Shadow) => {
                    row.due_since = now;
                    row.retry(now);
                }
                _ => row.retry(now),
            }
            for (holder, person) in &mut row.observed.people {
                let address = match holder {
                    Holder::Customer => own.clone(),
                    Holder::Beneficiary(address) => Some(address.clone()),
                };
                // Somebody says that it may be otherwise by now: one read by id decides.
                if let (Membership::Gone { id, .. }, Some(address)) = (&person.membership, address) {
                    person.membership = Membership::Moved { id: *id, address };
                }
            }
            *row != was
        })
        .await
    }

    /// Lets the removals go that wait behind the brake of this name. `by` names the person.
    pub async fn release_brake(&self, name: &str, by: &str) -> Result<(Acted, u64), Error> {
        let Some(brake) = self.store().brake(name).await? else { return Ok((Acted::NotFound, 0)) };
        if brake.released_at.is_some() {
            return Ok((Acted::Nothing, 0));
        }
        let waiting = self.store().braked(name).await?;
        let now = self.ports().now_wall();
        let release = Write::BrakeRelease { name: name.to_owned(), at: now, by: by.to_owned() };
        let close = Write::AlertClose { key: format!("brake:{name}"), at: now };
        self.store().commit(Commit { expect: Vec::new(), writes: vec![release, close] }).await?;
        tracing::info!(brake = name, "the brake was released");
        self.bell().ring(Loop::of(brake.target));
        Ok((Acted::Done, waiting))
    }

    /// Lets one row's removals pass the brake of this name.
    pub(crate) async fn let_go(
        &self,
        customer: &CustomerId,
        target: Target,
        name: &str,
    ) -> Result<Acted, Error> {
        self.change_sync(customer, target, &format!("released {name}"), |row, now| {
            let held = matches!(&row.state, State::Held(Hold::Brake { name: held }) if held == name);
            if held {
                row.retry(now);
                row.brake_released = true;
            }
            held
        })
        .await
    }

    /// Notes that somebody looks at the customer's page: an invitation that is out may have been accepted, and one
    /// read in ten minutes may show it.
    pub async fn is_looked_at(&self, customer: &CustomerId) -> Result<(), Error> {
        let syncs = self.store().syncs(customer).await?;
        let now = self.ports().now_wall();
        let Some(row) = syncs.get(&Target::Circle) else { return Ok(()) };
        let is_stale = row.observed.people.values().any(|person| match &person.membership {
            Membership::Member { standing: Standing::Invited | Standing::Known, seen_at, .. } => {
                now.duration_since(*seen_at) >= LOOK_EVERY
            }
            _ => false,
        });
        if !is_stale || row.look_wanted_at.is_some() || row.state != State::Applied {
            return Ok(());
        }
        self.change_sync(customer, Target::Circle, "page", |row, now| {
            let wants = row.state == State::Applied && row.look_wanted_at.is_none();
            if wants {
                row.look_wanted_at = Some(now);
                row.next_attempt_at = Some(now);
            }
            wants
        })
        .await
        .map(drop)
    }

    /// Applies an entry anew. Facts that are known change nothing; what was quarantined or failed gets its turn,
    /// except the second of two events under one id: the first counts, and nobody can say that it lies.
    pub async fn replay(&self, entry: &EntryId) -> Result<Acted, Error> {
        let Some(stored) = self.store().journal_entry(entry).await? else {
            return Ok(Acted::NotFound);
        };
        if stored.entry.is_contradiction() {
            return Ok(Acted::Nothing);
        }
        self.store()
            .commit(Commit { expect: Vec::new(), writes: vec![Write::JournalReplay(entry.clone())] })
            .await?;
        if let Some(stored) = self.store().journal_entry(entry).await? {
            self.apply(&stored).await?;
        }
        self.bell().ring(Loop::Apply);
        self.close_what_the_replay_ended(entry).await?;
        Ok(Acted::Done)
    }

    /// An alert about entries that could not be applied ends with the last of them.
    async fn close_what_the_replay_ended(&self, entry: &EntryId) -> Result<(), Error> {
        let Some(entry) = self.store().journal_entry(entry).await?.map(|stored| stored.entry) else {
            return Ok(());
        };
        if !matches!(entry.state, EntryState::Effect | EntryState::NoEffect) {
            return Ok(());
        }
        self.close_alert(&format!("failed:{}", entry.id)).await?;
        let quarantined = EntryFilter { state: Some(EntryState::Quarantined), ..EntryFilter::default() };
        let left = self.store().journal_list(&quarantined, None, QUARANTINED_LOOKED_AT).await?;
        let may_be_more = left.len() >= usize::try_from(QUARANTINED_LOOKED_AT).unwrap_or(usize::MAX);
        if may_be_more || left.iter().any(|other| other.event_type == entry.event_type) {
            return Ok(());
        }
        self.close_alert(&format!("quarantined:{}", entry.event_type)).await
    }

    /// Closes a case by hand. For the same reason it does not open again.
    pub async fn close_case(&self, number: u64, by: &str, why: &str) -> Result<Acted, Error> {
        let Some((case, _)) = self.store().case(number).await? else { return Ok(Acted::NotFound) };
        if case.closed_at.is_some() {
            return Ok(Acted::Nothing);
        }
        let now = self.ports().now_wall();
        let close = Write::CaseClose { number, at: now, why: format!("{by}: {why}") };
        self.store().commit(Commit { expect: Vec::new(), writes: vec![close] }).await?;
        Ok(Acted::Done)
    }

    /// Changes one sync row, with everything that follows. `change` says whether it did.
    pub(crate) async fn change_sync(
        &self,
        customer: &CustomerId,
        target: Target,
        by: &str,
        change: impl Fn(&mut frontdesk_core::sync::Sync, jiff::Timestamp) -> bool,
    ) -> Result<Acted, Error> {
        loop {
            let Some(mut subject) = Subject::load(self.store(), customer).await? else {
                return Ok(Acted::NotFound);
            };
            let now = self.ports().now_wall();
            let Some(row) = subject.syncs.get_mut(&target) else { return Ok(Acted::NotFound) };
            if !change(row, now) {
                return Ok(Acted::Nothing);
            }
            let others = subject.others(self.store()).await?;
            let cause = Cause { action: "operator", by: by.to_owned() };
            let plan = subject.plan(self, &others, None, &cause, now);
            match self.store().commit(plan.commit).await {
                Ok(_) => {
                    self.announce(customer);
                    self.bell().ring(Loop::of(target));
                    return Ok(Acted::Done);
                }
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
    }
}
