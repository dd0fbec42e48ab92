//! Whether a target's refusals mean that its calls of the month are used up.
//!
//! No provider documents how it refuses then, so it is concluded: from what our own ledger counts, from a credential
//! that was accepted a moment ago, from refusals that outlast every window in which calls are counted. Our count is
//! the lower bound, as other programs draw on the same allowance.

use crate::engine::Engine;
use crate::ports::Ports;
use frontdesk_core::target::Target;
use frontdesk_store::Error;
use jiff::Timestamp;

/// The month of an account that has a monthly allowance, as the ledger knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Month {
    used: u64,
    calls: u64,
    /// Whether we made so few calls of late that a limit in a window cannot have been reached by us.
    pub(crate) is_quiet: bool,
}

impl Month {
    /// Whether we alone used up all of it.
    pub(crate) const fn is_over(self) -> bool {
        self.used >= self.calls
    }
}

impl<P: Ports> Engine<P> {
    /// The month of an account; `None`: it has no monthly allowance.
    pub(crate) async fn month(&self, account: &str) -> Result<Option<Month>, Error> {
        let now = self.ports().now_wall();
        let limits = Target::parse(account)
            .and_then(|target| self.settings().targets.get(&target).map(|settings| settings.limits));
        let Some((limits, monthly)) =
            limits.and_then(|limits| limits.monthly.map(|monthly| (limits, monthly)))
        else {
            return Ok(None);
        };
        let used: i64 = self.store().calls_counted(account, monthly.began_at(now)).await?.values().sum();
        let since = now.saturating_sub(limits.window).unwrap_or(Timestamp::MIN);
        let lately = self.store().calls_since(account, since).await?.len();
        Ok(Some(Month {
            used: u64::try_from(used).unwrap_or_default(),
            calls: u64::from(monthly.calls),
            is_quiet: lately <= limits.calls as usize / 2,
        }))
    }

    /// Opens the alert that a month's calls are probably used up. `said` is what the target does, as a clause.
    pub(crate) async fn alert_spent(&self, account: &str, said: &str, month: Month) -> Result<(), Error> {
        let Month { used, calls, .. } = month;
        let why = format!(
            "{said}: probably its calls of the month are used up. By our own count {used} of {calls} are; other programs \
             draw on them too"
        );
        tracing::error!(account.id = account, "{why}");
        self.alert(&alert_key(account), "allowance", account, &why).await
    }

    /// Closes that alert: a call went through.
    pub(crate) async fn close_spent(&self, account: &str) -> Result<(), Error> {
        self.close_alert(&alert_key(account)).await
    }
}

/// The key of the alert: one for each account.
pub(crate) fn alert_key(account: &str) -> String {
    format!("allowance:{account}")
}
