//! Brings one target account in line, level by level: look at what is desired now and what was seen, make one call,
//! fold the answer in, look again.
//!
//! One lease holder drains an account, one call after another, so calls for one person or one address never overlap
//! (I18, I22). Every call that may change something is preceded by a durable intent (I16); an outcome that is not
//! known is looked at before anything is repeated (I17).

use crate::account::Known;
use crate::call::{Spoken, reason_of};
use crate::engine::Engine;
use crate::health::Waits;
use crate::lease::Held;
use crate::ports::{ANSWER_WITHIN, Ports};
use crate::settings::{Mode, TargetSettings};
use crate::subject::{Cause, Subject};
use crate::sweep;
use frontdesk_core::brake;
use frontdesk_core::budget::{Reason, Refusal};
use frontdesk_core::decision::Decision;
use frontdesk_core::desired::Desired;
use frontdesk_core::diff::{Next, Outcome, Rules, fold, next};
use frontdesk_core::golive::Written;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sweep::note_undone;
use frontdesk_core::sync::{Ended, Hold, Sync};
use frontdesk_core::target::{Failure, Holder, Membership, Person, Step, Target};
use frontdesk_store::{AuditDraft, CallIntent, Commit, Error, Write};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::sync::MutexGuard;

/// Rows that one pass takes up before it looks for more urgent ones.
const ROWS_PER_PASS: u32 = 32;
/// Steps that one look at a row may take: an invitation with all its doubts needs eight.
const STEPS_MAX: usize = 16;
/// How old a look may be when what it decided leaves: a process that was held up for longer looks again, because
/// access may have ended meanwhile by the clock alone (RELIABILITY I8).
const HELD_UP_MAX: Duration = ANSWER_WITHIN;
/// How often a target that refused our credential is asked again.
pub(crate) const STOPPED_PROBE_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// Rows that are marked as waiting when an account as a whole waits.
const WAITING_ROWS_MAX: u32 = 500;

/// One drain of an account.
pub(crate) struct Drain<'a> {
    pub(crate) target: Target,
    /// As told last: read anew for each pass.
    pub(crate) settings: TargetSettings,
    /// Which rows are written. As known at the beginning of the pass.
    pub(crate) written: Written,
    pub(crate) held: Held,
    pub(crate) known: MutexGuard<'a, Known>,
}

/// How one row's turn ended.
enum Turn {
    /// The next row may go.
    Next,
    /// The whole account waits, until then.
    AccountWaits(Timestamp),
    /// Somebody else holds the account: whatever was under way is theirs to look at.
    LeaseLost,
}

/// What came of a step.
pub(crate) enum Acted {
    /// It was answered, or no call could be made of it.
    Answered(Outcome),
    /// A record changed since it was looked at: nothing was sent.
    LookAgain,
    /// Somebody else holds the account.
    LeaseLost,
}

/// The wall that a step runs into before it is made.
pub(crate) enum Gate {
    Open,
    Waits(Timestamp),
    NoLook,
}

impl<P: Ports> Engine<P> {
    /// Takes the account of `target`, if nobody else has it, and works through its due rows. Returns when there is
    /// something to do next, if that is known.
    pub async fn reconcile(&self, target: Target) -> Result<Option<Timestamp>, Error> {
        let (Some(settings), Some(known)) =
            (self.settings().targets.get(&target).cloned(), self.accounts().of(target))
        else {
            return Ok(None);
        };
        // A second drain in this process would wait for the first: its rows are then done.
        let known = known.lock().await;
        // At once, also with nothing due: whoever buys from now on must not pass for somebody who waits from before.
        let written = self.take_up_mode(target, settings.mode).await?;
        let now = self.ports().now_wall();
        // Also with no row due: those that wait for what is missing there are never due by themselves.
        let lists_due_at = known.lists_due_at();
        let needs_lists = lists_due_at.is_some_and(|at| at <= self.ports().now_mono());
        let sweep_at = self.sweep_due_at(target, &settings, now).await?;
        let needs_sweep = sweep_at.is_some_and(|at| at <= now);
        if !needs_lists && !needs_sweep && self.store().sync_due(target, now, 1).await?.is_empty() {
            let next = self.store().next_sync(target).await?;
            let lists = lists_due_at.map(|at| self.wall_at(at));
            return Ok([next, lists, sweep_at].into_iter().flatten().min());
        }
        let Some(held) = self.take_lease(target.as_str()).await? else { return Ok(None) };
        let mut drain = Drain { target, settings, written, held, known };
        self.recover(&drain).await?;
        let next = self.drain(&mut drain).await?;
        self.store().release(&drain.held.lease).await?;
        Ok(next)
    }

