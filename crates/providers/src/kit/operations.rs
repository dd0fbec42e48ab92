//! All that Frontdesk asks of Kit. What is not here cannot be asked: requests are built from these
//! entries alone.
//!
//! Never here: unsubscribing (it is the person's own opt-out for the whole account and cannot be
//! undone, §7.4), deleting a subscriber, forms and sequences (they send mail, §7.1), purchases, bulk.

use crate::call::{Budget, Effect, Idempotency, Operation};
use frontdesk_core::target::{Item, Step};
use jiff::SignedDuration;

/// How long a list may still show the state from before a write: minutes at worst (§7.2), and our own
/// writes of the last ten are left out of any comparison.
pub const LISTS_SHOW_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// Calls a minute that an API key may make (§3).
pub const CALLS_PER_MINUTE_API_KEY: u32 = 120;

/// Calls a minute that an OAuth token may make (§3).
pub const CALLS_PER_MINUTE_OAUTH: u32 = 600;

/// The statuses with which Kit says that a write was not done.
const REFUSALS: &[u16] = &[400, 401, 403, 409, 413, 422, 429];

/// A write that sets a state. All of ours may simply be repeated (§5).
const SET: Operation = Operation {
    name: "",
    method: "POST",
    path: "",
    effect: Effect::SetLike,
    idempotency: Idempotency::NaturalKey,
    has_look_up: true,
    shows_after: SignedDuration::ZERO,
    refusals: REFUSALS,
    budget: Budget::Grant,
};

/// A read.
const READ: Operation = Operation {
    name: "",
    method: "GET",
    path: "",
    effect: Effect::Read,
    idempotency: Idempotency::NaturalKey,
    has_look_up: false,
    shows_after: SignedDuration::ZERO,
    refusals: &[],
    budget: Budget::Look,
};

/// Row 1: the account of the credential.
pub const ACCOUNT: Operation =
    Operation { name: "account", path: "/v4/account", budget: Budget::Setup, ..READ };

/// Row 2: create a subscriber, or meet the one who is there. Sends no mail (§7.1) and is keyed by
/// address, so it may be repeated. Only the by-id read shows it at once.
pub const ENROL: Operation =
    Operation { name: "enrol", path: "/v4/subscribers", shows_after: LISTS_SHOW_AFTER, ..SET };

/// Row 3: a subscriber by address. A list: it may lag behind writes by minutes (§7.2).
pub const FIND: Operation = Operation { name: "find", path: "/v4/subscribers", ..READ };

/// Row 4: a subscriber by id. Current (§7.2).
pub const READ_SUBSCRIBER: Operation = Operation { name: "read", path: "/v4/subscribers/{}", ..READ };

/// Row 6: the tags.
pub const TAGS: Operation = Operation { name: "tags", path: "/v4/tags", budget: Budget::Setup, ..READ };

/// Row 8: tag by id.
pub const TAG: Operation = Operation { name: "tag", path: "/v4/tags/{}/subscribers/{}", ..SET };

/// Row 9: tag by address. The subscriber must exist; straight after a create it works.
pub const TAG_BY_ADDRESS: Operation = Operation {
    name: "tag by address",
    path: "/v4/tags/{}/subscribers",
    shows_after: LISTS_SHOW_AFTER,
    ..SET
};

/// Row 10: untag by id.
pub const UNTAG: Operation = Operation {
    name: "untag",
    method: "DELETE",
    path: "/v4/tags/{}/subscribers/{}",
    budget: Budget::Removal,
    ..SET
};

/// Row 11: untag by address, in the query.
pub const UNTAG_BY_ADDRESS: Operation = Operation {
    name: "untag by address",
    method: "DELETE",
    path: "/v4/tags/{}/subscribers",
    shows_after: LISTS_SHOW_AFTER,
    budget: Budget::Removal,
    ..SET
};

/// Row 12: the tags of a subscriber. Current at once in the tests of Kit's own SDK; Kit does not say
/// so (§7.2).
pub const TAGS_OF: Operation = Operation { name: "tags of", path: "/v4/subscribers/{}/tags", ..READ };

/// Row 13: the subscribers with a tag. Eventually consistent.
pub const SUBSCRIBERS_WITH: Operation =
    Operation { name: "subscribers with", path: "/v4/tags/{}/subscribers", ..READ };

/// Row 14: the custom fields.
pub const FIELDS: Operation =
    Operation { name: "custom fields", path: "/v4/custom_fields", budget: Budget::Setup, ..READ };

