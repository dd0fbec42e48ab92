//! What the recordings suggest should follow from each event, and where the design decides
//! otherwise.
//!
//! The suggestions are those of whoever wrote the recordings down, not the provider's.

use super::story::{Step, Story};

/// What becomes of the wanted items with one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing is wanted for anybody.
    Nothing,
    /// Something is wanted.
    Something,
    /// More than before.
    More,
    /// Less than before.
    Less,
    /// What was wanted before.
    Same,
    /// Something new, something less, and something that stays throughout.
    Swap,
}

/// A suggestion in words, as what it means for the wanted items.
pub(crate) fn expected(words: &str) -> Expected {
    let starts = |beginnings: &[&str]| beginnings.iter().any(|beginning| words.starts_with(beginning));
    if starts(&["swap"]) {
        Expected::Swap
    } else if starts(&["after fetching line_items"]) {
        Expected::More
    } else if starts(&["revoke (same fact)"]) {
        Expected::Same
    } else if starts(&["revoke", "suspend"]) {
        Expected::Less
    } else if starts(&["grant", "restore", "keep access", "keep until", "keep,", "keep:", "past_due: keep"]) {
        Expected::Something
    } else if starts(&[
        "NO grant",
        "no access",
        "identity only",
        "terminal, no access",
        "stay without access",
        "payment failed",
    ]) {
        Expected::Nothing
    } else {
        Expected::Same
    }
}

/// A step at which the design decides otherwise.
pub(crate) struct Deviation {
    /// The journey; empty: any.
    story: &'static str,
    /// Its step, counted from one in the order of delivery; zero: any.
    step: usize,
    event_type: &'static str,
    /// How the suggestion begins.
    suggested: &'static str,
    /// What follows here.
    pub(crate) ours: Expected,
    /// Whether a case is wanted, where the suggestion speaks of one.
    pub(crate) has_case: bool,
    /// Why.
    pub(crate) why: &'static str,
}

/// Where ours differs, each with the reason. The first that fits counts.
pub(crate) const DEVIATIONS: &[Deviation] = &[
    Deviation {
        story: "",
        step: 0,
        event_type: "customer.subscription.created",
        suggested: "grant: status active",
        ours: Expected::Same,
        has_case: false,
        why: "`active` does not say that money came: with a delayed method the first invoice is still open. The invoice of the same second decides.",
    },
    Deviation {
        story: "",
        step: 0,
        event_type: "customer.subscription.created",
        suggested: "grant the membership",
        ours: Expected::Same,
        has_case: false,
        why: "As above.",
    },
    Deviation {
        story: "",
        step: 5,
        event_type: "invoice.finalized",
        suggested: "no change",
        ours: Expected::More,
        has_case: false,
        why: "The recordings' first invoice is paid by then, and with it the money is known to be there.",
    },
    Deviation {
        story: "purchase-subscription",
        step: 6,
        event_type: "customer.subscription.updated",
        suggested: "grant: status active",
        ours: Expected::Nothing,
        has_case: false,
        why: "The first invoice is known, and open.",
    },
    Deviation {
        story: "purchase-subscription",
        step: 0,
        event_type: "invoice.paid",
        suggested: "confirm grant",
        ours: Expected::Something,
        has_case: false,
        why: "Until 2025-03-31.basil this is the first word of the money.",
    },
    Deviation {
        story: "async-sepa-success",
        step: 0,
        event_type: "charge.succeeded",
        suggested: "no change",
        ours: Expected::More,
        has_case: false,
        why: "The charge of this very checkout succeeded: the money is there, whoever says so first.",
    },
    Deviation {
        story: "async-sepa-failure",
        step: 0,
        event_type: "checkout.session.async_payment_failed",
        suggested: "stay without access",
        ours: Expected::Nothing,
        has_case: false,
        why: "The customer sees it with the stage `payment_failed`; there is nothing for a person to do.",
    },
    Deviation {
        story: "dispute-lost",
        step: 0,
        event_type: "charge.dispute.closed",
        suggested: "revoke",
        ours: Expected::Same,
        has_case: false,
        why: "Access rests since the dispute was opened.",
    },
    Deviation {
        story: "duplicate-checkout-click",
        step: 8,
        event_type: "customer.created",
        suggested: "identity only",
        ours: Expected::Same,
        has_case: false,
        why: "The first of the two purchases stands.",
    },
    Deviation {
        story: "entitlements-summary",
        step: 0,
        event_type: "entitlements.active_entitlement_summary.updated",
        suggested: "grant exactly",
        ours: Expected::Same,
        has_case: false,
        why: "Access follows from payments; a summary repeats what the subscription says.",
    },
    Deviation {
        story: "refund-failed",
        step: 0,
        event_type: "refund.created",
        suggested: "revoke",
        ours: Expected::Same,
        has_case: false,
        why: "The charge said so before.",
    },
    Deviation {
        story: "refund-failed",
        step: 0,
        event_type: "refund.updated",
        suggested: "open a case",
        ours: Expected::More,
        has_case: true,
        why: "The money is back with the shop, so the purchase stands again.",
    },
    Deviation {
        story: "renewal-failed-lost",
        step: 17,
        event_type: "payment_intent.payment_failed",
        suggested: "no change",
        ours: Expected::Less,
        has_case: false,
        why: "The grace period of seven days ended two days before; the clock alone ends it.",
    },
    Deviation {
        story: "renewal-failed-lost",
        step: 0,
        event_type: "customer.subscription.deleted",
        suggested: "revoke",
        ours: Expected::Same,
        has_case: false,
        why: "Grace was over before.",
    },
    Deviation {
        story: "same-second-reordered",
        step: 1,
        event_type: "customer.subscription.updated",
        suggested: "grant",
        ours: Expected::Nothing,
        has_case: false,
        why: "Nobody knows for whom: no address was told yet.",
    },
    Deviation {
        story: "same-second-reordered",
        step: 2,
        event_type: "customer.created",
        suggested: "identity only",
        ours: Expected::More,
        has_case: false,
        why: "This tells the address.",
    },
];

/// The deviation at a step of a story, and its place in the table.
pub(crate) fn deviation(story: &Story, nth: usize, step: &Step) -> Option<(usize, &'static Deviation)> {
    let fits = |deviation: &Deviation| {
        (deviation.story.is_empty() || deviation.story == story.name)
            && (deviation.step == 0 || deviation.step == nth)
            && deviation.event_type == step.event_type
            && step.expect.starts_with(deviation.suggested)
    };
    DEVIATIONS.iter().enumerate().find(|(_, deviation)| fits(deviation))
}
