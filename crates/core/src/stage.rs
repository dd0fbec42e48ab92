//! The one state that a customer sees for an entitlement.

use crate::case::OpenCase;
use crate::catalogue::Catalogue;
use crate::desired::address_of;
use crate::email::Email;
use crate::entitlement::{Entitled, Over, Purchase, Standing as Paid, Terms};
use crate::fact::Money;
use crate::id::EntitlementId;
use crate::record::Record;
use crate::sync::{Hold, State, Sync};
use crate::target::{Failure, Holder, Item, Membership, Standing, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A stage, in the order of urgency of DESIGN §3: the headline of a customer is the first of
/// their stages in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A person must look.
    SupportReview,
    /// A renewal failed; access is kept until the grace period ends.
    PastDue,
    /// The first payment failed; nothing was granted.
    PaymentFailed,
    /// A dispute suspends access.
    Disputed,
    /// Paid; an access target is being retried, or is paused.
    AccessPending,
    /// Paid; access work was not attempted yet.
    PaymentReceived,
    /// Checkout done, money not yet confirmed.
    PaymentProcessing,
    /// The community's invitation is out, not yet accepted.
    InviteSent,
    /// Cancelled, paid until a date.
    Ending,
    /// Access was observed in the target.
    Active,
    /// The money went back; access ended with it.
    Refunded,
    /// No longer entitled.
    Ended,
}

impl Stage {
    /// All stages, most urgent first.
    pub const ALL: [Self; 12] = [
        Self::SupportReview,
        Self::PastDue,
        Self::PaymentFailed,
        Self::Disputed,
        Self::AccessPending,
        Self::PaymentReceived,
        Self::PaymentProcessing,
        Self::InviteSent,
        Self::Ending,
        Self::Active,
        Self::Refunded,
        Self::Ended,
    ];

    /// The stage as one word, as in JSON and in `data-stage`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SupportReview => "support_review",
            Self::PastDue => "past_due",
            Self::PaymentFailed => "payment_failed",
            Self::Disputed => "disputed",
            Self::AccessPending => "access_pending",
            Self::PaymentReceived => "payment_received",
            Self::PaymentProcessing => "payment_processing",
            Self::InviteSent => "invite_sent",
            Self::Ending => "ending",
            Self::Active => "active",
            Self::Refunded => "refunded",
            Self::Ended => "ended",
        }
    }

    /// The inverse of [`Stage::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == word)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a customer sees for one entitlement, or for a purchase that has none yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageOf {
    /// Which entitlement; `None`: an unmapped or unread purchase.
    pub entitlement: Option<EntitlementId>,
    /// What customers see; `None` while the goods are not read or no plan maps them.
    pub title: Option<String>,
    /// The title of the plan that gives it.
    pub plan: Option<String>,
    /// Who has the use of it.
    pub holder: Holder,
    /// The stage.
    pub stage: Stage,
    /// Which of a stage's sentences is true.
    pub detail: Detail,
    /// Since when: the payment, the failure, the invitation, the end.
    pub since: Option<Timestamp>,
    /// Until when: renewal, end of trial, grace or paid time.
    pub until: Option<Timestamp>,
    /// When something is tried next: the payment (past due) or the target (access pending).
    pub next_try_at: Option<Timestamp>,
    /// The open case of its journey.
    pub case: Option<u64>,
    /// The journey of the purchase that decides.
    pub journey: String,
    /// The sum that matters: what went back, what is disputed or owed, else what was paid.
    pub amount: Option<Money>,
    /// The bank's code for a refusal.
    pub reason: Option<String>,
    /// Where it can be paid.
    pub pay_url: Option<String>,
    /// The address that the target knows, for an invitation.
    pub address: Option<Email>,
}

/// Which of a stage's sentences is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// The ordinary one.
    #[default]
    Plain,
    /// Access pending: waits for its turn behind a limit.
    InLine,
    /// Access pending: a person paused the target, or it is not live yet.
    Paused,
    /// Access pending: a person granted it, nothing was paid.
    Granted,
}

