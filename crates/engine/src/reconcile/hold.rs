//! What holds a row back although there is something to do: shadow mode, and the brake.

use super::{Drain, Turn};
use crate::engine::Engine;
use crate::ports::Ports;
use crate::settings::Mode;
use frontdesk_core::brake;
use frontdesk_core::decision::Decision;
use frontdesk_core::golive::Written;
use frontdesk_core::sync::{Ended, Hold, Sync};
use frontdesk_core::target::Step;
use frontdesk_store::{Commit, Error, Write};
use jiff::Timestamp;

impl<P: Ports> Engine<P> {
    /// Lets a row wait without using attempts. A brake may have been released, or a freeze thawed, between the look and the
    /// commit: then the row must not wait for it.
    pub(super) async fn hold(&self, drain: &Drain<'_>, seen: &Sync, hold: Hold) -> Result<Turn, Error> {
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
            _ => {}
        }
        Ok(turn)
    }

    /// The same for a step that is not written (DESIGN §5), unless the target went live between the look and the commit.
    ///
    /// Whether it did is asked of the same step as before. A row that is written is not yet a step that is: asked of the
    /// row alone, one that waits for its purchase's sake would be due at once, wait, and be due at once.
    pub(super) async fn hold_in_shadow(
        &self,
        drain: &Drain<'_>,
        seen: &Sync,
        decision: &Decision,
        step: &Step,
    ) -> Result<Turn, Error> {
        let turn = self.hold(drain, seen, Hold::Shadow).await?;
        let written = self.mode_now(drain).await?;
        if self.is_written(&written, seen, decision, step) {
            self.retry_sync(&seen.customer, drain.target, "went live").await?;
        }
        Ok(turn)
    }

    /// Which rows of the target are written by now, whatever the pass began with.
    pub(super) async fn mode_now(&self, drain: &Drain<'_>) -> Result<Written, Error> {
        match self.settings().targets.get(&drain.target) {
            Some(settings) => self.take_up_mode(drain.target, settings.mode).await,
            None => Ok(Written::Nothing),
        }
    }

    /// Whether a step of a row is made, where so much of its target is written. The file may have said `shadow` since: then it
    /// stops here.
    pub(super) fn is_written(
        &self,
        written: &Written,
        sync: &Sync,
        decision: &Decision,
        step: &Step,
    ) -> bool {
        if self.ports().is_planted("write_in_shadow") {
            return true;
        }
        let is_shadow = self.settings().targets.get(&sync.target).is_none_or(|to| to.mode == Mode::Shadow);
        let purchases = decision.entitled.purchases.iter();
        let newest = purchases.map(|purchase| purchase.paid_at.unwrap_or(purchase.started_at)).max();
        let gives = matches!(step, Step::Add { .. } | Step::Enrol { .. });
        !is_shadow && written.is_written(sync) && (!gives || written.is_of_now(newest))
    }

    /// The brake that holds one more removal at this target, by name; engages one where it is due (I24).
    pub(super) async fn brake(
        &self,
        drain: &Drain<'_>,
        sync: &Sync,
        now: Timestamp,
    ) -> Result<Option<String>, Error> {
        if sync.brake_released {
            return Ok(None);
        }
        let engaged = self.store().brakes().await?.into_iter().find(|brake| brake.target == drain.target);
        // While one is engaged nobody more is let go: a slow mistake would pass a brake that opens by itself.
        if let Some(brake) = engaged {
            return Ok(Some(brake.name));
        }
        // What was taken under a clock that was ahead is no more recent for it than what was taken under one that was behind.
        let since = now.saturating_sub(brake::WINDOW).unwrap_or(Timestamp::MIN);
        let until = now.saturating_add(brake::WINDOW).unwrap_or(Timestamp::MAX);
        let mut recent = self.store().removals_between(drain.target, since, until).await?;
        recent.extend(drain.known.taken_from(self.ports().now_passed()).cloned());
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
}
