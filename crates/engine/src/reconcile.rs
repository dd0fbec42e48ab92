//! Brings one target account in line, level by level: look at what is desired now and what was seen, make one call,
//! fold the answer in, look again.
//!
//! One lease holder drains an account, one call after another, so calls for one person or one address never overlap
//! (I18, I22). Every call that may change something is preceded by a durable intent (I16); an outcome that is not
//! known is looked at before anything is repeated (I17).

mod hold;
mod settle;
mod step;

use crate::account::Known;
use crate::call::{Spoken, reason_of};
use crate::engine::Engine;
use crate::health::Waits;
use crate::lease::Held;
use crate::ports::Ports;
use crate::settings::TargetSettings;
use crate::subject::Subject;
use crate::sweep;
use frontdesk_core::budget::{Reason, Refusal};
use frontdesk_core::decision::Decision;
use frontdesk_core::diff::{Next, Outcome, Rules, in_doubt_elsewhere, next};
use frontdesk_core::golive::Written;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sync::{Ended, Sync};
use frontdesk_core::target::{Failure, Holder, Person, Step, Target};
use frontdesk_store::Error;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::MutexGuard;

/// Rows that one pass takes up before it looks for more urgent ones.
const ROWS_PER_PASS: u32 = 32;
/// Steps that one look at a row may take: an invitation with all its doubts needs eight.
const STEPS_MAX: usize = 16;
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
        self.mark_waiting(drain, &waits, true).await?;
        Ok(Some(waits.until))
    }

    /// Lets every due row say that it waits, and until when: the customer reads it as "next try".
    async fn mark_waiting(&self, drain: &Drain<'_>, waits: &Waits, is_away: bool) -> Result<(), Error> {
        let now = self.ports().now_wall();
        for row in self.store().sync_due(drain.target, now, WAITING_ROWS_MAX).await? {
            let ended = Ended::AccountWaits { until: waits.until, why: waits.why.clone(), is_away };
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
        self.mark_waiting(drain, &Waits { until, why }, false).await
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
                Next::Step(step)
                    if step.writes() && !self.is_written(&drain.written, sync, &decision, &step) =>
                {
                    return self.hold_in_shadow(drain, sync, &decision, &step).await;
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
            if let (Step::Enrol { .. }, Some(until)) = (&step, drain.known.capped_until(now)) {
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
            let elsewhere = others.iter().filter_map(|other| other.syncs.get(&drain.target));
            if let (Step::Enrol { .. }, Some(until)) = (&step, in_doubt_elsewhere(elsewhere, now)) {
                let ended = Ended::Waits { until, unknown: true };
                return self.settle(drain, customer, Some(sync), ended).await;
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
            let acted = self.act(drain, &subject, &others, &step, reason).await?;
            if let (Step::Remove { .. }, Acted::Answered(Ok(_) | Err(Failure::Unknown { .. }))) =
                (&step, &acted)
            {
                drain.known.takes_from(customer, self.ports().now_passed());
            }
            match acted {
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
                self.tell_apart(drain).await?;
                let (name, title) = (drain.target.as_str(), drain.target.title());
                if let Some(Waits { until, why }) = self.waits(name, title, true).await? {
                    self.settle(
                        drain,
                        &seen.customer,
                        None,
                        Ended::AccountWaits { until, why, is_away: true },
                    )
                    .await?;
                    return Ok(Some(Turn::AccountWaits(until)));
                }
                let ended = Ended::Failed { step: step.name().to_owned(), failure };
                self.settle(drain, &seen.customer, Some(seen), ended).await.map(Some)
            }
            Failure::Rejected { .. } | Failure::CappedUntil { .. } => {
                if let Failure::CappedUntil { until } = &failure {
                    drain.known.cap(*until);
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
