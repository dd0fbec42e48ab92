//! What a page or a command shows of one customer: the record, what follows from it now, and how far each target is.
//!
//! Reads alone: nothing here writes, and nothing asks a provider. A view is a value as of one instant.

use crate::engine::Engine;
use crate::ports::Ports;
use crate::settings::Mode;
use crate::subject::Subject;
use frontdesk_core::case::OpenCase;
use frontdesk_core::decision::Decision;
use frontdesk_core::email::Email;
use frontdesk_core::fact::{Body, Checkout, Key, Kind};
use frontdesk_core::id::CustomerId;
use frontdesk_core::record::Record;
use frontdesk_core::stage::{Stage, StageOf, headline};
use frontdesk_core::sync::{State, Sync};
use frontdesk_core::target::{Holding, Membership, Target};
use frontdesk_store::{CustomerRow, Error, SourceRead};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// One customer at one instant.
#[derive(Clone, Debug)]
pub struct CustomerView {
    /// When the store was read.
    pub as_of: Timestamp,
    /// The customer's row.
    pub row: CustomerRow,
    /// All facts.
    pub record: Record,
    /// What follows from them now. Its stages are what the customer sees.
    pub decision: Decision,
    /// The rows that drive the targets.
    pub syncs: BTreeMap<Target, Sync>,
    /// Open cases.
    pub cases: Vec<OpenCase>,
    /// Reads at the source that are under way.
    pub reads: Vec<SourceRead>,
    /// When some access was first `active`, by the audit log; `None`: never yet.
    pub first_active_at: Option<Timestamp>,
}

/// What has been seen to happen on the way in, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WayIn {
    /// The payment arrived.
    pub paid_at: Option<Timestamp>,
    /// The invitation went out; `None` for somebody who was a member already.
    pub invited_at: Option<Timestamp>,
    /// Access was first seen.
    pub inside_at: Option<Timestamp>,
}

/// Work at a target that is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// Where.
    pub target: Target,
    /// Whether the target is only watched.
    pub is_shadow: bool,
    /// How the row stands.
    pub state: State,
    /// Since when it is due.
    pub since: Timestamp,
    /// When it is tried next; `None`: not by itself.
    pub next_try_at: Option<Timestamp>,
    /// Tries since the last success.
    pub attempts: u32,
}

impl CustomerView {
    /// The most urgent stage; `None` for somebody who has bought nothing.
    pub fn headline(&self) -> Option<&StageOf> {
        headline(&self.decision.stages)
    }

    /// The stage of a journey, else the headline: what a checkout bought may be decided by a better purchase.
    pub fn stage_of_journey(&self, journey: &str) -> Option<&StageOf> {
        let of_journey = self.decision.stages.iter().filter(|of| of.journey == journey);
        of_journey.min_by_key(|of| of.stage).or_else(|| self.headline())
    }

    /// The way in of what `of` is about.
    pub fn way_in(&self, of: &StageOf) -> WayIn {
        let purchases =
            self.decision.entitled.purchases.iter().filter(|purchase| purchase.journey == of.journey);
        let circle = self.syncs.get(&Target::Circle);
        let person = circle.and_then(|sync| sync.observed.people.get(&of.holder));
        WayIn {
            paid_at: purchases.filter_map(|purchase| purchase.paid_at).min(),
            invited_at: person.and_then(|person| person.invited_at),
            inside_at: self.first_active_at.filter(|_| of.stage == Stage::Active),
        }
    }

    /// What is still to be done at targets, access first.
    pub fn pending(&self, mode_of: impl Fn(Target) -> Option<Mode>) -> Vec<Pending> {
        let open = self.syncs.values().filter(|sync| sync.state != State::Applied);
        let pending = open.map(|sync| Pending {
            target: sync.target,
            is_shadow: mode_of(sync.target) == Some(Mode::Shadow),
            state: sync.state.clone(),
            since: sync.due_since,
            next_try_at: sync.next_attempt_at,
            attempts: sync.attempts,
        });
        pending.collect()
    }

    /// When anything about the customer was last seen in a target; `None`: it was never looked at.
    pub fn last_seen(&self, target: Target) -> Option<Timestamp> {
        let people = self.syncs.get(&target)?.observed.people.values();
        let seen = people.flat_map(|person| {
            let membership = match &person.membership {
                Membership::Member { seen_at, .. }
                | Membership::NotMember { seen_at }
                | Membership::Gone { seen_at, .. } => Some(*seen_at),
                Membership::Unseen | Membership::Unknown { .. } | Membership::Moved { .. } => None,
            };
            let items = person.items.values().filter_map(|holding| match holding {
                Holding::Present { seen_at } | Holding::Absent { seen_at } => Some(*seen_at),
                Holding::Sent { .. } | Holding::Unknown { .. } => None,
            });
            membership.into_iter().chain(items)
        });
        seen.max()
    }

    /// The address that gets access.
    pub fn access_address(&self) -> Option<Email> {
        self.record.access_address()
    }

    /// When the clock alone changes what is shown; `None`: never.
    pub fn next_change_at(&self) -> Option<Timestamp> {
        self.decision.next_wake_at
    }
}

impl<P: Ports> Engine<P> {
    /// What is known of a customer now. An id that was merged into another shows the survivor; `None` for an id
    /// that nobody has.
    pub async fn view(&self, customer: &CustomerId) -> Result<Option<CustomerView>, Error> {
        let as_of = self.ports().now_wall();
        let Some(subject) = Subject::load_survivor(self.store(), customer).await? else { return Ok(None) };
        let others = subject.others(self.store()).await?;
        let decision = subject.decide(self, &others, as_of);
        let is_active = decision.stages.iter().any(|of| of.stage == Stage::Active);
        let first_active_at = if is_active { self.first_active(&subject.record.id).await? } else { None };
        let Some(row) = subject.row else { return Ok(None) };
        let Subject { record, syncs, cases, reads, .. } = subject;
        Ok(Some(CustomerView { as_of, row, record, decision, syncs, cases, reads, first_active_at }))
    }

    /// The customer of a checkout session and the checkout as last told; `None` while the session is not known.
    pub async fn view_of_checkout(&self, session: &str) -> Result<Option<(CustomerView, Checkout)>, Error> {
        let key = Key::new(&self.settings().source.id, Kind::Checkout, session);
        let Some(owner) = self.store().fact_owner(&key).await? else { return Ok(None) };
        let Some(view) = self.view(&owner).await? else { return Ok(None) };
        let checkout = view.record.facts.get(&key).and_then(|fact| match &fact.current().version.body {
            Body::Checkout(checkout) => Some(checkout.clone()),
            _ => None,
        });
        Ok(checkout.map(|checkout| (view, checkout)))
    }

    /// When the audit log first says that something of the customer's is active.
    async fn first_active(&self, customer: &CustomerId) -> Result<Option<Timestamp>, Error> {
        let chain = self.store().audit_chain(customer).await?;
        let is_active = |after: &str| {
            let stages: serde_json::Value = serde_json::from_str(after).unwrap_or_default();
            let mut stages = stages.as_array().into_iter().flatten();
            stages
                .any(|of| of.get("stage").and_then(serde_json::Value::as_str) == Some(Stage::Active.as_str()))
        };
        Ok(chain.iter().find(|entry| is_active(&entry.after)).map(|entry| entry.at))
    }
}
