//! A sweep that somebody waits for: the same turns, made for whoever asks, whatever else is due at the target.
//!
//! It writes to the target as little as any other: what it finds makes rows due, and the drain works at those.

use super::{STALE_AFTER, Turn};
use crate::engine::Engine;
use crate::ports::Ports;
use crate::reconcile::Drain;
use frontdesk_core::target::Target;
use frontdesk_store::Error;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Turns that one question makes.
const TURNS: usize = 20;
/// How soon the account is looked for again when another process has it.
const LEASE_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// How far a sweep came in the turns that were made for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "sweep", rename_all = "snake_case")]
pub enum Awaited {
    /// It is under way.
    Goes,
    /// Nothing can be done for it before then.
    Waits {
        /// When it goes on.
        until: Timestamp,
        /// Why, in our words.
        why: String,
    },
    /// It failed: nothing was changed by it.
    Failed {
        /// Why, in our words.
        why: String,
    },
    /// It came to its end.
    Done,
}

impl<P: Ports> Engine<P> {
    /// Has a target swept for somebody who waits: one that was cut off goes on, else a new one is wanted. Returns
    /// since when a sweep must have begun to be the one that is waited for.
    pub async fn await_sweep(&self, target: Target) -> Result<Timestamp, Error> {
        let now = self.ports().now_wall();
        let swept = self.swept(target).await?;
        let is_fresh = |began_at: Timestamp| began_at <= now && now.duration_since(began_at) <= STALE_AFTER;
        if let (Some(running), None) = (swept.running, swept.failed)
            && is_fresh(running.began_at)
        {
            return Ok(running.began_at);
        }
        self.want_sweep(target, false).await?;
        Ok(now)
    }

    /// Makes the next turns of the sweep of a target, for whoever waits for one that began at `since` or later.
    pub async fn sweep_turns(&self, target: Target, since: Timestamp) -> Result<Awaited, Error> {
        let (Some(settings), Some(known)) =
            (self.settings().targets.get(&target).cloned(), self.accounts().of(target))
        else {
            return Ok(Awaited::Failed { why: format!("`[targets.{target}]` is not configured") });
        };
        if let Some(ended) = self.awaited(target, since).await? {
            return Ok(ended);
        }
        let known = known.lock().await;
        let written = self.take_up_mode(target, settings.mode).await?;
        let Some(held) = self.take_lease(target.as_str()).await? else {
            let why = "another process works with the account".to_owned();
            return Ok(Awaited::Waits { until: self.after(LEASE_AFTER), why });
        };
        let mut drain = Drain { target, settings, written, held, known };
        let awaited = self.make_turns(&mut drain, since).await;
        self.store().release(&drain.held.lease).await?;
        awaited
    }

    async fn make_turns(&self, drain: &mut Drain<'_>, since: Timestamp) -> Result<Awaited, Error> {
        let target = drain.target;
        for _ in 0..TURNS {
            if let Some(waits) = self.waits(target.as_str(), target.title(), drain.known.was_tried).await? {
                return Ok(Awaited::Waits { until: waits.until, why: waits.why });
            }
            if let Some(until) = self.prepare(drain).await? {
                let why = format!("waits for its turn at {}", target.title());
                return Ok(Awaited::Waits { until, why });
            }
            match self.sweep(drain).await? {
                Turn::Worked => {}
                Turn::LeaseLost => return Ok(Awaited::Goes),
                Turn::Rests(until) => {
                    if let Some(ended) = self.awaited(target, since).await? {
                        return Ok(ended);
                    }
                    let why = format!("waits for its turn at {}", target.title());
                    let until = until.unwrap_or_else(|| self.after(LEASE_AFTER));
                    return Ok(Awaited::Waits { until, why });
                }
            }
            if let Some(ended) = self.awaited(target, since).await? {
                return Ok(ended);
            }
        }
        Ok(Awaited::Goes)
    }

    /// How the sweep that is waited for ended, if it did.
    async fn awaited(&self, target: Target, since: Timestamp) -> Result<Option<Awaited>, Error> {
        let swept = self.swept(target).await?;
        if swept.last.is_some_and(|last| last.began_at >= since) {
            return Ok(Some(Awaited::Done));
        }
        let failed = swept.failed.filter(|failed| failed.at >= since);
        Ok(failed.map(|failed| Awaited::Failed { why: failed.why }))
    }
}