/// The stage of every entitlement, then of every purchase that has none: unread, unmapped, or
/// not paid yet and of unknown goods.
pub fn stages(
    record: &Record,
    entitled: &Entitled,
    syncs: &BTreeMap<Target, Sync>,
    open_cases: &[OpenCase],
    catalogue: &Catalogue,
) -> Vec<StageOf> {
    let case = |journey: &str| {
        open_cases.iter().filter(|case| case.journey == journey).map(|case| case.number).min()
    };
    let mut stages = Vec::new();
    for entitlement in &entitled.entitlements {
        let purchase = &entitled.purchases[entitlement.decided_by];
        let reachable = address_of(record, &entitlement.holder).is_some();
        let access = match catalogue.entitlements.get(&entitlement.id) {
            _ if !reachable => Access::Review,
            Some(meaning) => Access::of(&meaning.items, &entitlement.holder, syncs),
            None => Access::Seen,
        };
        if let Some(mut of) = StageOf::of(purchase, access) {
            of.entitlement = Some(entitlement.id.clone());
            of.title = Some(entitlement.title.clone());
            of.case = case(&purchase.journey);
            stages.push(of);
        }
    }
    for purchase in entitled.purchases.iter().filter(|purchase| purchase.has_no_plan()) {
        if let Some(mut of) = StageOf::of(purchase, Access::Review) {
            of.case = case(&purchase.journey);
            stages.push(of);
        }
    }
    stages
}

/// How far access is in the targets that give it.
enum Access {
    /// Everything was seen there.
    Seen,
    /// Everything was seen, the invitation is not accepted.
    Invited { at: Option<Timestamp>, address: Email },
    /// The first attempt is under way.
    NotYet,
    /// Something is in the way, and it will be tried again.
    Pending { detail: Detail, since: Option<Timestamp>, next_try_at: Option<Timestamp> },
    /// A person must look.
    Review,
}

impl Access {
    fn of(items: &BTreeSet<Item>, holder: &Holder, syncs: &BTreeMap<Target, Sync>) -> Self {
        let mut invited = None;
        for target in Target::ALL.into_iter().filter(|target| target.gives_access()) {
            let mut wanted = items.iter().filter(|item| item.target() == target).peekable();
            if wanted.peek().is_none() {
                continue;
            }
            let Some(sync) = syncs.get(&target) else { return Self::NotYet };
            let person = sync.observed.people.get(holder);
            // A person took them out: whatever was seen before is no access now.
            if person.is_some_and(|person| matches!(person.membership, Membership::Gone { .. })) {
                return Self::Review;
            }
            let held = |item: &Item| person.is_some_and(|person| person.holds(item));
            if !wanted.all(held) {
                return Self::not_seen(sync);
            }
            if let Some(person) = person
                && let Membership::Member { standing: Standing::Invited, address, .. } = &person.membership
            {
                invited = Some(Self::Invited { at: person.invited_at, address: address.clone() });
            }
        }
        invited.unwrap_or(Self::Seen)
    }

    fn not_seen(sync: &Sync) -> Self {
        let pending = |detail| Self::Pending {
            detail,
            since: Some(sync.failing_since.unwrap_or(sync.due_since)),
            next_try_at: sync.next_attempt_at,
        };
        let failure = sync.last_failure.as_ref().map(|failed| &failed.failure);
        match &sync.state {
            State::Parked { .. } | State::Contested { .. } | State::Held(Hold::Person) => Self::Review,
            State::Held(Hold::Shadow | Hold::Brake { .. } | Hold::Proof | Hold::Frozen { .. }) => {
                pending(Detail::Paused)
            }
            State::Held(Hold::Misconfigured { .. }) | State::Unknown => pending(Detail::Plain),
            State::Due | State::Sent | State::Applied => match failure {
                Some(Failure::Throttled { .. } | Failure::CappedUntil { .. }) => pending(Detail::InLine),
                Some(_) => pending(Detail::Plain),
                None if sync.failing_since.is_some() => pending(Detail::Plain),
                None => Self::NotYet,
            },
        }
    }
}

