//! How a provider account is: does it answer, is it over a limit, is our credential refused. One state per account,
//! shared by all nodes, so that an outage is one alert and not one per customer.

use crate::engine::Engine;
use crate::lease::Held;
use crate::ports::Ports;
use crate::reconcile::{Drain, Gate, STOPPED_PROBE_EVERY};
use frontdesk_core::budget::{REFUSED_OFTEN, Reason, wait_refused};
use frontdesk_core::target::Failure;
use frontdesk_store::{AccountState, Commit, Error, Stopped, Write};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// That an account as a whole makes no calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    /// Until then.
    pub(crate) until: Timestamp,
    /// Why, in our words.
    pub(crate) why: String,
}

/// An answer, as far as the account as a whole is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard<'a> {
    /// What it was.
    pub(crate) outcome: Result<(), &'a Failure>,
    /// Its status; `None`: there was no answer.
    pub(crate) status: Option<u16>,
    /// Whether this process saw the credential accepted before.
    pub(crate) was_accepted: bool,
}

/// What is kept of an account's refusals for too many calls.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Refusals {
    /// How many came since a call last went through.
    in_a_row: u32,
}

impl Refusals {
    fn of(state: &AccountState) -> Self {
        let kept = state.budget.clone().map(serde_json::from_value);
        kept.and_then(Result::ok).unwrap_or_default()
    }
}

impl<P: Ports> Engine<P> {
    /// Whether an account makes no calls now. `was_tried`: this process has tried its own credential; one that has
    /// not may do so once, at once, however the last process fared.
    pub(crate) async fn waits(
        &self,
        name: &str,
        title: &str,
        was_tried: bool,
    ) -> Result<Option<Waits>, Error> {
        let now = self.ports().now_wall();
        let Some(account) = self.store().account(name).await? else { return Ok(None) };
        let AccountState { breaker, stopped, throttled_until, .. } = account.state;
        // What lies further off than anything is put off was noted under a clock that was ahead.
        let is_ahead = |until: &Timestamp| *until > now && until.duration_since(now) <= STOPPED_PROBE_EVERY;
        let refused = stopped.filter(|_| was_tried).map(|stopped| Waits {
            until: stopped.at.saturating_add(STOPPED_PROBE_EVERY).unwrap_or(Timestamp::MAX),
            why: format!("stopped: {}", stopped.why),
        });
        let silent = breaker.probe_at.filter(|_| breaker.is_open(now)).map(|until| Waits {
            until,
            why: match breaker.open_since {
                Some(since) => format!("{title} does not answer since {since}"),
                None => format!("{title} does not answer"),
            },
        });
        let over =
            throttled_until.map(|until| Waits { until, why: format!("over the limit of calls to {title}") });
        let all = [refused, silent, over].into_iter().flatten().filter(|waits| is_ahead(&waits.until));
        Ok(all.max_by_key(|waits| waits.until))
    }

    /// The same for a target's account, which remembers that its credential works.
    pub(crate) async fn note_target_health(
        &self,
        drain: &mut Drain<'_>,
        outcome: Result<(), &Failure>,
        status: Option<u16>,
    ) -> Result<(), Error> {
        let heard = Heard { outcome, status, was_accepted: drain.known.was_accepted };
        self.note_health(&drain.held, drain.target.title(), heard).await?;
        drain.known.was_tried = true;
        drain.known.was_accepted |= outcome.is_ok();
        Ok(())
    }

    /// Asks the account something that no customer's row depends on, where failures in a row leave it in doubt whether it
    /// is the account that fails or what was asked of it. An answer closes the breaker and is the row's own failure;
    /// without one it is an outage, in which no row's tries are used up.
    pub(crate) async fn tell_apart(&self, drain: &mut Drain<'_>) -> Result<(), Error> {
        let name = drain.target.as_str();
        let state = async || {
            let account = self.store().account(name).await?;
            Ok::<_, Error>(account.map(|account| account.state).unwrap_or_default())
        };
        if !state().await?.breaker.is_in_doubt() {
            return Ok(());
        }
        if !matches!(self.gate(drain, Reason::Read).await?, Gate::Open) {
            return Ok(());
        }
        if self.list(drain, Reason::Read).await?.is_ok() {
            return Ok(());
        }
        let mut state = state().await?;
        if state.breaker.open_since.is_some() || !state.breaker.is_in_doubt() {
            return Ok(());
        }
        state.breaker.open(self.ports().now_wall());
        let write = Write::Account { name: name.to_owned(), state };
        match self.store().commit(Commit { expect: vec![drain.held.expect()], writes: vec![write] }).await {
            Err(error) if error.is_conflict() => Ok(()),
            Err(error) => Err(error),
            Ok(_) => self.alert_outage(name, drain.target.title()).await,
        }
    }