    async fn drain(&self, drain: &mut Drain<'_>) -> Result<Option<Timestamp>, Error> {
        loop {
            if let Some(settings) = self.settings().targets.get(&drain.target) {
                drain.settings.clone_from(settings);
            }
            drain.written = self.take_up_mode(drain.target, drain.settings.mode).await?;
            if let Some(until) = self.account_waits(drain).await? {
                return Ok(Some(until));
            }
            if let Some(until) = self.prepare(drain).await? {
                self.mark_waiting_until(drain, until).await?;
                return Ok(Some(until));
            }
            let now = self.ports().now_wall();
            let due = self.store().sync_due(drain.target, now, ROWS_PER_PASS).await?;
            if due.is_empty() {
                self.look_after_contests(drain.target).await?;
                match self.sweep(drain).await? {
                    sweep::Turn::Worked => continue,
                    sweep::Turn::LeaseLost => return Ok(None),
                    sweep::Turn::Rests(until) => {
                        let next = self.store().next_sync(drain.target).await?;
                        return Ok([next, until].into_iter().flatten().min());
                    }
                }
            }
            for row in due {
                if !self.keep_lease(&mut drain.held).await? {
                    return Ok(None);
                }
                match self.reconcile_row(drain, &row.customer).await? {
                    Turn::Next => {}
                    Turn::AccountWaits(until) => {
                        self.mark_waiting_until(drain, until).await?;
                        return Ok(Some(until));
                    }
                    Turn::LeaseLost => return Ok(None),
                }
            }
        }
    }

    /// Until when the account as a whole makes no calls, if it does not; its due rows say so from then on.
    async fn account_waits(&self, drain: &Drain<'_>) -> Result<Option<Timestamp>, Error> {
        let (name, title) = (drain.target.as_str(), drain.target.title());
        let Some(waits) = self.waits(name, title, drain.known.was_tried).await? else { return Ok(None) };
        self.mark_waiting(drain, &waits).await?;
        Ok(Some(waits.until))
    }

    /// Lets every due row say that it waits, and until when: the customer reads it as "next try".
    async fn mark_waiting(&self, drain: &Drain<'_>, waits: &Waits) -> Result<(), Error> {
        let now = self.ports().now_wall();
        for row in self.store().sync_due(drain.target, now, WAITING_ROWS_MAX).await? {
            let ended = Ended::AccountWaits { until: waits.until, why: waits.why.clone() };
            self.settle(drain, &row.customer, None, ended).await?;
        }
        Ok(())
    }

    /// The same for a wait that the account's state does not tell: our own limit, lists that cannot be read.
    async fn mark_waiting_until(&self, drain: &Drain<'_>, until: Timestamp) -> Result<(), Error> {
        if self.account_waits(drain).await?.is_some() {
            return Ok(());
        }
        let why = format!("waits for its turn at {}", drain.target.title());
        self.mark_waiting(drain, &Waits { until, why }).await
    }

    /// What was under way when a process ended is unknown, and is looked at before anything else (F6–F8).
    pub(crate) async fn recover(&self, drain: &Drain<'_>) -> Result<(), Error> {
        if self.ports().is_planted("forget_intents") {
            return Ok(());
        }
        for call in self.store().unanswered_intents(drain.target.as_str()).await? {
            let failure = Failure::Unknown { why: "the process ended before the answer came".to_owned() };
            let spoken = Spoken::without_answer(failure);
            self.record_answer(drain, &call.intent, spoken).await?;
        }
        Ok(())
    }

