//! How what the core decided is said to operators: standings, reasons, states, in words. The facts are the core's.

use super::desk::Desk;
use frontdesk_core::case::Reason;
use frontdesk_core::entitlement::{Claim, Deadline, Nothing, Over, Property, Standing, Terms};
use frontdesk_core::explain::Turning;
use frontdesk_core::fact::{Key, Money};
use frontdesk_core::pairing::{Counts, Pairing, Word};
use frontdesk_core::ruling::Verdict;
use frontdesk_core::sync::{Hold, State, Sync};
use frontdesk_core::target::{Failure, Holder, Holding, Item, Membership, Standing as At};
use frontdesk_core::words::{Language, Reading};
use frontdesk_providers::stripe::field;
use frontdesk_store::Outcome;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// Longest id that stands in one line with what is said of its object, in bytes.
const ID_BESIDE_MAX: usize = 32;

/// How a purchase or an entitlement stands.
pub(super) fn standing(desk: &Desk, standing: &Standing) -> String {
    match standing {
        Standing::Processing => "not yet: the checkout is done, the money is not confirmed".to_owned(),
        Standing::PaymentFailed { at, reason, .. } => {
            let when = at.map(|at| format!(" on {}", desk.when(at))).unwrap_or_default();
            let why = reason.as_ref().map(|reason| format!(" (`{reason}`)")).unwrap_or_default();
            format!("no: the first payment failed{when}{why}")
        }
        Standing::Unread => "not yet: paid, and what was bought is being read at the source".to_owned(),
        Standing::Entitled(terms) => format!("yes: {}", self::terms(desk, terms)),
        Standing::Unclear { status } => {
            format!("unclear: the source says `{status}`, which Frontdesk does not know; nothing is changed")
        }
        Standing::Over { why, at } => format!("no: {} since {}", over(*why), desk.when(*at)),
        Standing::Nothing { why } => format!("no: {}", nothing(*why)),
    }
}

/// On what terms access is held.
pub(super) fn terms(desk: &Desk, terms: &Terms) -> String {
    match terms {
        Terms::Forever => "bought to keep".to_owned(),
        Terms::Granted { until: Some(at) } => format!("granted by hand until {}", desk.when(*at)),
        Terms::Granted { until: None } => "granted by hand".to_owned(),
        Terms::Active { renews_at: Some(at) } => format!("in good standing, renews {}", desk.when(*at)),
        Terms::Active { renews_at: None } => "in good standing".to_owned(),
        Terms::Trial { until: Some(at) } => format!("in a trial until {}", desk.when(*at)),
        Terms::Trial { until: None } => "in a trial".to_owned(),
        Terms::Paused => "paused, and the plan keeps access".to_owned(),
        Terms::Ending { at } => format!("cancelled, and paid until {}", desk.when(*at)),
        Terms::PastDue { until, reason, next_try_at, .. } => {
            let why = reason.as_ref().map(|reason| format!(" (`{reason}`)")).unwrap_or_default();
            let next = next_try_at
                .map(|at| format!("; the source tries again {}", desk.when(at)))
                .unwrap_or_default();
            format!("a renewal failed{why}, access is kept until {}{next}", desk.when(*until))
        }
    }
}

/// Why a purchase is over.
pub(super) const fn over(why: Over) -> &'static str {
    match why {
        Over::Ended => "the subscription ended",
        Over::Unpaid => "the source gave up on a renewal",
        Over::GraceOver => "the grace period after a failed renewal ran out",
        Over::PaidTimeOver => "the paid time of a cancelled subscription ran out",
        Over::CustomerDeleted => "the customer was deleted at the source",
        Over::Swapped => "the subscription changed to another plan",
        Over::Refunded => "the money went back",
        Over::Disputed => "a dispute suspends it",
        Over::DisputeLost => "a dispute was lost",
        Over::Paused => "a pause suspends it",
        Over::GrantOver => "a grant by hand ended",
        Over::Revoked => "a person revoked it",
    }
}

