//! Access that has ended and is still there: since when it could have been taken, and until when that is promised
//! (RELIABILITY I9).
//!
//! The time counts from when the end is known and nothing that somebody decided holds the removal: no brake, no freeze,
//! no shadow mode. Nor does it count while the target is out of reach; a target that answers and fails, a proof that cannot
//! be had and tries that are used up are no excuse.

use crate::catalogue::{Catalogue, Policy};
use crate::desired::{Desired, Removal, Wish};
use crate::diff::is_sought;
use crate::sync::{Hold, State, Sync};
use crate::target::{Holding, Item, Person, Taken};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far ahead of the clock the time may begin: nothing is out of reach for longer than until its next probe, an hour
/// at most. What begins later was noted under a clock that was ahead (RELIABILITY I26).
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(2);

/// A removal that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// Since when it could have been made.
    pub since: Timestamp,
    /// From when on it is overdue: [`Policy::revoke_within`] after that.
    pub overdue_at: Timestamp,
}

impl Owed {
    fn from(since: Timestamp, within: SignedDuration) -> Self {
        Self { since, overdue_at: since.saturating_add(within).unwrap_or(Timestamp::MAX) }
    }

    /// The same, where nothing could be done before `until`.
    #[must_use]
    pub fn not_before(self, until: Timestamp) -> Self {
        if until <= self.since {
            return self;
        }
        Self::from(until, self.overdue_at.duration_since(self.since))
    }

    /// Whether it is past its time.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.overdue_at <= now
    }
}

/// What `sync` owes at `now`, where `desired` is what its target should hold. `None`: nothing is to be taken, or somebody
/// holds it back.
///
/// It goes on from what the row owed before. Of several items the one that ended first counts, and the shortest promise.
pub fn owed(desired: &Desired, sync: &Sync, catalogue: &Catalogue, now: Timestamp) -> Option<Owed> {
    let is_held = matches!(
        &sync.state,
        State::Held(Hold::Shadow | Hold::Brake { .. } | Hold::Frozen { .. } | Hold::Misconfigured { .. })
    );
    // Whatever else was once seen there, the target has been looked at and is as it should be.
    let is_done = matches!(sync.state, State::Applied) && sync.applied_generation == sync.generation;
    if is_held || is_done {
        return None;
    }
    let nobody = Person::default();
    let ended = desired.wishes().filter_map(|(holder, item, wish)| {
        let person = sync.observed.people.get(holder).unwrap_or(&nobody);
        let since = ended_at(item, wish, person)?;
        Some((since, catalogue.revoke_within(item)))
    });
    let (ended_at, within) = ended.reduce(|(a, b), (c, d)| (a.min(c), b.min(d)))?;
    let is_believable = |since: &Timestamp| *since <= now || since.duration_since(now) <= AHEAD_MAX;
    let known = sync.owed.map(|owed| owed.since).filter(is_believable).unwrap_or(now);
    // What ended since has its own time, also where something that ended before it was taken only now.
    Some(Owed::from(known.max(ended_at.min(now)), within))
}

/// When what `person` may still hold of `item` ended; `None`: they hold nothing of it that is to be taken.
fn ended_at(item: &Item, wish: &Wish, person: &Person) -> Option<Timestamp> {
    let Wish::Absent { since, removal, .. } = wish else { return None };
    // Nothing can be read, so the slack of the clock has to pass first.
    let waits_for_clock = matches!(removal, Removal::NeedsProof(objects) if objects.is_empty());
    if waits_for_clock || matches!(person.taken.get(item), Some(Taken::Contested { .. })) {
        return None;
    }
    let may_hold = match person.items.get(item) {
        Some(Holding::Absent { .. }) => false,
        Some(Holding::Present { .. } | Holding::Sent { .. } | Holding::Unknown { .. }) => true,
        None => is_sought(item, wish, person),
    };
    may_hold.then_some(*since)
}

