//! One holder per provider account, over any number of nodes (I18).
//!
//! A holder may send until its lease, less the longest that a request may take, is over; every outcome is written
//! under the lease's epoch, so a holder that was overtaken changes nothing.

use crate::engine::Engine;
use crate::ports::{ANSWER_WITHIN, Ports};
use frontdesk_store::{Error, Lease};
use jiff::{SignedDuration, Timestamp};

impl<P: Ports> Engine<P> {
    /// Takes the account, if it is free or its holder's time is over.
    pub(crate) async fn take_lease(&self, account: &str) -> Result<Option<Lease>, Error> {
        let now = self.ports().now_wall();
        self.store().lease(account, &self.settings().node, now, self.after(self.settings().lease)).await
    }

    /// The lease, renewed when it might not outlast the next call; `None` when somebody else has it.
    pub(crate) async fn keep_lease(&self, lease: Lease) -> Result<Option<Lease>, Error> {
        let now = self.ports().now_wall();
        // Two calls of margin: one may be about to leave when the other has just begun.
        let margin = SignedDuration::try_from(ANSWER_WITHIN * 2).unwrap_or(SignedDuration::MAX);
        if lease.until.duration_since(now) > margin {
            return Ok(Some(lease));
        }
        self.store().renew(&lease, now, self.after(self.settings().lease)).await
    }

    /// Whether the lease is still ours.
    pub(crate) async fn holds(&self, lease: &Lease) -> Result<bool, Error> {
        let now = self.ports().now_wall();
        let account = self.store().account(&lease.account).await?;
        let current = account.and_then(|account| account.lease);
        Ok(current.is_some_and(|current| {
            current.holder == lease.holder && current.epoch == lease.epoch && current.until > now
        }))
    }
}

/// How long a lease is safe to send under, from now.
pub fn sendable(lease: &Lease, now: Timestamp) -> SignedDuration {
    lease.until.duration_since(now) - SignedDuration::try_from(ANSWER_WITHIN).unwrap_or(SignedDuration::MAX)
}
