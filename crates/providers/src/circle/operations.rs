//! All that Frontdesk asks of Circle. What is not here cannot be asked: requests are built from
//! these entries alone.
//!
//! Never here: removing, deleting or banning a member (it also cancels what they bought from Circle
//! itself, §7.5), the list fields of an update (replace or merge is not known, §7.4), and the member
//! list with an `email` filter (Circle ignores it and returns everyone, §7.3).

use crate::call::{Budget, Effect, Idempotency, Operation};
use frontdesk_core::target::{Item, Step};
use jiff::SignedDuration;

/// How long after a write a read may still show the state from before (§7.8, §13: 0–30 s assumed),
/// with a margin. A look at an unknown outcome waits this long.
pub const SHOWS_AFTER: SignedDuration = SignedDuration::from_secs(45);

/// The statuses with which Circle says that a write was not done, whatever the text. A `404`, `409` or
/// `422` says so only with the text that fits.
const REFUSALS: &[u16] = &[401, 403, 429];

/// A write that sets a membership.
const SET: Operation = Operation {
    name: "",
    method: "POST",
    path: "",
    effect: Effect::SetLike,
    idempotency: Idempotency::NaturalKey,
    has_look_up: true,
    shows_after: SHOWS_AFTER,
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

/// Row 1: the community of the token.
pub const COMMUNITY: Operation =
    Operation { name: "community", path: "/api/admin/v2/community", budget: Budget::Setup, ..READ };

/// Row 2: a member by address.
pub const FIND: Operation =
    Operation { name: "find", path: "/api/admin/v2/community_members/search", ..READ };

/// Row 3: invite. The one operation that sends a person something; Circle promises no key for it, so
/// its outcome is looked up before it is ever repeated (§7.1, §7.8).
pub const ENROL: Operation = Operation {
    name: "enrol",
    path: "/api/admin/v2/community_members",
    effect: Effect::MessageLike,
    idempotency: Idempotency::None,
    ..SET
};

/// Row 4: a member by id.
pub const READ_MEMBER: Operation =
    Operation { name: "read", path: "/api/admin/v2/community_members/{}", ..READ };

/// Row 7: the access groups.
pub const GROUPS: Operation =
    Operation { name: "access groups", path: "/api/admin/v2/access_groups", budget: Budget::Setup, ..READ };

/// Row 8: into an access group.
pub const ADD_TO_GROUP: Operation =
    Operation { name: "add to group", path: "/api/admin/v2/access_groups/{}/community_members", ..SET };

/// Row 9: out of an access group.
pub const REMOVE_FROM_GROUP: Operation = Operation {
    name: "remove from group",
    method: "DELETE",
    path: "/api/admin/v2/access_groups/{}/community_members",
    budget: Budget::Removal,
    ..SET
};

/// Row 10: is somebody in the group? Singular.
pub const CHECK_GROUP: Operation =
    Operation { name: "check group", path: "/api/admin/v2/access_groups/{}/community_member", ..READ };

/// Row 12: the members of a group, by id alone.
pub const MEMBERS_OF_GROUP: Operation =
    Operation { name: "members of group", path: "/api/admin/v2/access_groups/{}/community_members", ..READ };

/// Row 13: all members. Never with an `email` filter, which Circle ignores (§7.3).
pub const MEMBERS: Operation = Operation { name: "members", path: "/api/admin/v2/community_members", ..READ };

/// Row 14: the spaces.
pub const SPACES: Operation =
    Operation { name: "spaces", path: "/api/admin/v2/spaces", budget: Budget::Setup, ..READ };

/// Row 15: into a space.
pub const ADD_TO_SPACE: Operation =
    Operation { name: "add to space", path: "/api/admin/v2/space_members", ..SET };

/// Row 16: out of a space.
pub const REMOVE_FROM_SPACE: Operation = Operation {
    name: "remove from space",
    method: "DELETE",
    path: "/api/admin/v2/space_members",
    budget: Budget::Removal,
    ..SET
};

/// Row 17: is somebody in the space? Singular. It shows access through a space group as if it were
/// direct (§7.6), so it proves absence and not that the space itself was granted.
pub const CHECK_SPACE: Operation =
    Operation { name: "check space", path: "/api/admin/v2/space_member", ..READ };

/// Row 23: the members of a space.
pub const MEMBERS_OF_SPACE: Operation =
    Operation { name: "members of space", path: "/api/admin/v2/space_members", ..READ };

/// Everything above.
pub const ALL: [Operation; 15] = [
    COMMUNITY,
    FIND,
    ENROL,
    READ_MEMBER,
    GROUPS,
    ADD_TO_GROUP,
    REMOVE_FROM_GROUP,
    CHECK_GROUP,
    MEMBERS_OF_GROUP,
    MEMBERS,
    SPACES,
    ADD_TO_SPACE,
    REMOVE_FROM_SPACE,
    CHECK_SPACE,
    MEMBERS_OF_SPACE,
];

/// The operation that does a step; `None` for an item that is not Circle's.
pub const fn of(step: &Step) -> Option<&'static Operation> {
    match step {
        Step::Find { .. } => Some(&FIND),
        Step::Enrol { .. } => Some(&ENROL),
        Step::Read { .. } => Some(&READ_MEMBER),
        Step::Add { item: Item::CircleGroup(_), .. } => Some(&ADD_TO_GROUP),
        Step::Add { item: Item::CircleSpace(_), .. } => Some(&ADD_TO_SPACE),
        Step::Remove { item: Item::CircleGroup(_), .. } => Some(&REMOVE_FROM_GROUP),
        Step::Remove { item: Item::CircleSpace(_), .. } => Some(&REMOVE_FROM_SPACE),
        Step::Check { item: Item::CircleGroup(_), .. } => Some(&CHECK_GROUP),
        Step::Check { item: Item::CircleSpace(_), .. } => Some(&CHECK_SPACE),
        Step::Add { item: Item::KitTag(_), .. }
        | Step::Remove { item: Item::KitTag(_), .. }
        | Step::Check { item: Item::KitTag(_), .. } => None,
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
                ("GET", "/api/admin/v2/community"),
                ("GET", "/api/admin/v2/community_members/search"),
                ("POST", "/api/admin/v2/community_members"),
                ("GET", "/api/admin/v2/community_members/{}"),
                ("GET", "/api/admin/v2/access_groups"),
                ("POST", "/api/admin/v2/access_groups/{}/community_members"),
                ("DELETE", "/api/admin/v2/access_groups/{}/community_members"),
                ("GET", "/api/admin/v2/access_groups/{}/community_member"),
                ("GET", "/api/admin/v2/access_groups/{}/community_members"),
                ("GET", "/api/admin/v2/community_members"),
                ("GET", "/api/admin/v2/spaces"),
                ("POST", "/api/admin/v2/space_members"),
                ("DELETE", "/api/admin/v2/space_members"),
                ("GET", "/api/admin/v2/space_member"),
                ("GET", "/api/admin/v2/space_members"),
            ]
        );
    }

    #[test]
    fn each_operation_says_what_a_repeat_does() {
        let names: BTreeSet<_> = ALL.iter().map(|operation| operation.name).collect();
        assert_eq!(names.len(), ALL.len(), "two operations share a name");
        for operation in ALL {
            assert!(
                !operation.name.is_empty() && operation.path.starts_with("/api/admin/v2/"),
                "{operation:?}"
            );
            let is_read = operation.method == "GET";
            assert_eq!(is_read, operation.effect == Effect::Read, "{}", operation.name);
            assert_eq!(is_read, operation.refusals.is_empty(), "{}", operation.name);
            assert_eq!(
                !is_read, operation.has_look_up,
                "{}: a write whose outcome cannot be looked up",
                operation.name
            );
            assert_eq!(
                operation.method == "DELETE",
                operation.budget == Budget::Removal,
                "{}",
                operation.name
            );
            let sends = operation.effect == Effect::MessageLike;
            assert_eq!(sends, operation.idempotency == Idempotency::None, "{}", operation.name);
        }
    }
}
