//! Where a customer stands, as the pages show it: worked out of a view of the record, compared to see what changed.

use crate::pages::{Holding, Milestones, Region, Situation, Status, Visit, Welcome};
use frontdesk_core::email::Email;
use frontdesk_core::stage::{Stage, StageOf};
use frontdesk_core::target::Holder;
use frontdesk_core::words::Variant;
use frontdesk_engine::view::CustomerView;
use jiff::{SignedDuration, Timestamp};

/// The part of a standing that heads a page.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Headline {
    of: StageOf,
    milestones: Milestones,
    /// The invitation is older than the target keeps it.
    is_expired: bool,
    /// Who gets access by it.
    address: Option<Email>,
}

/// Where a customer stands. Two that are equal show the same page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    headline: Option<Headline>,
    stages: Vec<StageOf>,
}

impl Standing {
    /// A customer as a whole, headed by the most urgent stage.
    pub(crate) fn of(view: &CustomerView, invite_stale_after: SignedDuration) -> Self {
        Self::headed(view, view.headline(), invite_stale_after)
    }

    /// What one journey bought.
    pub(crate) fn of_journey(view: &CustomerView, journey: &str, invite_stale_after: SignedDuration) -> Self {
        Self::headed(view, view.stage_of_journey(journey), invite_stale_after)
    }

    fn headed(view: &CustomerView, of: Option<&StageOf>, invite_stale_after: SignedDuration) -> Self {
        let headline = of.map(|of| {
            let way_in = view.way_in(of);
            let milestones = Milestones {
                paid_at: way_in.paid_at,
                invited_at: way_in.invited_at,
                inside_at: way_in.inside_at,
            };
            Headline {
                of: of.clone(),
                milestones,
                is_expired: of.stage == Stage::InviteSent
                    && way_in
                        .invited_at
                        .is_some_and(|at| view.as_of.duration_since(at) >= invite_stale_after),
                address: match &of.holder {
                    Holder::Customer => view.access_address(),
                    Holder::Beneficiary(address) => Some(address.clone()),
                },
            }
        });
        Self { headline, stages: view.decision.stages.clone() }
    }

    /// When the clock alone changes it: the decision does, or an invitation expires.
    pub(crate) fn next_change_at(
        &self,
        view: &CustomerView,
        invite_stale_after: SignedDuration,
    ) -> Option<Timestamp> {
        let open = self
            .headline
            .as_ref()
            .filter(|headline| headline.of.stage == Stage::InviteSent && !headline.is_expired);
        let invited_at = open.and_then(|headline| headline.milestones.invited_at);
        let expires_at = invited_at.and_then(|at| at.checked_add(invite_stale_after).ok());
        [view.next_change_at(), expires_at].into_iter().flatten().min()
    }

    fn situation(&self) -> Option<Situation<'_>> {
        let headline = self.headline.as_ref()?;
        let situation = Situation::of(&headline.of, headline.milestones);
        Some(if headline.is_expired {
            Situation { variant: Variant::Expired, ..situation }
        } else {
            situation
        })
    }

    fn holdings(&self) -> Vec<Holding<'_>> {
        let named = self.stages.iter().filter_map(|of| Some((of, of.title.as_deref()?)));
        let holdings = named.map(|(of, title)| Holding {
            title,
            stage: of.stage,
            plan: of.plan.as_deref(),
            until: match of.stage {
                Stage::Ended | Stage::Refunded | Stage::Disputed => of.since,
                _ => of.until,
            },
        });
        holdings.collect()
    }

    /// The page of a customer who opened their link.
    pub(crate) fn status<'a>(&self, visit: &Visit<'a>) -> Status<'a> {
        Status::new(visit, self.situation().as_ref(), &self.holdings())
    }

    /// The page of a checkout.
    pub(crate) fn welcome<'a>(&self, visit: &Visit<'a>) -> Welcome<'a> {
        let address = self.headline.as_ref().and_then(|headline| headline.address.as_ref());
        match self.situation() {
            Some(situation) => Welcome::new(visit, situation, address),
            None => processing(visit),
        }
    }
}

/// The page of a checkout of which nothing is known, or nothing may be shown: the same for all.
pub(crate) fn processing<'a>(visit: &Visit<'a>) -> Welcome<'a> {
    Welcome::new(visit, Situation::processing(), None)
}

/// The regions of a page; a template that fails gives none, and the page stays as it is.
pub(crate) fn regions_of(regions: Result<Vec<Region>, askama::Error>) -> Vec<Region> {
    regions.unwrap_or_default()
}
