//! One call: the intent before it, the answer folded into what is known of the person, and what of it the audit log keeps.

use super::{Acted, Drain};
use crate::call::Spoken;
use crate::engine::Engine;
use crate::ports::{ANSWER_WITHIN, Ports};
use crate::subject::{Cause, Subject};
use frontdesk_core::budget::Reason;
use frontdesk_core::desired::Desired;
use frontdesk_core::diff::{Outcome, fold};
use frontdesk_core::hint::looked;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sweep::{is_upset, note_undone};
use frontdesk_core::sync::{State, Sync};
use frontdesk_core::target::{Failure, Holder, Observed, Step};
use frontdesk_store::{AuditDraft, CallIntent, Commit, Error, Write};
use jiff::Timestamp;
use std::time::Duration;

/// How old a look may be when what it decided leaves: a process that was held up for longer looks again, because
/// access may have ended meanwhile by the clock alone (RELIABILITY I8).
const HELD_UP_MAX: Duration = ANSWER_WITHIN;

impl<P: Ports> Engine<P> {
    /// Makes one call: intent, call, answer.
    ///
    /// The intent rests on the records that were looked at: if one of them changed since, nothing is sent and the
    /// row is looked at again, so that no removal overtakes a purchase.
    pub(crate) async fn act(
        &self,
        drain: &mut Drain<'_>,
        subject: &Subject,
        others: &[Subject],
        step: &Step,
        reason: Reason,
    ) -> Result<Acted, Error> {
        let Some(sync) = subject.syncs.get(&drain.target) else { return Ok(Acted::LookAgain) };
        let request = match self.request(drain, step) {
            Ok(request) => request,
            Err(failure) => return Ok(Acted::Answered(Err(failure))),
        };
        if !self.keep_lease(&mut drain.held).await? {
            return Ok(Acted::LeaseLost);
        }
        if let Step::Remove { item, address, id } = step {
            let by = format!("taken away for {}", subject.record.id);
            for other in others {
                let doubt = |row: &mut Sync, now| {
                    let changed = row.observed.doubt(item, address, *id, now);
                    if changed {
                        row.retry(now);
                    }
                    changed
                };
                self.change_sync(&other.record.id, drain.target, &by, doubt).await?;
            }
        }
        let intent = self.intent(drain, &subject.record.id, sync, step, reason, &request);
        let looked_at = self.ports().now_mono();
        // Two guards stop a holder that was away: without the lease's, this one would hide that it is gone.
        let is_blind = self.ports().is_planted("no_fence_check");
        let was_held_up = || !is_blind && self.ports().now_mono().saturating_sub(looked_at) > HELD_UP_MAX;
        self.ports().crash_point("C4").await;
        if was_held_up() {
            return Ok(Acted::LookAgain);
        }
        let mut expect = vec![drain.held.expect()];
        if step.writes() {
            expect.extend(std::iter::once(subject).chain(others).filter_map(Subject::as_looked_at));
        }
        let commit = Commit { expect, writes: vec![Write::CallIntent(intent.clone())] };
        if !self.ports().is_planted("intent_after_send") {
            match self.store().commit(commit.clone()).await {
                Err(error) if error.is_conflict() => {
                    let ours = self.holds(&drain.held).await?;
                    return Ok(if ours { Acted::LookAgain } else { Acted::LeaseLost });
                }
                done => done.map(drop)?,
            }
        }
        self.ports().crash_point("C5").await;
        // A process that was held up since may have been overtaken: then whoever came after settles the intent (F44).
        if !self.may_send(&drain.held) {
            return Ok(Acted::LeaseLost);
        }
        if was_held_up() {
            let failure = Failure::Transient { why: "the process was held up before it was sent".to_owned() };
            let is_ours = self.record_answer(drain, &intent, Spoken::without_answer(failure)).await?;
            return Ok(if is_ours { Acted::LookAgain } else { Acted::LeaseLost });
        }
        let mut spoken = self.speak(drain, step, request).await?;
        if self.ports().is_planted("resend_on_unknown")
            && let Err(Failure::Unknown { why }) = spoken.outcome
        {
            spoken.outcome = Err(Failure::Transient { why });
        }
        if self.ports().is_planted("intent_after_send") {
            self.store().commit(commit).await.map(drop)?;
        }
        self.ports().crash_point("C7").await;
        let outcome = spoken.outcome.clone();
        let health = outcome.as_ref().map(|_| ());
        self.note_target_health(drain, health, spoken.status).await?;
        if !self.record_answer(drain, &intent, spoken).await? {
            return Ok(Acted::LeaseLost);
        }
        self.ports().crash_point("C8").await;
        Ok(Acted::Answered(outcome))
    }