/// Row 18: the webhook endpoints (§10).
pub const ENDPOINTS: Operation =
    Operation { name: "webhook endpoints", path: "/v4/webhook_endpoints", budget: Budget::Setup, ..READ };

/// Row 18: make a webhook endpoint. A repeat makes another one, so they are listed before.
pub const MAKE_ENDPOINT: Operation = Operation {
    name: "make webhook endpoint",
    path: "/v4/webhook_endpoints",
    effect: Effect::Creates,
    idempotency: Idempotency::None,
    budget: Budget::Setup,
    ..SET
};

/// Row 18: a new secret for a webhook endpoint. The one before stays valid for a while.
pub const ROTATE_SECRET: Operation = Operation {
    name: "rotate webhook secret",
    path: "/v4/webhook_endpoints/{}/rotate_secret",
    effect: Effect::Creates,
    idempotency: Idempotency::None,
    budget: Budget::Setup,
    ..SET
};

/// Everything above.
pub const ALL: [Operation; 15] = [
    ACCOUNT,
    ENROL,
    FIND,
    READ_SUBSCRIBER,
    TAGS,
    TAG,
    TAG_BY_ADDRESS,
    UNTAG,
    UNTAG_BY_ADDRESS,
    TAGS_OF,
    SUBSCRIBERS_WITH,
    FIELDS,
    ENDPOINTS,
    MAKE_ENDPOINT,
    ROTATE_SECRET,
];

/// The operation that does a step; `None` for an item that is not Kit's.
pub const fn of(step: &Step) -> Option<&'static Operation> {
    match step {
        Step::Enrol { .. } => Some(&ENROL),
        Step::Find { .. } | Step::Check { item: Item::KitTag(_), id: None, .. } => Some(&FIND),
        Step::Read { .. } => Some(&READ_SUBSCRIBER),
        Step::Add { item: Item::KitTag(_), id: Some(_), .. } => Some(&TAG),
        Step::Add { item: Item::KitTag(_), id: None, .. } => Some(&TAG_BY_ADDRESS),
        Step::Remove { item: Item::KitTag(_), id: Some(_), .. } => Some(&UNTAG),
        Step::Remove { item: Item::KitTag(_), id: None, .. } => Some(&UNTAG_BY_ADDRESS),
        Step::Check { item: Item::KitTag(_), id: Some(_), .. } => Some(&TAGS_OF),
        Step::Add { item: Item::CircleGroup(_) | Item::CircleSpace(_), .. }
        | Step::Remove { item: Item::CircleGroup(_) | Item::CircleSpace(_), .. }
        | Step::Check { item: Item::CircleGroup(_) | Item::CircleSpace(_), .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_asks_for_nothing_but_this() {
        let asked: Vec<_> = ALL.iter().map(|operation| (operation.method, operation.path)).collect();
        assert_eq!(
            asked,
            [
                ("GET", "/v4/account"),
                ("POST", "/v4/subscribers"),
                ("GET", "/v4/subscribers"),
                ("GET", "/v4/subscribers/{}"),
                ("GET", "/v4/tags"),
                ("POST", "/v4/tags/{}/subscribers/{}"),
                ("POST", "/v4/tags/{}/subscribers"),
                ("DELETE", "/v4/tags/{}/subscribers/{}"),
                ("DELETE", "/v4/tags/{}/subscribers"),
                ("GET", "/v4/subscribers/{}/tags"),
                ("GET", "/v4/tags/{}/subscribers"),
                ("GET", "/v4/custom_fields"),
                ("GET", "/v4/webhook_endpoints"),
                ("POST", "/v4/webhook_endpoints"),
                ("POST", "/v4/webhook_endpoints/{}/rotate_secret"),
            ]
        );
    }

    #[test]
    fn each_operation_says_what_a_repeat_does() {
        let names: BTreeSet<_> = ALL.iter().map(|operation| operation.name).collect();
        assert_eq!(names.len(), ALL.len(), "two operations share a name");
        for operation in ALL {
            assert!(!operation.name.is_empty() && operation.path.starts_with("/v4/"), "{operation:?}");
            let is_read = operation.method == "GET";
            assert_eq!(is_read, operation.effect == Effect::Read, "{}", operation.name);
            assert_eq!(is_read, operation.refusals.is_empty(), "{}", operation.name);
            let is_keyed = operation.idempotency == Idempotency::NaturalKey;
            assert_eq!(is_keyed, operation.effect != Effect::Creates, "{}", operation.name);
            assert_eq!(
                operation.method == "DELETE",
                operation.budget == Budget::Removal,
                "{}",
                operation.name
            );
        }
    }
}