    async fn reconcile_row(&self, drain: &mut Drain<'_>, customer: &CustomerId) -> Result<Turn, Error> {
        let mut looks = true;
        for _ in 0..STEPS_MAX {
            let Some(subject) = Subject::load(self.store(), customer).await? else { return Ok(Turn::Next) };
            let others = subject.others(self.store()).await?;
            let now = self.ports().now_wall();
            let decision = subject.decide(self, &others, now);
            let Some(sync) = subject.syncs.get(&drain.target) else { return Ok(Turn::Next) };
            let mut rules = self.rules(drain, sync, looks);
            let (mut holder, mut what) = choose(&decision, sync, &rules, now);
            if let Next::Step(Step::Remove { .. }) = &what
                && let Some(name) = self.brake(drain, sync, now).await?
            {
                rules.brake = Some(name);
                (holder, what) = choose(&decision, sync, &rules, now);
            }
            let step = match what {
                Next::Step(step) if step.writes() && !self.is_written(drain, sync, &decision, &step) => {
                    return self.hold(drain, sync, Hold::Shadow).await;
                }
                Next::Step(step) => step,
                Next::Wait { until, unknown } => {
                    return self.settle(drain, customer, Some(sync), Ended::Waits { until, unknown }).await;
                }
                Next::Held(hold) => return self.hold(drain, sync, hold).await,
                Next::Contested { item, why } => {
                    let ended = Ended::Contested { item, why };
                    return self.settle(drain, customer, Some(sync), ended).await;
                }
                Next::Refused { why } => {
                    let (step, failure) = ("look".to_owned(), Failure::Rejected { why });
                    return self.settle(drain, customer, Some(sync), Ended::Failed { step, failure }).await;
                }
                Next::Settled => return self.settle(drain, customer, Some(sync), Ended::Settled).await,
            };
            if step.writes()
                && let Some(hold) = self.frozen(drain.target, customer, &decision, now).await?
            {
                return self.hold(drain, sync, hold).await;
            }
            if let (Step::Enrol { .. }, Some(until)) =
                (&step, drain.known.capped_until.filter(|until| *until > now))
            {
                let failure = Failure::CappedUntil { until };
                return self
                    .settle(
                        drain,
                        customer,
                        Some(sync),
                        Ended::Failed { step: step.name().to_owned(), failure },
                    )
                    .await;
            }
            let reason = reason_of(&step, sync.observed.people.get(&holder), rules.look_wanted);
            match self.gate(drain, reason).await? {
                Gate::Open => {}
                Gate::Waits(until) => return Ok(Turn::AccountWaits(until)),
                Gate::NoLook => {
                    looks = false;
                    continue;
                }
            }
            match self.act(drain, &subject, &others, &step, reason).await? {
                Acted::LeaseLost => return Ok(Turn::LeaseLost),
                Acted::LookAgain | Acted::Answered(Ok(_)) => {}
                Acted::Answered(Err(failure)) => {
                    if let Some(turn) = self.failed(drain, sync, &step, failure).await? {
                        return Ok(turn);
                    }
                }
            }
        }
        let failure = Failure::Transient { why: format!("no end after {STEPS_MAX} steps") };
        self.settle(drain, customer, None, Ended::Failed { step: "all".to_owned(), failure }).await
    }

    /// Lets a row wait without using attempts. A brake may have been released, a freeze thawed, or the target gone live,
    /// between the look and the commit: then the row must not wait for it.
    async fn hold(&self, drain: &Drain<'_>, seen: &Sync, hold: Hold) -> Result<Turn, Error> {
        let customer = &seen.customer;
        let turn = self.settle(drain, customer, Some(seen), Ended::Held(hold.clone())).await?;
        match hold {
            Hold::Brake { name }
                if self.store().brake(&name).await?.is_some_and(|brake| brake.released_at.is_some()) =>
            {
                self.let_go(customer, drain.target, &name).await?;
            }
            Hold::Frozen { name, .. }
                if self.store().freeze(&name).await?.is_some_and(|freeze| freeze.ended_at.is_some()) =>
            {
                self.retry_sync(customer, drain.target, &format!("thawed {name}")).await?;
            }
            Hold::Shadow if self.mode_now(drain).await?.is_written(seen) => {
                self.retry_sync(customer, drain.target, "went live").await?;
            }
            _ => {}
        }
        Ok(turn)
    }

    /// Which rows of the target are written by now, whatever the pass began with.
    async fn mode_now(&self, drain: &Drain<'_>) -> Result<Written, Error> {
        match self.settings().targets.get(&drain.target) {
            Some(settings) => self.take_up_mode(drain.target, settings.mode).await,
            None => Ok(Written::Nothing),
        }
    }

    /// Whether a step of a row is made. The file may have said `shadow` since the pass began: then it stops here.
    fn is_written(&self, drain: &Drain<'_>, sync: &Sync, decision: &Decision, step: &Step) -> bool {
        if self.ports().is_planted("write_in_shadow") {
            return true;
        }
        let is_shadow = self.settings().targets.get(&drain.target).is_none_or(|to| to.mode == Mode::Shadow);
        let purchases = decision.entitled.purchases.iter();
        let newest = purchases.map(|purchase| purchase.paid_at.unwrap_or(purchase.started_at)).max();
        let gives = matches!(step, Step::Add { .. } | Step::Enrol { .. });
        !is_shadow && drain.written.is_written(sync) && (!gives || drain.written.is_of_now(newest))
    }