/// Why nothing was bought.
pub(super) const fn nothing(why: Nothing) -> &'static str {
    match why {
        Nothing::NotFinished => "the checkout form is not finished",
        Nothing::Expired => "the checkout expired",
        Nothing::Setup => "a card was saved and nothing sold",
        Nothing::Unknown => "a mode or status that Frontdesk does not know",
        Nothing::TrialWaits => "the plan gives nothing during a trial",
        Nothing::Ignored => "the catalogue says to ignore it",
        Nothing::Unexplained => "money that no checkout, invoice or subscription explains",
    }
}

const fn deadline(what: Deadline) -> &'static str {
    match what {
        Deadline::Grace => "the grace period ends",
        Deadline::PaidTime => "the paid time ends",
        Deadline::Trial => "the trial ends",
        Deadline::FirstInvoice => "the first invoice should have come",
        Deadline::Grant => "the grant ends",
        Deadline::Revocation => "the revocation ends",
    }
}

/// One reason: what was said, or what follows.
pub(super) fn claim(desk: &Desk, claim: &Claim) -> String {
    match claim {
        Claim::Said { object, field, value, .. } => {
            let (kind, field) = (object.kind.as_str(), read_from(object, *field));
            if has_room(&object.id) {
                format!("{kind} `{}`: {field} = {value}", object.id)
            } else {
                format!("{kind}: {field} = {value}")
            }
        }
        Claim::Ruled { verdict, entitlement, by, reason, until, .. } => {
            let did = match verdict {
                Verdict::Grant => "granted",
                Verdict::Revoke => "revoked",
            };
            let until = until.map(|at| format!(" until {}", desk.when(at))).unwrap_or_default();
            format!("{by} {did} `{entitlement}`{until}: {reason}")
        }
        Claim::Sells { good, plan } => format!("catalogue: plan `{plan}` sells `{good}`"),
        Claim::NoPlan { good } => format!("catalogue: no plan sells `{good}`"),
        Claim::Policy { plan, policy, value } => format!("catalogue: plan `{plan}` says {policy} = {value}"),
        Claim::Until { at, what } => format!("{}  {}", desk.when(*at), deadline(*what)),
        Claim::GrantedEarlier { good, entitlement } => {
            format!("catalogue: an earlier version granted `{entitlement}` for `{good}`; it is left as it is")
        }
        Claim::Withdrawn { good, entitlement, at, by } => {
            format!("catalogue: {by} withdrew `{entitlement}` for `{good}` on {}", desk.when(*at))
        }
        Claim::Redefined { entitlement, means, at, by } => {
            let means = meaning(means);
            format!("catalogue: {by} confirmed on {} that `{entitlement}` means {means}", desk.when(*at))
        }
        Claim::WantedByAnother { customer, item } => {
            format!("record `{customer}`, who shares the member, wants {}", self::item(item))
        }
    }
}

/// What an entitlement means.
pub(super) fn meaning(items: &BTreeSet<Item>) -> String {
    let items: Vec<_> = items.iter().map(self::item).collect();
    if items.is_empty() { "nothing any more".to_owned() } else { items.join(", ") }
}

/// The field of the source's object that says it, as the source names it; our own word for what is no field there.
pub(super) fn read_from(object: &Key, property: Property) -> &'static str {
    field::path_of(object, property).unwrap_or(property.as_str())
}

/// When a reason was said, and in which event it can be looked up.
pub(super) fn told_by(desk: &Desk, claim: &Claim) -> Option<String> {
    match claim {
        Claim::Said { at, object, entry, .. } => {
            let object = if has_room(&object.id) { String::new() } else { format!("`{}`, ", object.id) };
            Some(format!("({object}{}, {entry})", desk.when(*at)))
        }
        Claim::Ruled { at, entry, .. } => Some(format!("({}, {entry})", desk.when(*at))),
        _ => None,
    }
}

/// Whether an id fits into a line beside what is said of it. Those of a checkout do not.
fn has_room(id: &str) -> bool {
    id.len() <= ID_BESIDE_MAX
}

