//! What the target accounts can still do, from the ledger of calls.

use crate::engine::Engine;
use crate::ports::Ports;
use frontdesk_core::forecast::{Account, Drain, Forecast, LOOK_BACK, drain};
use frontdesk_core::sweep::List;
use frontdesk_core::target::Target;
use frontdesk_providers::circle;
use frontdesk_store::Error;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How far back the time that a call takes is measured.
const MEASURED_OVER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Buyers for whom the log says how long they would take.
const LOGGED_BUYERS: u64 = 500;
/// Entries on one page of Kit's lists.
const KIT_PER_PAGE: u64 = 1_000;

impl<P: Ports> Engine<P> {
    /// The forecast of one target account.
    pub async fn forecast(&self, target: Target) -> Result<Forecast, Error> {
        let now = self.ports().now_wall();
        Ok(Forecast::of(target, &self.account_of(target).await?, now))
    }

    /// How long `buyers` whom nobody has seen before take to be let in. `None`: no target is configured.
    pub async fn forecast_drain(&self, buyers: u64) -> Result<Option<Drain>, Error> {
        let mut accounts = BTreeMap::new();
        for target in self.settings().targets.keys() {
            accounts.insert(*target, self.account_of(*target).await?);
        }
        Ok(drain(&accounts, buyers))
    }

    async fn account_of(&self, target: Target) -> Result<Account, Error> {
        let now = self.ports().now_wall();
        let name = target.as_str();
        let before = |span| now.saturating_sub(span).unwrap_or(Timestamp::MIN);
        let limits = self.settings().targets.get(&target).map(|settings| settings.limits);
        let Some(limits) = limits else { return Ok(Account::nothing()) };
        let month = limits.monthly.map_or(now, |monthly| monthly.began_at(now));
        let counted = async |since| -> Result<BTreeMap<_, u64>, Error> {
            let counts = self.store().calls_counted(name, since).await?;
            Ok(counts
                .into_iter()
                .map(|(reason, calls)| (reason, u64::try_from(calls).unwrap_or(0)))
                .collect())
        };
        Ok(Account {
            limits,
            used: counted(month).await?,
            lately: counted(before(LOOK_BACK)).await?,
            per_call: self.store().call_span(name, before(MEASURED_OVER)).await?.unwrap_or_default(),
            sweep_costs: self.sweep_costs(target).await?,
        })
    }

    /// What the next sweep costs: what the last one did, else a page for each hundred or thousand rows of each list.
    async fn sweep_costs(&self, target: Target) -> Result<u64, Error> {
        if let Some(last) = self.swept(target).await?.last {
            return Ok(u64::from(last.calls));
        }
        let lists = List::of(target, &self.catalogue().managed(target), &std::collections::BTreeSet::new());
        let states = self.store().sync_states().await?;
        let rows: i64 = states.iter().filter(|((of, _), _)| *of == target).map(|(_, rows)| rows).sum();
        let per_page = match target {
            Target::Circle => u64::from(circle::observe::PER_PAGE),
            Target::Kit => KIT_PER_PAGE,
        };
        let pages = u64::try_from(rows).unwrap_or(0).div_ceil(per_page).max(1);
        Ok(pages * lists.len() as u64)
    }

    /// Says in the log what the accounts can still do, once, at start.
    pub(crate) async fn log_forecasts(&self) {
        let now = self.ports().now_wall();
        for target in self.settings().targets.keys() {
            match self.forecast(*target).await {
                Ok(forecast) => tracing::info!(target.id = %target, "{}", forecast.line(now)),
                Err(error) => tracing::warn!(target.id = %target, "no forecast: {error}"),
            }
        }
        if let Ok(Some(drain)) = self.forecast_drain(LOGGED_BUYERS).await {
            tracing::info!("{drain}");
        }
    }
}
