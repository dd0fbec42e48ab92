//! Exchanging the settings while the loops run: a changed credential is used from the next call on.

use crate::account::SOURCE;
use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::Ports;
use crate::settings::{Connection, Settings};
use frontdesk_core::id::CustomerId;
use frontdesk_core::sync::WAITS;
use frontdesk_core::target::Target;
use frontdesk_providers::kit::Credential;
use frontdesk_providers::secret::Secret;
use frontdesk_store::{Commit, Error, SyncFilter, Write};
use std::collections::BTreeSet;

/// Rows that one page reads.
const PAGE: u32 = 200;

/// An account of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// The payment source's.
    Source,
    /// A target's.
    Target(Target),
}

impl Account {
    /// Its name in leases and in the ledger of calls.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => SOURCE,
            Self::Target(target) => target.as_str(),
        }
    }
}

/// The accounts whose credential is another one in `next` than in `before`.
fn exchanged(before: &Settings, next: &Settings) -> BTreeSet<Account> {
    let mut exchanged = BTreeSet::new();
    if !is_same(before.source.api.key(), next.source.api.key()) {
        exchanged.insert(Account::Source);
    }
    for (target, settings) in &next.targets {
        let known = before.targets.get(target).map(|settings| credential(&settings.connection));
        if known.is_some_and(|known| !is_same(known, credential(&settings.connection))) {
            exchanged.insert(Account::Target(*target));
        }
    }
    exchanged
}

fn is_same(a: &Secret, b: &Secret) -> bool {
    a.matches(b.expose().as_bytes())
}

const fn credential(connection: &Connection) -> &Secret {
    match connection {
        Connection::Circle(account) => &account.token,
        Connection::Kit(account) => match &account.credential {
            Credential::ApiKey(secret) | Credential::OAuth(secret) => secret,
        },
    }
}

impl<P: Ports> Engine<P> {
    /// Has every call and every decision from here on rest on other settings; the catalogue stays the one in force.
    /// Returns the accounts whose credential changed: each is tried at once, also where the one before was refused.
    pub async fn take_up_settings(&self, settings: Settings) -> Result<BTreeSet<Account>, Error> {
        let exchanged = exchanged(&self.settings(), &settings);
        self.exchange_settings(settings);
        for account in &exchanged {
            self.credential_changed(*account).await?;
            tracing::info!(
                account.id = account.name(),
                "the credential changed: it is used from the next call on"
            );
        }
        self.bell().ring_each(self.settings().targets.keys().map(|target| Loop::of(*target)));
        Ok(exchanged)
    }

    /// Forgets that an account's credential was refused, and lets everything go that waited for it.
    async fn credential_changed(&self, account: Account) -> Result<(), Error> {
        match account {
            Account::Source => {
                let mut was_tried = self.accounts().source().lock().await;
                *was_tried = false;
                self.lift_stop(account).await?;
                drop(was_tried);
                self.bell().ring_each([Loop::Reads, Loop::Poll]);
            }
            Account::Target(target) => {
                let Some(known) = self.accounts().of(target) else { return Ok(()) };
                let mut known = known.lock().await;
                known.was_tried = false;
                known.was_accepted = false;
                known.prepared_at = None;
                known.retry_at = None;
                self.lift_stop(account).await?;
                drop(known);
                self.wait_no_more(target).await?;
            }
        }
        Ok(())
    }

    /// Takes back that an account is stopped, with its alert. The caller holds what this process knows of it. Where
    /// another node has the account, that node finds out by its own credential.
    async fn lift_stop(&self, account: Account) -> Result<(), Error> {
        let name = account.name();
        let Some(known) = self.store().account(name).await? else { return Ok(()) };
        if known.state.stopped.is_none() {
            return Ok(());
        }
        let Some(held) = self.take_lease(name).await? else { return Ok(()) };
        let mut state = self.store().account(name).await?.map(|account| account.state).unwrap_or_default();
        state.stopped = None;
        let now = self.ports().now_wall();
        let writes = vec![
            Write::Account { name: name.to_owned(), state },
            Write::AlertClose { key: format!("unauthorized:{name}"), at: now },
            Write::AlertClose { key: crate::allowance::alert_key(name), at: now },
        ];
        let lifted = self.store().commit(Commit { expect: vec![held.expect()], writes }).await;
        self.store().release(&held.lease).await?;
        match lifted {
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes due what waited for the account as a whole.
    async fn wait_no_more(&self, target: Target) -> Result<(), Error> {
        let filter = SyncFilter { target: Some(target), ..SyncFilter::default() };
        let mut after: Option<CustomerId> = None;
        loop {
            let page = self.store().sync_list(&filter, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.customer.clone());
            for row in page {
                let waits = row.last_failure.is_some_and(|failed| failed.step == WAITS);
                if waits && row.next_attempt_at.is_some() {
                    self.change_sync(&row.customer, target, "credential changed", |row, now| {
                        let waits = row.last_failure.as_ref().is_some_and(|failed| failed.step == WAITS);
                        let is_later = row.next_attempt_at.is_some_and(|at| at > now);
                        if waits && is_later {
                            row.next_attempt_at = Some(now);
                        }
                        waits && is_later
                    })
                    .await?;
                }
            }
        }
    }
}

/// What about the configuration waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// The file cannot be used; the one before stays in force.
    Unusable,
    /// Its catalogue would take something from somebody; the one before stays in force.
    Removes,
    /// Something in it is taken up at the next start alone.
    NeedsRestart,
}

impl Matter {
    /// The kind of its alert.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Unusable => "configuration_unusable",
            Self::Removes => "catalogue_removes",
            Self::NeedsRestart => "restart_needed",
        }
    }
}

impl<P: Ports> Engine<P> {
    /// Opens an alert about the configuration, in the place of an earlier one of its kind; `None` closes it.
    pub async fn configuration_waits(&self, matter: Matter, why: Option<&str>) -> Result<(), Error> {
        let (kind, subject) = (matter.kind(), "frontdesk.toml");
        let known = self.store().open_alerts().await?.into_iter().find(|alert| alert.kind == kind);
        let is_known = known.as_ref().is_some_and(|alert| alert.detail["why"].as_str() == why);
        if is_known || known.is_none() && why.is_none() {
            return Ok(());
        }
        self.close_alert(kind).await?;
        match why {
            Some(why) => self.alert(kind, kind, subject, why).await,
            None => Ok(()),
        }
    }
}
