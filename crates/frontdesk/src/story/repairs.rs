//! The beats in which something goes wrong that no event tells of: a webhook that never comes, a member who is taken
//! out by hand, a script that ends too many subscriptions at once.

use super::measure::asked;
use super::morning::address;
use super::no_demo;
use super::stage::{Pace, Stage};
use crate::assemble::store_failed;
use crate::errors::Failure;
use frontdesk_core::stage::Stage as Seen;
use frontdesk_core::sweep::FindingKind;
use frontdesk_core::sync::{Hold, State};
use frontdesk_core::target::Target;
use frontdesk_store::{Brake, SyncFilter};
use jiff::SignedDuration;
use serde_json::json;

/// How many people a script throws out at once: more than the brake lets go.
pub(super) const CROWD: usize = 14;
/// A little longer than the time between two polls of Stripe's list.
const A_POLL_LATER: SignedDuration = SignedDuration::from_mins(18);
/// Rows that are read at once: more than a story makes.
const PAGE: u32 = 1_000;

/// What the brake did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Braked {
    /// Rows that it held, in all targets.
    pub(super) held: u64,
    /// Brakes that were released by name.
    pub(super) released: u64,
}

/// The address of somebody of the crowd.
fn student(nth: usize) -> String {
    format!("student{nth}@example.com")
}

impl Stage<'_> {
    /// Plays all three, after the morning.
    pub async fn what_no_event_tells(&mut self) -> Result<(), Failure> {
        self.teller.part("What no event tells")?;
        self.a_webhook_is_lost().await?;
        self.somebody_is_taken_out_by_hand().await?;
        self.braked = Some(self.a_script_goes_wrong().await?);
        self.until_quiet().await
    }

    /// All webhooks of a purchase get lost, and the next poll finds it.
    async fn a_webhook_is_lost(&mut self) -> Result<(), Failure> {
        self.act("circle", "member", json!({ "email": address("faye"), "name": "Faye Whitlock" })).await?;
        self.teller.tell(
            self.now(),
            "Faye pays $29.00 for Community, and not one of Stripe's webhooks about it arrives.",
        )?;
        let body = json!({ "email": address("faye"), "name": "Faye Whitlock", "price": "price_1Community", "deliver": "lost" });
        self.act("stripe", "checkout", body).await?;
        self.jump(A_POLL_LATER).await?;
        self.until_stage(&address("faye"), Seen::Active, Pace::Jump).await?;
        let healed = super::measure::healed(self).await?;
        self.teller.tell(
            self.now(),
            &format!(
                "Every 15 minutes Frontdesk reads Stripe's own list of events. It found {healed} that never came, and Faye \
                 is in. Nobody had to notice."
            ),
        )
    }

    /// Somebody is taken out by hand, and the lists show it.
    async fn somebody_is_taken_out_by_hand(&mut self) -> Result<(), Failure> {
        self.teller.tell(
            self.now(),
            "Somebody takes Ada out of the community's group in Circle by mistake. Circle tells nobody.",
        )?;
        let since = self.now();
        self.act("circle", "remove", json!({ "email": address("ada"), "group": 4012 })).await?;
        // As `frontdesk sweep` asks for it; by itself it comes twice a day.
        self.engine.want_sweep(Target::Circle, false).await.map_err(|error| store_failed(&error))?;
        let path = "/api/admin/v2/access_groups/4012/community_members";
        self.until("Ada back in the group", Pace::Jump, async |on: &Self| {
            Ok(asked(&on.sandbox_state().await?, "circle", "POST", path, &address("ada"), since))
        })
        .await?;
        self.until_settled(&address("ada"), Pace::Jump).await?;
        self.teller.because(
            "A sweep laid Circle's lists beside the record: she pays and was missing, one read confirmed it, and she was \
             put back. Were she taken out again, a person would be asked instead.",
        )
    }

    /// A script ends too many subscriptions, and the brake holds the rest.
    async fn a_script_goes_wrong(&mut self) -> Result<Braked, Failure> {
        let mut subscriptions = Vec::new();
        for nth in 1..=CROWD {
            let email = student(nth);
            self.act("circle", "member", json!({ "email": email })).await?;
            let body =
                json!({ "email": email, "name": format!("Student {nth}"), "price": "price_1Community" });
            subscriptions.push(self.act("stripe", "checkout", body).await?["subscription"].clone());
        }
        for nth in 1..=CROWD {
            self.until_settled(&student(nth), Pace::Wait).await?;
        }
        self.teller.tell(
            self.now(),
            &format!(
                "{CROWD} students joined meanwhile. A script of yours ends all their subscriptions at once."
            ),
        )?;
        for subscription in subscriptions {
            self.act("stripe", "cancel", json!({ "subscription": subscription, "when": "now" })).await?;
        }
        let brakes = self.until_braked().await?;
        let names: Vec<_> = brakes.iter().map(|brake| format!("`{}`", brake.name)).collect();
        let mut braked = Braked::default();
        for brake in &brakes {
            braked.held +=
                self.engine.store().braked(&brake.name).await.map_err(|error| store_failed(&error))?;
        }
        self.teller.because(&format!(
            "Ten people lost access, then the brake engaged: the rest wait for you, and so would everybody after them. You \
             look, find that it is right this time, and release it by name: {}.",
            names.join(" and ")
        ))?;
        for brake in &brakes {
            self.engine.release_brake(&brake.name, "demo").await.map_err(|error| store_failed(&error))?;
            braked.released += 1;
        }
        for nth in 1..=CROWD {
            self.until_settled(&student(nth), Pace::Jump).await?;
        }
        Ok(braked)
    }

    /// Waits until each target holds whatever it has not taken yet; gives the brakes.
    async fn until_braked(&mut self) -> Result<Vec<Brake>, Failure> {
        self.until("the brake in both targets", Pace::Wait, async |on: &Self| {
            let store = on.engine.store();
            let rows = store.sync_list(&SyncFilter::default(), None, PAGE).await;
            let rows = rows.map_err(|error| store_failed(&error))?;
            let is_held = |state: &State| matches!(state, State::Held(Hold::Brake { .. }));
            let is_at_rest = rows.iter().all(|row| row.state == State::Applied || is_held(&row.state));
            let held = rows.iter().filter(|row| is_held(&row.state)).count();
            let brakes = store.brakes().await.map_err(|error| store_failed(&error))?;
            let engaged: Vec<_> = brakes.into_iter().filter(|brake| brake.released_at.is_none()).collect();
            let targets = on.engine.settings().targets.len();
            Ok((is_at_rest && held > 0 && engaged.len() == targets).then_some(engaged))
        })
        .await?
        .ok_or_else(|| no_demo("the brake did not engage"))
    }

    /// How many people sweeps found missing.
    pub(super) async fn found_missing(&self) -> Result<usize, Failure> {
        let found = self.engine.store().findings(None, Some(FindingKind::Missing), true, PAGE).await;
        Ok(found.map_err(|error| store_failed(&error))?.len())
    }
}