impl Catalogue {
    /// How soon `item` must be gone once nothing gives it any more: the shortest promise of a plan that grants it.
    pub fn revoke_within(&self, item: &Item) -> SignedDuration {
        let gives = |plan: &&crate::catalogue::Plan| {
            let meanings = plan.grants.iter().filter_map(|id| self.entitlements.get(id));
            meanings.flat_map(|meaning| &meaning.items).any(|given| given == item)
        };
        let promised = self.plans.iter().filter(gives).map(|plan| plan.policy.revoke_within).min();
        promised.unwrap_or_else(|| Policy::default().revoke_within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Meaning, Plan};
    use crate::desired::Wishes;
    use crate::email::Email;
    use crate::id::{CustomerId, EntitlementId, PlanId};
    use crate::sync::Ended;
    use crate::target::{Failure, Holder, Target};
    use std::collections::{BTreeMap, BTreeSet};

    const COMMUNITY: Item = Item::CircleGroup(4012);
    const COURSE: Item = Item::CircleGroup(4013);

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    /// Two plans: the community, gone within the default of 15 minutes, and the course, gone within five.
    fn catalogue() -> Catalogue {
        let plan = |name: &str, policy: Policy| Plan {
            id: PlanId::new(name),
            title: name.to_owned(),
            goods: BTreeSet::new(),
            grants: [EntitlementId::new(name)].into(),
            policy,
            beneficiary: None,
        };
        let hasty = Policy { revoke_within: SignedDuration::from_mins(5), ..Policy::default() };
        let meaning = |item: &Item| Meaning { title: String::new(), items: [item.clone()].into() };
        Catalogue {
            plans: vec![plan("community", Policy::default()), plan("course", hasty)],
            entitlements: [("community", COMMUNITY), ("course", COURSE)]
                .map(|(name, item)| (EntitlementId::new(name), meaning(&item)))
                .into(),
            ..Catalogue::default()
        }
    }

    fn absent(ended_at: i64, removal: Removal) -> Wish {
        Wish::Absent { because: Vec::new(), since: at(ended_at), removal }
    }

    fn desired<const N: usize>(items: [(Item, Wish); N]) -> Desired {
        let address = Email::parse("ada@home.example").unwrap();
        let wishes = Wishes { address, name: None, items: items.into() };
        Desired { target: Target::Circle, holders: [(Holder::Customer, wishes)].into() }
    }

    /// A row whose person holds both items.
    fn row() -> Sync {
        let mut row = Sync::new(CustomerId::new("fdc_test"), Target::Circle, at(0));
        let held = Holding::Present { seen_at: at(0) };
        let items = BTreeMap::from([(COMMUNITY, held.clone()), (COURSE, held)]);
        row.observed.people.insert(Holder::Customer, Person { items, ..Person::default() });
        row
    }

    #[test]
    fn the_time_runs_from_when_the_end_is_known_and_is_that_of_the_plan() {
        let owes = |items| owed(&items, &row(), &catalogue(), at(20));
        let community = owes(desired([(COMMUNITY, absent(3, Removal::Proven))])).unwrap();
        assert_eq!(community, Owed { since: at(20), overdue_at: at(35) });
        assert_eq!((community.is_overdue(at(34)), community.is_overdue(at(35))), (false, true));
        let course = owes(desired([(COURSE, absent(3, Removal::Proven))]));
        assert_eq!(course, Some(Owed { since: at(20), overdue_at: at(25) }));
        let unproven = Removal::NeedsProof([key()].into());
        assert!(owes(desired([(COMMUNITY, absent(3, unproven))])).is_some(), "a proof that cannot be had");
        let of_the_clock = Removal::NeedsProof(BTreeSet::new());
        assert_eq!(owes(desired([(COMMUNITY, absent(3, of_the_clock))])), None);
        assert_eq!(owes(desired([(COMMUNITY, Wish::Want { because: Vec::new() })])), None);
        assert_eq!(owes(desired([(Item::CircleGroup(9), absent(3, Removal::Proven))])), None, "never seen");
    }

    fn key() -> crate::fact::Key {
        crate::fact::Key::new(
            &crate::id::SourceId::new("stripe"),
            crate::fact::Kind::Charge,
            "ch_1".to_owned(),
        )
    }

    #[test]
    fn what_somebody_holds_back_is_not_owed_until_they_let_go() {
        let desired = desired([(COMMUNITY, absent(3, Removal::Proven))]);
        let mut row = row();
        row.owed = owed(&desired, &row, &catalogue(), at(10));
        let name = String::from("x");
        for hold in [
            Hold::Shadow,
            Hold::Brake { name: name.clone() },
            Hold::Frozen { name, until: at(999) },
            Hold::Misconfigured { mapping: COMMUNITY.to_string() },
        ] {
            let held = Sync { state: State::Held(hold), ..row.clone() };
            assert_eq!(owed(&desired, &held, &catalogue(), at(40)), None, "{:?}", held.state);
            let freed = Sync { state: State::Due, owed: None, ..held };
            assert_eq!(owed(&desired, &freed, &catalogue(), at(50)).unwrap().since, at(50));
        }
        for state in [State::Held(Hold::Proof), State::Parked { why: "refused".to_owned() }, State::Unknown] {
            let stuck = Sync { state, ..row.clone() };
            assert_eq!(owed(&desired, &stuck, &catalogue(), at(40)), row.owed, "{:?}", stuck.state);
        }
        let done = Sync { state: State::Applied, applied_generation: 4, generation: 4, ..row.clone() };
        assert_eq!(owed(&desired, &done, &catalogue(), at(40)), None);
    }

    #[test]
    fn a_target_out_of_reach_has_its_time_again_and_one_that_fails_has_not() {
        let desired = desired([(COMMUNITY, absent(3, Removal::Proven))]);
        let mut row = row();
        row.owed = owed(&desired, &row, &catalogue(), at(10));
        let failed = Failure::Transient { why: "503".to_owned() };
        row.settle(Ended::Failed { step: "remove".to_owned(), failure: failed }, at(11), 0);
        let waits = |is_away| Ended::AccountWaits { until: at(70), why: "x".to_owned(), is_away };
        row.settle(waits(false), at(12), 0);
        assert_eq!(owed(&desired, &row, &catalogue(), at(12)).unwrap().since, at(10), "our own pace");
        row.settle(waits(true), at(13), 0);
        let owed = owed(&desired, &row, &catalogue(), at(13));
        assert_eq!(owed, Some(Owed { since: at(70), overdue_at: at(85) }));
        assert_eq!(row.owed, owed);
    }

    #[test]
    fn what_ended_later_has_its_own_time() {
        let proven = || Removal::Proven;
        let both = desired([(COMMUNITY, absent(0, proven())), (COURSE, absent(19, proven()))]);
        let mut row = row();
        row.owed = Some(Owed { since: at(1), overdue_at: at(16) });
        assert_eq!(owed(&both, &row, &catalogue(), at(20)), Some(Owed { since: at(1), overdue_at: at(6) }));
        let later = desired([(COURSE, absent(19, proven()))]);
        assert_eq!(owed(&later, &row, &catalogue(), at(20)).unwrap().since, at(19));
    }

    #[test]
    fn a_time_noted_under_a_clock_that_was_ahead_begins_anew() {
        let desired = desired([(COMMUNITY, absent(0, Removal::Proven))]);
        let mut row = row();
        row.owed = Some(Owed { since: at(9_999_999), overdue_at: at(9_999_999 + 15) });
        assert_eq!(owed(&desired, &row, &catalogue(), at(20)).unwrap().since, at(20));
    }
}