/// The one fact that would change an answer: the lead of its line, and the sentence.
pub(super) fn turning(desk: &Desk, turning: &Turning) -> (&'static str, String) {
    let named = |object: &Key| format!("{} `{}`", object.kind.as_str().replace('_', " "), object.id);
    match turning {
        Turning::Becomes { object, field, value } => {
            ("changes if", format!("{} reaches {} = {value}", named(object), read_from(object, *field)))
        }
        Turning::GoesBack { object, sum } => (
            "changes if",
            format!("all of {} `{}` goes back ({})", object.kind.as_str(), object.id, money(sum)),
        ),
        Turning::Renews { object, at } => {
            let at = at.map(|at| format!(", due {}", desk.when(at))).unwrap_or_default();
            ("changes if", format!("the next invoice of {} is paid{at}", named(object)))
        }
        Turning::Passes { at, what, clock_at } => {
            let by_clock = (at < clock_at)
                .then(|| format!("; the source says so then, or the clock does on {}", desk.when(*clock_at)));
            let (when, by_clock) = (desk.when(*at), by_clock.unwrap_or_default());
            ("changes on", format!("{when}, when {}{by_clock}", deadline(*what)))
        }
        Turning::Mapped { good } => ("changes if", format!("a plan in frontdesk.toml sells `{good}`")),
        Turning::Read { object } => ("changes if", format!("the source answers about {}", named(object))),
        Turning::BoughtAgain => ("changes if", "it is bought again".to_owned()),
        Turning::Several { objects } => {
            let named: Vec<_> = objects.iter().map(named).collect();
            ("changes if", format!("all of them end, each gives it alone: {}", named.join(", ")))
        }
        Turning::Ruled { verdict, entitlement } => (
            "changes if",
            format!("somebody runs `frontdesk customer {} WHO {entitlement}`", verdict.as_str()),
        ),
    }
}

/// An amount with its currency.
pub(super) fn money(money: &Money) -> String {
    // Neither the clock nor the zone shows in an amount.
    let (zone, now) = (&TimeZone::UTC, Timestamp::UNIX_EPOCH);
    Reading { language: Language::En, zone, now, currency: None }.money(money)
}

/// An item as operators know it.
pub(super) fn item(item: &Item) -> String {
    match item {
        Item::CircleGroup(id) => format!("access group {id}"),
        Item::CircleSpace(id) => format!("space {id}"),
        Item::KitTag(name) => format!("tag “{name}”"),
    }
}

/// What was last seen of an item.
pub(super) fn holding(desk: &Desk, holding: Option<&Holding>) -> String {
    match holding {
        None => "never looked at".to_owned(),
        Some(Holding::Present { seen_at }) => format!("seen there {}", desk.when(*seen_at)),
        Some(Holding::Absent { seen_at }) => format!("seen to be absent {}", desk.when(*seen_at)),
        Some(Holding::Sent { present, at }) => {
            let what = if *present { "added" } else { "removed" };
            format!("{what} {}, not seen yet", desk.when(*at))
        }
        Some(Holding::Unknown { look_at, .. }) => {
            format!("outcome unknown, looked at {}", desk.when(*look_at))
        }
    }
}

/// What a person said of a customer and a member.
pub(super) fn pairing(desk: &Desk, counts: &Counts<'_>) -> String {
    let Pairing { word, holder, target, member, address, by, reason, .. } = counts.pairing;
    let whose = match holder {
        Holder::Customer => String::new(),
        Holder::Beneficiary(address) => format!("{address}: "),
    };
    let word = match word {
        Word::One => "one with",
        Word::Two => "not",
    };
    let reason = if reason.is_empty() { String::new() } else { format!(", {reason}") };
    let (target, when) = (target.title(), desk.when(counts.at));
    format!("{whose}{word} {target} member {member} ({address}): by {by}{reason} ({when}, {})", counts.entry)
}

/// How a target knows a person.
pub(super) fn membership(desk: &Desk, membership: &Membership) -> String {
    match membership {
        Membership::Unseen => "never looked up".to_owned(),
        Membership::Unknown { look_at, .. } => {
            format!("outcome of the invitation unknown, looked at {}", desk.when(*look_at))
        }
        Membership::NotMember { seen_at } => format!("not known there, seen {}", desk.when(*seen_at)),
        Membership::Member { id, standing, seen_at, .. } => {
            let standing = match standing {
                At::Invited => "invited, not accepted",
                At::Active => "active",
                At::OptedOut => "opted out",
                At::Known => "known",
            };
            format!("{standing}, number {id}, seen {}", desk.when(*seen_at))
        }
        Membership::Moved { id, .. } => format!("number {id}, at another address by now"),
        Membership::Gone { id, seen_at } => format!("number {id} is gone, seen {}", desk.when(*seen_at)),
    }
}