impl StageOf {
    /// The stage of one purchase; `None`: there is nothing to show.
    fn of(purchase: &Purchase, access: Access) -> Option<Self> {
        let mut of = Self {
            entitlement: None,
            title: purchase.title.clone(),
            plan: purchase.title.clone(),
            holder: purchase.holder.clone(),
            stage: Stage::PaymentProcessing,
            detail: Detail::Plain,
            since: purchase.paid_at,
            until: None,
            next_try_at: None,
            case: None,
            journey: purchase.journey.clone(),
            amount: purchase.total.clone(),
            reason: None,
            pay_url: None,
            address: None,
        };
        match &purchase.standing {
            Paid::Nothing { .. } => return None,
            Paid::Processing => of.since = Some(purchase.started_at),
            Paid::PaymentFailed { at, pay_url, reason, .. } => {
                of.stage = Stage::PaymentFailed;
                of.since = *at;
                of.pay_url.clone_from(pay_url);
                of.reason.clone_from(reason);
            }
            Paid::Unread => of.stage = Stage::PaymentReceived,
            Paid::Unclear { .. } => of.stage = Stage::SupportReview,
            Paid::Over { why, at } => {
                of.stage = match why {
                    Over::Ended
                    | Over::Unpaid
                    | Over::GraceOver
                    | Over::PaidTimeOver
                    | Over::CustomerDeleted
                    | Over::GrantOver
                    | Over::Revoked
                    | Over::Swapped => Stage::Ended,
                    Over::Refunded => Stage::Refunded,
                    Over::Disputed | Over::DisputeLost => Stage::Disputed,
                    // Neither ended nor running: whoever suspends it must say what comes next.
                    Over::Paused => Stage::SupportReview,
                };
                of.since = Some(*at);
            }
            Paid::Entitled(terms) => of.entitled(terms, access, purchase.started_at),
        }
        Some(of)
    }

    fn entitled(&mut self, terms: &Terms, access: Access, started_at: Timestamp) {
        let is_gift = matches!(terms, Terms::Granted { .. });
        self.until = match terms {
            Terms::Forever | Terms::Paused => None,
            Terms::Active { renews_at } => *renews_at,
            Terms::Trial { until } | Terms::Granted { until } => *until,
            Terms::Ending { at } => Some(*at),
            Terms::PastDue { until, .. } => Some(*until),
        };
        self.stage = match (terms, access) {
            (_, Access::Review) => Stage::SupportReview,
            (Terms::PastDue { since, reason, next_try_at, pay_url, .. }, _) => {
                self.since = Some(*since);
                self.reason.clone_from(reason);
                self.pay_url.clone_from(pay_url);
                self.next_try_at = *next_try_at;
                Stage::PastDue
            }
            (Terms::Granted { .. }, Access::NotYet) => {
                self.detail = Detail::Granted;
                self.since = Some(started_at);
                Stage::AccessPending
            }
            (_, Access::NotYet) => Stage::PaymentReceived,
            (_, Access::Pending { detail, since, next_try_at }) => {
                self.detail = if is_gift { Detail::Granted } else { detail };
                self.since = since;
                self.next_try_at = next_try_at;
                Stage::AccessPending
            }
            (_, Access::Invited { at, address }) => {
                self.since = at;
                self.address = Some(address);
                Stage::InviteSent
            }
            (Terms::Ending { .. } | Terms::Granted { until: Some(_) }, Access::Seen) => Stage::Ending,
            (_, Access::Seen) => Stage::Active,
        };
    }
}

/// The most urgent stage: what the customer sees first.
pub fn headline(stages: &[StageOf]) -> Option<&StageOf> {
    stages.iter().min_by_key(|of| of.stage)
}