    /// Makes an answer durable and folds it into what is known of the person, with everything that follows.
    /// Returns whether the lease still stood.
    pub(super) async fn record_answer(
        &self,
        drain: &Drain<'_>,
        call: &CallIntent,
        spoken: Spoken,
    ) -> Result<bool, Error> {
        let answer = spoken.answer(call, drain.held.lease.epoch);
        loop {
            let now = self.ports().now_wall();
            let mut writes = vec![Write::CallAnswer(answer.clone())];
            let mut expect = vec![drain.held.expect()];
            // Whoever was merged into another while the call was under way: what came of it is known of the other, or a call
            // without an answer would be made again blindly (I17).
            let subject = match &call.customer {
                Some(customer) => Subject::load_survivor(self.store(), customer).await?,
                None => None,
            };
            let mut changed = None;
            if let (Some(mut subject), Some(step)) = (subject, &call.step) {
                let id = subject.record.id.clone();
                let others = subject.others(self.store()).await?;
                let desired = subject.decide(self, &others, now).desired.remove(&drain.target);
                if let Some(sync) = subject.syncs.get_mut(&drain.target) {
                    let before = sync.observed.clone();
                    if let Some(holder) = holder_of(sync, desired.as_ref(), step) {
                        let wishes = desired.as_ref().and_then(|desired| desired.holders.get(&holder));
                        let known = sync.observed.people.get(&holder).cloned().unwrap_or_default();
                        observe(
                            sync,
                            holder.clone(),
                            step,
                            &spoken.outcome,
                            call.intent_at,
                            answer.answered_at,
                        );
                        // What waits for a person is not put right, so nothing of it counts as undone.
                        let counts = drain.written.is_written(sync);
                        let person = sync.observed.people.get_mut(&holder).filter(|_| !step.writes());
                        if let (Some(wishes), Some(person)) = (wishes, person) {
                            if counts {
                                note_undone(
                                    &known,
                                    person,
                                    wishes,
                                    look_name(call.reason),
                                    answer.answered_at,
                                );
                            }
                            if sync.state == State::Applied && is_upset(&known, person, wishes) {
                                sync.retry(now);
                            }
                        }
                    }
                    if step.writes() {
                        writes.push(self.audit_effect(&id, step, call, &before, sync, &spoken.outcome));
                    }
                }
                let plan = subject.plan(self, &others, None, &cause(call), now);
                expect.extend(plan.commit.expect);
                writes.extend(plan.commit.writes);
                changed = Some((id, plan.ring));
            }
            match self.store().commit(Commit { expect, writes }).await {
                Ok(_) => {
                    if let Some((customer, ring)) = changed {
                        self.announce(&customer);
                        self.bell().ring_each(ring);
                    }
                    return Ok(true);
                }
                Err(error) if error.is_conflict() => {
                    if !self.holds(&drain.held).await? {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What was done to somebody's access, for the audit log (I39).
    pub(super) fn audit_effect(
        &self,
        customer: &CustomerId,
        step: &Step,
        call: &CallIntent,
        before: &Observed,
        sync: &Sync,
        outcome: &Outcome,
    ) -> Write {
        let item = match step {
            Step::Add { item, .. } | Step::Remove { item, .. } => item.to_string(),
            _ => "member".to_owned(),
        };
        let holding = |observed: &Observed| {
            let holdings = observed.people.values().flat_map(|person| person.items.iter());
            holdings
                .filter(|(held, _)| held.to_string() == item)
                .map(|(_, holding)| serde_json::json!(holding))
                .collect::<Vec<_>>()
        };
        let result = match outcome {
            Ok(_) => "done",
            Err(failure) => failure.class(),
        };
        Write::Audit(AuditDraft {
            customer: customer.clone(),
            linked: None,
            at: self.ports().now_wall(),
            action: format!("{}_{}", sync.target, step.name()),
            cause: call.id.clone(),
            node: self.settings().node.clone(),
            before: serde_json::json!({ "item": item, "holding": holding(before) }),
            after: serde_json::json!({ "item": item, "holding": holding(&sync.observed), "result": result }),
            personal: Vec::new(),
        })
    }
}

/// How a look is called that no message asked for.
const fn look_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Sweep => "found by a sweep",
        _ => "found by a look",
    }
}

fn cause(call: &CallIntent) -> Cause {
    Cause { action: "answer", by: call.id.clone() }
}

/// Folds an answer into the person that the step was about.
fn observe(
    sync: &mut Sync,
    holder: Holder,
    step: &Step,
    outcome: &Outcome,
    asked_at: Timestamp,
    answered_at: Timestamp,
) {
    let person = sync.observed.people.remove(&holder).unwrap_or_default();
    let mut person = fold(person, sync.target, step, outcome, answered_at);
    looked(&mut person, step, outcome, asked_at);
    sync.observed.people.insert(holder, person);
    if matches!(step, Step::Read { .. }) && outcome.is_ok() {
        sync.look_wanted_at = None;
    }
}

/// Whose step it is: the customer's where the id or address is theirs, else that of the beneficiary who has it.
///
/// A beneficiary of whom nothing was seen yet is known by the wishes alone. `None`: the id is nobody's any more, because
/// a person said meanwhile that its owner is somebody else; what was answered of them is not the customer's.
fn holder_of(sync: &Sync, desired: Option<&Desired>, step: &Step) -> Option<Holder> {
    let (address, id) = match step {
        Step::Add { address, id, .. }
        | Step::Remove { address, id, .. }
        | Step::Check { address, id, .. } => (Some(address), *id),
        Step::Enrol { address, .. } | Step::Find { address } => (Some(address), None),
        Step::Read { id } => (None, Some(*id)),
    };
    let people = &sync.observed.people;
    let wishes = desired.map(|desired| &desired.holders);
    let has = |holder: &Holder| {
        let person = people.get(holder);
        let by_id = id.is_some() && person.and_then(|person| person.membership.id()) == id;
        let known = person.and_then(|person| person.membership.address());
        let wished = wishes.and_then(|wishes| wishes.get(holder)).map(|wishes| &wishes.address);
        let named = match holder {
            Holder::Beneficiary(theirs) => Some(theirs),
            Holder::Customer => None,
        };
        let by_address = id.is_none() && address.is_some() && [known, wished, named].contains(&address);
        by_id || by_address
    };
    let named = wishes.into_iter().flat_map(|wishes| wishes.keys());
    let candidates = std::iter::once(&Holder::Customer).chain(people.keys()).chain(named);
    candidates
        .into_iter()
        .find(|holder| has(holder))
        .cloned()
        .or_else(|| id.is_none().then_some(Holder::Customer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_core::email::Email;
    use frontdesk_core::target::{Item, Person, Target};

    #[test]
    fn what_is_answered_of_an_id_that_is_nobodys_any_more_is_not_the_customers() {
        let now = Timestamp::UNIX_EPOCH;
        let address = Email::parse("ada@home.example").unwrap();
        let mut row = Sync::new(CustomerId::new("fdc_test"), Target::Circle, now);
        let mut person = Person::default();
        person.meet(7, &address, now).unwrap();
        row.observed.people.insert(Holder::Customer, person);
        let step = |id| Step::Add { item: Item::CircleGroup(4012), address: address.clone(), id };
        assert_eq!(holder_of(&row, None, &step(Some(7))), Some(Holder::Customer));
        // Told apart while the call is under way.
        row.observed.people.insert(Holder::Customer, Person::default());
        assert_eq!(holder_of(&row, None, &step(Some(7))), None);
        assert_eq!(holder_of(&row, None, &step(None)), Some(Holder::Customer));
    }
}
