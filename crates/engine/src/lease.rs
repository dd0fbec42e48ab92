//! One holder per provider account, over any number of nodes (I18).
//!
//! No wall clock is asked. A holder may send until its lease, less the longest that a request may take, is over since
//! it last renewed it, by its own monotonic clock; a candidate takes a lease that it has watched unchanged for a whole
//! lease by its own. The watch begins after the renewal, so it ends after the holder has fallen silent. Every outcome
//! is written under the lease's epoch: a holder that was overtaken changes nothing.

use crate::engine::Engine;
use crate::ports::{ANSWER_WITHIN, Ports};
use frontdesk_store::{Error, Expect, Lease};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A lease of ours, and when it was last renewed.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) lease: Lease,
    /// By our monotonic clock, before the store was asked.
    renewed_at: Duration,
}

impl Held {
    /// That nobody took the lease since, as a condition of a commit.
    pub(crate) fn expect(&self) -> Expect {
        let Lease { account, holder, epoch, .. } = &self.lease;
        Expect::Epoch { account: account.clone(), holder: holder.clone(), epoch: *epoch }
    }
}

/// Leases of others that this process watches: as last seen, and since when by our monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: Mutex<BTreeMap<String, (Lease, Duration)>>,
}

impl Watch {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, (Lease, Duration)>) -> T) -> T {
        work(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<P: Ports> Engine<P> {
    /// Takes the account, if it is free or its holder has shown no sign of life for a whole lease.
    pub(crate) async fn take_lease(&self, account: &str) -> Result<Option<Held>, Error> {
        let asked_at = self.ports().now_mono();
        let watched = self.watch().with(|seen| seen.get(account).cloned());
        let lapsed = watched.filter(|(_, since)| asked_at.saturating_sub(*since) >= self.lease_lasts());
        let mut lapsed = lapsed.map(|(lease, _)| lease);
        if self.ports().is_planted("lease_without_watch") {
            lapsed = self.store().account(account).await?.and_then(|account| account.lease);
        }
        if let Some(lease) = self.store().lease(account, &self.settings().node, lapsed.as_ref()).await? {
            self.watch().with(|seen| seen.remove(account));
            return Ok(Some(Held { lease, renewed_at: asked_at }));
        }
        let now = self.ports().now_mono();
        if let Some(current) = self.store().account(account).await?.and_then(|account| account.lease) {
            self.watch().with(|seen| match seen.get(account) {
                Some((known, _)) if *known == current => {}
                _ => {
                    seen.insert(account.to_owned(), (current, now));
                }
            });
        }
        Ok(None)
    }

    /// Renews the lease when it might not outlast the next call. `false`: somebody else has it, nothing may be sent.
    pub(crate) async fn keep_lease(&self, held: &mut Held) -> Result<bool, Error> {
        if self.ports().is_planted("no_fence_check") {
            return Ok(true);
        }
        let now = self.ports().now_mono();
        // Two calls of margin: one may be about to leave when the other has just begun.
        let safe_for = self.lease_lasts().saturating_sub(ANSWER_WITHIN * 2);
        if now.saturating_sub(held.renewed_at) < safe_for {
            return Ok(true);
        }
        let Some(lease) = self.store().renew(&held.lease).await? else { return Ok(false) };
        *held = Held { lease, renewed_at: now };
        Ok(true)
    }

    /// Whether a call that leaves now ends before anybody can take the lease.
    pub(crate) fn may_send(&self, held: &Held) -> bool {
        self.ports().is_planted("no_fence_check")
            || self.ports().now_mono().saturating_sub(held.renewed_at) + ANSWER_WITHIN <= self.lease_lasts()
    }

    /// Whether the lease is still ours.
    pub(crate) async fn holds(&self, held: &Held) -> Result<bool, Error> {
        let account = self.store().account(&held.lease.account).await?;
        let current = account.and_then(|account| account.lease);
        Ok(current
            .is_some_and(|current| current.holder == held.lease.holder && current.epoch == held.lease.epoch))
    }

    fn lease_lasts(&self) -> Duration {
        Duration::try_from(self.settings().lease).unwrap_or(ANSWER_WITHIN * 3)
    }
}