    fn rules(&self, drain: &Drain<'_>, sync: &Sync, looks: bool) -> Rules {
        Rules {
            target: drain.target,
            new_subscribers: self.catalogue().new_subscribers,
            look_wanted: looks && sync.look_wanted_at.is_some(),
            looks,
            brake: None,
            missing: drain.known.missing.clone(),
        }
    }

    /// What follows from a failed call; `None` when the same row goes on.
    async fn failed(
        &self,
        drain: &mut Drain<'_>,
        seen: &Sync,
        step: &Step,
        failure: Failure,
    ) -> Result<Option<Turn>, Error> {
        match failure {
            Failure::Misconfigured { mapping } => {
                let subject = mapping.to_string();
                let why = format!("{} has no `{mapping}`", drain.target.title());
                drain.known.missing.insert(mapping);
                self.alert(&format!("misconfigured:{subject}"), "misconfigured", &subject, &why).await?;
                Ok(None)
            }
            Failure::Throttled { until, .. } => Ok(Some(Turn::AccountWaits(until))),
            Failure::Unauthorized { .. } => Ok(Some(Turn::AccountWaits(self.after(STOPPED_PROBE_EVERY)))),
            Failure::Transient { .. } | Failure::Unknown { .. } => {
                // In an outage it is the account that fails: no row's tries are used up by its probes.
                let (name, title) = (drain.target.as_str(), drain.target.title());
                if let Some(Waits { until, why }) = self.waits(name, title, true).await? {
                    self.settle(drain, &seen.customer, None, Ended::AccountWaits { until, why }).await?;
                    return Ok(Some(Turn::AccountWaits(until)));
                }
                let ended = Ended::Failed { step: step.name().to_owned(), failure };
                self.settle(drain, &seen.customer, Some(seen), ended).await.map(Some)
            }
            Failure::Rejected { .. } | Failure::CappedUntil { .. } => {
                if let Failure::CappedUntil { until } = &failure {
                    drain.known.capped_until = Some(*until);
                }
                let ended = Ended::Failed { step: step.name().to_owned(), failure };
                self.settle(drain, &seen.customer, Some(seen), ended).await.map(Some)
            }
        }
    }

    /// Whether a call for `reason` may leave now.
    pub(crate) async fn gate(&self, drain: &mut Drain<'_>, reason: Reason) -> Result<Gate, Error> {
        let now = self.ports().now_wall();
        let limits = drain.settings.limits;
        let spent = self.spent(drain, now).await?;
        Ok(match spent.allow(&limits, reason, now) {
            Ok(()) => Gate::Open,
            Err(Refusal::Window { until }) => Gate::Waits(until),
            Err(Refusal::Reserve) => Gate::NoLook,
        })
    }