/// The state of a row, in the words of the desk.
pub(super) fn state(state: &State) -> String {
    match state {
        State::Due => "due".to_owned(),
        State::Sent => "sent, not seen yet".to_owned(),
        State::Unknown => "outcome unknown, looks first".to_owned(),
        State::Applied => "seen".to_owned(),
        State::Held(hold) => format!("held: {}", self::hold(hold)),
        State::Parked { why } => format!("parked: {why}"),
        State::Contested { why, .. } => format!("contested: {why}"),
    }
}

fn hold(hold: &Hold) -> String {
    match hold {
        Hold::Shadow => "shadow mode writes nothing".to_owned(),
        Hold::Proof => "a removal waits for fresh proof from the source".to_owned(),
        Hold::Brake { name } => format!("the brake `{name}` waits for a person"),
        Hold::Misconfigured { mapping } => format!("`{mapping}` of the catalogue does not exist there"),
        Hold::Person => "a person took them out there".to_owned(),
        Hold::Frozen { name, .. } => format!("the freeze `{name}` holds it until it thaws"),
    }
}

/// The last failure of a row, if there is one.
pub(super) fn failed(desk: &Desk, sync: &Sync) -> Option<String> {
    let failed = sync.last_failure.as_ref()?;
    Some(format!("{} {}: {}", desk.when(failed.at), failed.step, failure(desk, &failed.failure)))
}

fn failure(desk: &Desk, failure: &Failure) -> String {
    match failure {
        Failure::Transient { why }
        | Failure::Unauthorized { why, .. }
        | Failure::Rejected { why }
        | Failure::Unknown { why } => why.clone(),
        Failure::Throttled { until, why } => format!("{why}, until {}", desk.when(*until)),
        Failure::Misconfigured { mapping } => format!("`{mapping}` does not exist there"),
        Failure::CappedUntil { until } => format!("new members are refused until {}", desk.when(*until)),
    }
}

/// How a call ended.
pub(super) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Intent => "under way",
        Outcome::Done => "done",
        Outcome::Transient => "certainly not done",
        Outcome::Throttled => "over a limit",
        Outcome::Unauthorized => "credential refused",
        Outcome::Rejected => "refused for this person",
        Outcome::Misconfigured => "does not exist there",
        Outcome::Unknown => "unknown",
    }
}

/// Why a case is open.
pub(super) fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Dispute { dispute } => format!("money is disputed (`{dispute}`)"),
        Reason::Inquiry { dispute } => {
            format!("the bank asks about a payment (`{dispute}`); no money was taken")
        }
        Reason::DisputeLostBesideLiveSubscription { dispute, subscription } => {
            format!("dispute `{dispute}` was lost and `{subscription}` would charge again")
        }
        Reason::RefundBesideLiveSubscription { subscription } => {
            format!("refunded in full, and `{subscription}` would charge again")
        }
        Reason::RefundFailed { refund } => format!("refund `{refund}` did not reach the buyer"),
        Reason::PausedSubscription { subscription, why } => {
            let why = why.as_ref().map(|why| format!(" (`{why}`)")).unwrap_or_default();
            format!("`{subscription}` is paused, and not by the buyer's own wish{why}")
        }
        Reason::UnknownStatus { object, status } => {
            format!("`{object}` has the status `{status}`, which Frontdesk does not know")
        }
        Reason::UnmappedPurchase { good } => format!("paid, and no plan sells `{good}`"),
        Reason::NoAddress => "paid, and no address is known to give access to".to_owned(),
        Reason::ParkedAccess { target, why } | Reason::ParkedMarketing { target, why } => {
            format!("{} gave up: {why}", target.title())
        }
        Reason::Contested { target, item, why } => format!(
            "{why}. It is not written any more for anyone of whom that is so; find what else writes to {} in {}, \
             then `frontdesk sync retry`",
            self::item(item),
            target.title()
        ),
        Reason::NotPaired { target, member } => format!(
            "somebody said that they are the member {member} of {}, and by then they were known as another, or that one was \
             somebody else's; `frontdesk customer unpair` takes it back",
            target.title()
        ),
        Reason::RemovedByHand { target } => format!("a person took them out of {}", target.title()),
    }
}
