//! Removals that are past their time are told: one alert for each target, closed when the last of them is made (I9).
//!
//! Whoever runs looks, lease or no lease: what keeps removals from being made may be the holder of the lease.

use crate::engine::Engine;
use crate::ports::Ports;
use frontdesk_core::catalogue::Policy;
use frontdesk_core::target::Target;
use frontdesk_store::{Alert, Error, Overdue};
use std::time::Duration;

/// The kind of the alert.
pub const KIND: &str = "overdue_removal";
/// How often is looked while something is overdue, or about to be: what is shown lags by no more (RELIABILITY I40).
const LOOKS_EVERY: Duration = Duration::from_mins(1);

/// The key of a target's alert.
pub fn alert_key(target: Target) -> String {
    format!("{KIND}:{target}")
}

impl<P: Ports> Engine<P> {
    /// Looks for as long as the process lives.
    pub(crate) async fn watch_removals(&self) {
        loop {
            let wait = match self.look_after_removals().await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!("whether a removal is overdue could not be read, trying again: {error}");
                    LOOKS_EVERY
                }
            };
            self.ports().sleep(wait).await;
        }
    }

    /// Opens and closes the alerts. Returns how long nothing can change about them.
    pub async fn look_after_removals(&self) -> Result<Duration, Error> {
        // What is owed from here on is overdue no sooner than after the shortest promise there is.
        let promises = self.catalogue().plans.iter().map(|plan| plan.policy.revoke_within).min();
        let soonest = promises.unwrap_or_else(|| Policy::default().revoke_within);
        let mut wait = Duration::try_from(soonest).unwrap_or_default().max(LOOKS_EVERY);
        for target in Target::ALL {
            let now = self.ports().now_wall();
            let overdue = self.store().overdue(target, now).await?;
            let known =
                self.store().alert(&alert_key(target)).await?.filter(|known| known.closed_at.is_none());
            if overdue.rows > 0 && !self.ports().is_planted("hide_overdue") {
                self.tell_overdue(target, overdue, known).await?;
                wait = LOOKS_EVERY;
                continue;
            }
            if known.is_some() {
                self.close_alert(&alert_key(target)).await?;
                tracing::info!(target.id = %target, "no removal is overdue any more");
            }
            if let Some(next) = self.store().next_overdue(target).await? {
                let left = Duration::try_from(next.duration_since(now)).unwrap_or_default();
                wait = wait.min(left.max(Duration::from_secs(1)));
            }
        }
        Ok(wait)
    }

    async fn tell_overdue(
        &self,
        target: Target,
        overdue: Overdue,
        known: Option<Alert>,
    ) -> Result<(), Error> {
        let Overdue { rows, since } = overdue;
        let since = since.map_or_else(String::new, |since| format!(", the first since {since}"));
        let why = format!(
            "{rows} {} at {} what has ended{since}: `frontdesk sync list --overdue` says who and why (FD0082)",
            if rows == 1 { "customer keeps" } else { "customers keep" },
            target.title(),
        );
        match known {
            Some(known) if known.detail["why"] == why => return Ok(()),
            Some(_) => {}
            None => tracing::error!(target.id = %target, rows, "{why}"),
        }
        self.alert(&alert_key(target), KIND, target.as_str(), &why).await
    }
}