    /// The brake that holds one more removal at this target, by name; engages one where it is due (I24).
    async fn brake(&self, drain: &Drain<'_>, sync: &Sync, now: Timestamp) -> Result<Option<String>, Error> {
        if sync.brake_released {
            return Ok(None);
        }
        let since = now.saturating_sub(brake::WINDOW).unwrap_or(Timestamp::MIN);
        let engaged = self.store().brakes().await?.into_iter().find(|brake| brake.target == drain.target);
        // While one is engaged nobody more is let go: a slow mistake would pass a brake that opens by itself.
        if let Some(brake) = engaged {
            return Ok(Some(brake.name));
        }
        let mut recent = self.store().removals_since(drain.target, since).await?;
        recent.remove(&sync.customer);
        let entitled = u64::try_from(self.store().entitled_count().await?).unwrap_or(0);
        if !brake::holds(recent.len() as u64, entitled) {
            return Ok(None);
        }
        let name = format!("{}-{}", drain.target, now.strftime("%Y%m%d-%H%M%S"));
        let why =
            format!("{} people lost access at {} within ten minutes", recent.len(), drain.target.title());
        let engage =
            Write::BrakeEngage { name: name.clone(), target: drain.target, at: now, reason: why.clone() };
        self.store().commit(Commit { expect: vec![drain.held.expect()], writes: vec![engage] }).await?;
        self.alert(&format!("brake:{name}"), "brake", &name, &why).await?;
        tracing::error!(target.id = %drain.target, brake = name, "the mass-change brake holds removals until somebody releases it: {why}");
        Ok(Some(name))
    }

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
    async fn record_answer(
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
            let subject = match &call.customer {
                Some(customer) => Subject::load(self.store(), customer).await?,
                None => None,
            };
            let mut changed = None;
            if let (Some(mut subject), Some(step)) = (subject, &call.step) {
                let id = subject.record.id.clone();
                let others = subject.others(self.store()).await?;
                let desired = subject.decide(self, &others, now).desired.remove(&drain.target);
                if let Some(sync) = subject.syncs.get_mut(&drain.target) {
                    let before = sync.observed.clone();
                    let holder = holder_of(sync, desired.as_ref(), step);
                    let wishes = desired.as_ref().and_then(|desired| desired.holders.get(&holder));
                    let known = sync.observed.people.get(&holder).cloned().unwrap_or_default();
                    observe(sync, drain.target, holder.clone(), step, &spoken.outcome, answer.answered_at);
                    // What waits for a person is not put right, so nothing of it counts as undone.
                    let counts = !step.writes() && drain.written.is_written(sync);
                    let person = sync.observed.people.get_mut(&holder).filter(|_| counts);
                    if let (Some(wishes), Some(person)) = (wishes, person) {
                        note_undone(&known, person, wishes, look_name(call.reason), answer.answered_at);
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

    /// Notes how a look at a row ended, with everything that follows.
    ///
    /// `seen` is the row that it was concluded from. One that is another by now was made due by whoever changed it, and
    /// is looked at again: what was concluded says nothing about it. `None`: concluded from no row.
    async fn settle(
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
                    self.bell().ring_each(
                        plan.ring.into_iter().filter(|who| *who != crate::bell::Loop::of(drain.target)),
                    );
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

    /// What was done to somebody's access, for the audit log (I39).
    fn audit_effect(
        &self,
        customer: &CustomerId,
        step: &Step,
        call: &CallIntent,
        before: &frontdesk_core::target::Observed,
        sync: &Sync,
        outcome: &Outcome,
    ) -> Write {
        let item = match step {
            Step::Add { item, .. } | Step::Remove { item, .. } => item.to_string(),
            _ => "member".to_owned(),
        };
        let holding = |observed: &frontdesk_core::target::Observed| {
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

/// Folds an answer into the person that the step was about.
fn observe(sync: &mut Sync, target: Target, holder: Holder, step: &Step, outcome: &Outcome, now: Timestamp) {
    let person = sync.observed.people.remove(&holder).unwrap_or_default();
    let person = fold(person, target, step, outcome, now);
    sync.observed.people.insert(holder, person);
    if matches!(step, Step::Read { .. }) && outcome.is_ok() {
        sync.look_wanted_at = None;
    }
}

/// Whose step it is: the customer's where the id or address is theirs, else that of the beneficiary who has it.
///
/// A beneficiary of whom nothing was seen yet is known by the wishes alone.
fn holder_of(sync: &Sync, desired: Option<&Desired>, step: &Step) -> Holder {
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
        let known = person.and_then(|person| match &person.membership {
            Membership::Member { address, .. } | Membership::Moved { address, .. } => Some(address),
            _ => None,
        });
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
    candidates.into_iter().find(|holder| has(holder)).cloned().unwrap_or(Holder::Customer)
}

/// The first holder for whom a call is to be made; without one, what holds the row up.
fn choose(decision: &Decision, sync: &Sync, rules: &Rules, now: Timestamp) -> (Holder, Next) {
    let mut rest = (Holder::Customer, Next::Settled);
    let Some(desired) = decision.desired.get(&rules.target) else { return rest };
    let nobody = Person::default();
    for (holder, wishes) in &desired.holders {
        let person = sync.observed.people.get(holder).unwrap_or(&nobody);
        let what = next(wishes, person, rules, now);
        match (&what, &rest.1) {
            (Next::Step(_), _) => return (holder.clone(), what),
            (Next::Wait { until, .. }, Next::Wait { until: sooner, .. }) if until >= sooner => {}
            (Next::Wait { .. }, _)
            | (Next::Refused { .. }, Next::Held(_) | Next::Contested { .. } | Next::Settled)
            | (Next::Held(_), Next::Contested { .. } | Next::Settled)
            | (Next::Contested { .. }, Next::Settled) => rest = (holder.clone(), what),
            (Next::Refused { .. } | Next::Held(_) | Next::Contested { .. } | Next::Settled, _) => {}
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
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