    /// Says that an account does not answer.
    async fn alert_outage(&self, name: &str, title: &str) -> Result<(), Error> {
        let why = format!("{title} does not answer");
        tracing::error!(account.id = name, "calls stop until a probe is answered: {why}");
        self.alert(&format!("outage:{name}"), "outage", name, &why).await
    }

    /// Draws the account's conclusions from an answer: breaker, limit, refused credential, spent month.
    pub(crate) async fn note_health(&self, held: &Held, title: &str, heard: Heard<'_>) -> Result<(), Error> {
        let Heard { outcome, status, was_accepted } = heard;
        let now = self.ports().now_wall();
        let name = held.lease.account.as_str();
        let before = self.store().account(name).await?.map(|account| account.state).unwrap_or_default();
        let mut state: AccountState = before.clone();
        match outcome {
            Err(Failure::Unauthorized { why, perhaps_spent }) => {
                state.stopped = Some(Stopped { at: now, why: why.clone() });
                // What is refused for another reason than before is told anew.
                if before.stopped.as_ref().is_none_or(|stopped| stopped.why != *why) {
                    self.alert_stopped(held, title, why, *perhaps_spent, was_accepted).await?;
                }
            }
            Err(Failure::Throttled { until, .. }) => {
                let in_a_row = Refusals::of(&state).in_a_row.saturating_add(1);
                state.budget = Some(serde_json::json!(Refusals { in_a_row }));
                let wait = wait_refused(until.duration_since(now), in_a_row, self.dice());
                state.throttled_until = Some(now.saturating_add(wait).unwrap_or(Timestamp::MAX));
                if in_a_row >= REFUSED_OFTEN
                    && let Some(month) = self.month(name).await?.filter(|month| month.is_quiet)
                {
                    let said = format!(
                        "{title} says that there are too many calls, {in_a_row} times in a row over minutes"
                    );
                    self.alert_spent(name, &said, month).await?;
                }
            }
            // Only silence and a server's own failure are signs of an outage; a refusal shows that somebody is there.
            Err(Failure::Transient { .. } | Failure::Unknown { .. })
                if status.is_none_or(|status| status >= 500) =>
            {
                if state.breaker.fail(now) {
                    self.alert_outage(name, title).await?;
                }
            }
            Ok(()) | Err(_) => {
                if state.breaker.open_since.is_some() {
                    tracing::info!(account.id = name, "calls go through again");
                    self.close_alert(&format!("outage:{name}")).await?;
                }
                state.breaker.succeed();
                // Whatever else is said, the call went through: what is refused after it is a row of its own.
                let was_refused = state.budget.take().is_some();
                let was_stopped = outcome.is_ok() && state.stopped.take().is_some();
                if was_stopped {
                    self.close_alert(&format!("unauthorized:{name}")).await?;
                }
                if was_stopped || was_refused {
                    self.close_spent(name).await?;
                }
            }
        }
        if state == before {
            return Ok(());
        }
        let write = Write::Account { name: name.to_owned(), state };
        match self.store().commit(Commit { expect: vec![held.expect()], writes: vec![write] }).await {
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }

    /// Says why an account stopped: its credential is refused, or its month is probably over. A credential that was
    /// accepted before, or a month that is over by our own count, tells the two apart where the answer does not. The one
    /// alert takes the place of the other.
    async fn alert_stopped(
        &self,
        held: &Held,
        title: &str,
        why: &str,
        perhaps_spent: bool,
        was_accepted: bool,
    ) -> Result<(), Error> {
        let name = held.lease.account.as_str();
        if perhaps_spent
            && let Some(month) = self.month(name).await?.filter(|month| was_accepted || month.is_over())
        {
            self.close_alert(&format!("unauthorized:{name}")).await?;
            return self.alert_spent(name, &format!("{title} refuses every call ({why})"), month).await;
        }
        tracing::error!(
            account.id = name,
            "the credential is refused, nothing is sent until it works: {why}"
        );
        self.close_spent(name).await?;
        self.alert(&format!("unauthorized:{name}"), "unauthorized", name, why).await
    }

    /// Opens an alert, once: the first of its key stays until it is closed.
    pub(crate) async fn alert(&self, key: &str, kind: &str, subject: &str, why: &str) -> Result<(), Error> {
        let write = Write::AlertOpen {
            key: key.to_owned(),
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            detail: serde_json::json!({ "why": why }),
            at: self.ports().now_wall(),
        };
        self.store().commit(Commit { expect: Vec::new(), writes: vec![write] }).await.map(drop)
    }

    /// Closes an alert whose cause is gone.
    pub(crate) async fn close_alert(&self, key: &str) -> Result<(), Error> {
        let write = Write::AlertClose { key: key.to_owned(), at: self.ports().now_wall() };
        self.store().commit(Commit { expect: Vec::new(), writes: vec![write] }).await.map(drop)
    }
}
