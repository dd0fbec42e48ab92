//! The next step from what a target was seen to hold to what it should hold, one person at a time.
//!
//! There is no plan that is worked off: each answer is folded into the [`Person`] by [`fold`], and
//! [`next`] looks at the whole again. So a crash, a second node or a change of mind between two
//! steps needs no rule of its own.
//!
//! The order of steps and their price in calls follow DESIGN §5: a known member costs one call, an
//! unseen member two, an unseen person three; nothing is spent on asking whether somebody exists.

use crate::catalogue::NewSubscribers;
use crate::desired::{Removal, Wish, Wishes};
use crate::sync::{Hold, Sync};
use crate::target::{
    Failure, Holding, Item, Membership, Person, Seen, Standing, Step, Taken, Target, contest,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How long Circle's reads may lag behind a write whose outcome is unknown.
///
/// Source: `docs/providers.md`, Circle: `search` and the membership checks may lag up to 30 s;
/// 45 s leaves a margin (DESIGN §5).
pub const CIRCLE_LOOKS_AFTER: SignedDuration = SignedDuration::from_secs(45);

/// Looks that must find nobody before an invitation is sent again.
pub const ABSENT_LOOKS: u8 = 2;

/// Writes of one kind that may be answered without proof, and looked at in vain, before a person must look.
pub const DOUBTFUL_WRITES: u8 = 2;

/// The rules under which one row is looked at.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The target.
    pub target: Target,
    /// What becomes of buyers whom Kit does not know.
    pub new_subscribers: NewSubscribers,
    /// One read of the person is owed, because somebody looks at their page.
    pub look_wanted: bool,
    /// Reads may be spent on what the target's own messages say.
    pub looks: bool,
    /// The mass-change brake that holds removals, by name.
    pub brake: Option<String>,
    /// Items of the catalogue that do not exist at the target: they wait, the rest goes on.
    pub missing: BTreeSet<Item>,
}

/// What to do next for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Make this call.
    Step(Step),
    /// Nothing before this instant: reads there cannot be trusted yet.
    Wait {
        /// The instant.
        until: Timestamp,
        /// Whether an outcome is unknown (else: answered, not yet seen).
        unknown: bool,
    },
    /// Nothing until somebody or something lets go.
    Held(Hold),
    /// Nothing until a person says that it has ended: something else keeps undoing an item.
    Contested {
        /// What.
        item: Item,
        /// When and by what, in our words.
        why: String,
    },
    /// The target answers and does not do it: a person must look.
    Refused {
        /// What is not done, in our words.
        why: String,
    },
    /// All is as it should be.
    Settled,
}

/// The next step for a person.
///
/// `wishes` is what they should hold, `person` what is known of them. Grants come before looks
/// that only learn more, and removals come last: an upgrade never drops access in between.
pub fn next(wishes: &Wishes, person: &Person, rules: &Rules, now: Timestamp) -> Next {
    let wanted =
        wishes.items.iter().filter(|(_, wish)| matches!(wish, Wish::Want { .. })).map(|(item, _)| item);
    let (missing, wants): (BTreeSet<&Item>, BTreeSet<&Item>) =
        wanted.partition(|item| rules.missing.contains(*item));
    match &person.membership {
        Membership::Moved { id, .. } => return Next::Step(Step::Read { id: *id }),
        Membership::Unknown { look_at, .. } if rules.target == Target::Circle => {
            if is_ahead(*look_at, now) {
                return Next::Wait { until: *look_at, unknown: true };
            }
            return Next::Step(Step::Find { address: wishes.address.clone() });
        }
        Membership::Gone { .. } if !wants.is_empty() => return Next::Held(Hold::Person),
        _ => {}
    }

    let mut wait: Option<(Timestamp, bool)> = None;
    let mut later = |until: Timestamp, unknown: bool| {
        let sooner = wait.is_none_or(|(at, _)| until < at);
        if sooner {
            wait = Some((until, unknown));
        }
    };

    let mut refused = None;
    let mut hold = None;
    let contested = contested(wishes, person);
    for item in &wants {
        match person.taken.get(*item) {
            Some(Taken::LeftOut { .. }) => {
                hold = Some(Hold::Person);
                continue;
            }
            Some(Taken::Contested { .. }) => continue,
            _ => {}
        }
        if is_to_be_looked_at(item, person, rules, now) {
            return check(item, wishes, person);
        }
        match person.items.get(*item) {
            Some(Holding::Present { .. }) => {}
            Some(Holding::Sent { present: true, at }) => match look(rules.target, *at) {
                until if is_ahead(until, now) => later(until, false),
                _ => return check(item, wishes, person),
            },
            Some(Holding::Unknown { look_at, .. }) if rules.target == Target::Circle => {
                if !is_ahead(*look_at, now) {
                    return check(item, wishes, person);
                }
                later(*look_at, true);
            }
            Some(Holding::Absent { .. } | Holding::Sent { present: false, .. } | Holding::Unknown { .. })
            | None => match give(item, wishes, person, rules) {
                Some(step) if is_doubted(person, &step) => refused = Some(step.name()),
                Some(step) => return Next::Step(step),
                None => {}
            },
        }
    }

    if let Some(step) = learn(!wants.is_empty(), wishes, person, rules) {
        return Next::Step(step);
    }

    hold = hold.or_else(|| missing.first().map(|item| Hold::Misconfigured { mapping: item.to_string() }));
    for (item, wish) in &wishes.items {
        let Wish::Absent { removal, .. } = wish else { continue };
        // What the target does not have, nobody holds there.
        if rules.missing.contains(item) || matches!(person.taken.get(item), Some(Taken::Contested { .. })) {
            continue;
        }
        if is_to_be_looked_at(item, person, rules, now) {
            return check(item, wishes, person);
        }
        match person.items.get(item) {
            // A person named them and it: whether there is anything to take is worth a look, unless nobody is there.
            None if is_sought(item, wish, person) => return check(item, wishes, person),
            // What we never saw there is not ours to take: it is listed and left.
            None | Some(Holding::Absent { .. }) => {}
            Some(Holding::Unknown { look_at, .. }) if rules.target == Target::Circle => {
                if !is_ahead(*look_at, now) {
                    return check(item, wishes, person);
                }
                later(*look_at, true);
            }
            Some(Holding::Sent { present: false, at }) => match look(rules.target, *at) {
                until if is_ahead(until, now) => later(until, false),
                _ => return check(item, wishes, person),
            },
            Some(Holding::Present { .. } | Holding::Sent { .. } | Holding::Unknown { .. }) => {
                match (removal, &rules.brake) {
                    (Removal::NeedsProof(_), _) => hold = hold.or(Some(Hold::Proof)),
                    (Removal::Proven, Some(name)) => hold = hold.or(Some(Hold::Brake { name: name.clone() })),
                    (Removal::Proven, None) => {
                        let step = Step::Remove {
                            item: item.clone(),
                            address: address(wishes, person),
                            id: person.membership.id(),
                        };
                        if !is_doubted(person, &step) {
                            return Next::Step(step);
                        }
                        refused = refused.or(Some(step.name()));
                    }
                }
            }
        }
    }

    match (wait, refused, hold) {
        (Some((until, unknown)), _, _) => Next::Wait { until, unknown },
        (None, Some(step), _) => {
            Next::Refused { why: format!("`{step}` was answered {DOUBTFUL_WRITES} times and never done") }
        }
        (None, None, Some(hold)) => Next::Held(hold),
        (None, None, None) => match contested {
            Some((item, why)) => Next::Contested { item, why },
            None => Next::Settled,
        },
    }
}

/// The first item that something else keeps undoing.
fn contested(wishes: &Wishes, person: &Person) -> Option<(Item, String)> {
    person.taken.iter().filter(|(item, _)| wishes.items.contains_key(*item)).find_map(|(item, taken)| {
        let Taken::Contested { wanted, first, again } = taken else { return None };
        Some((item.clone(), contest(item, *wanted, first, again)))
    })
}

/// Whether a message says something of the item that one read is owed.
fn is_to_be_looked_at(item: &Item, person: &Person, rules: &Rules, now: Timestamp) -> bool {
    rules.looks && person.is_told_otherwise(item).is_some_and(|told| told.is_due(now))
}

/// Whether a write was answered too often without being done.
fn is_doubted(person: &Person, step: &Step) -> bool {
    person.doubts.about(step) >= DOUBTFUL_WRITES
}

/// Whether anything that is to go waits only for a brake or would be a removal right now.
pub fn would_remove(wishes: &Wishes, person: &Person, rules: &Rules, now: Timestamp) -> bool {
    let free = Rules { brake: None, ..rules.clone() };
    matches!(next(wishes, person, &free, now), Next::Step(Step::Remove { .. }))
}

/// Whether `item` is to be looked for with `person`, because somebody revoked it and it was never seen there. Not where the
/// target is known not to have them.
pub(crate) fn is_sought(item: &Item, wish: &Wish, person: &Person) -> bool {
    let is_nobody = matches!(person.membership, Membership::NotMember { .. });
    wish.is_revoked() && !person.items.contains_key(item) && !is_nobody
}

/// Until when an invitation waits because one for another record may have been sent: `others` are the rows of records that
/// share a member or an address, who are one person to the target. `None`: none is in doubt.
///
/// Each row looks before it repeats its own call; of another's it knows nothing (RELIABILITY I15, I17).
pub fn in_doubt_elsewhere<'a>(others: impl Iterator<Item = &'a Sync>, now: Timestamp) -> Option<Timestamp> {
    let people = others.flat_map(|sync| sync.observed.people.values());
    let in_doubt = people.filter_map(|person| match person.membership {
        Membership::Unknown { look_at, .. } => Some(look_at),
        _ => None,
    });
    in_doubt.filter(|look_at| is_ahead(*look_at, now)).max()
}

/// Whether a look is still to come. One that lies further off than any look is put off was noted under a clock that
/// was ahead: it is due now, or its row would wait for years (RELIABILITY I26).
fn is_ahead(look_at: Timestamp, now: Timestamp) -> bool {
    now < look_at && look_at.duration_since(now) <= CIRCLE_LOOKS_AFTER
}

/// When a target's answer that proved nothing is worth a read.
fn look(target: Target, answered_at: Timestamp) -> Timestamp {
    match target {
        Target::Circle => answered_at.saturating_add(CIRCLE_LOOKS_AFTER).unwrap_or(Timestamp::MAX),
        // By-id reads and the tags of a subscriber are current at once (providers, Kit).
        Target::Kit => answered_at,
    }
}

/// The address under which the target knows the person, else the one of the record.
fn address(wishes: &Wishes, person: &Person) -> crate::email::Email {
    match &person.membership {
        Membership::Member { address, .. } => address.clone(),
        _ => wishes.address.clone(),
    }
}

fn check(item: &Item, wishes: &Wishes, person: &Person) -> Next {
    Next::Step(Step::Check {
        item: item.clone(),
        address: address(wishes, person),
        id: person.membership.id(),
    })
}

/// The call that brings the person closer to holding `item`; `None` when the operator wants
/// buyers unknown to the target left out.
fn give(item: &Item, wishes: &Wishes, person: &Person, rules: &Rules) -> Option<Step> {
    let enrol =
        |confirmed| Step::Enrol { address: wishes.address.clone(), name: wishes.name.clone(), confirmed };
    let add =
        || Step::Add { item: item.clone(), address: address(wishes, person), id: person.membership.id() };
    Some(match (rules.target, &person.membership) {
        (Target::Circle, Membership::NotMember { .. }) => enrol(true),
        (Target::Circle, _) | (Target::Kit, Membership::Member { .. }) => add(),
        (Target::Kit, membership) => match rules.new_subscribers {
            NewSubscribers::Add => enrol(true),
            NewSubscribers::Unconfirmed => enrol(false),
            NewSubscribers::Leave if matches!(membership, Membership::NotMember { .. }) => return None,
            NewSubscribers::Leave => Step::Find { address: wishes.address.clone() },
        },
    })
}

/// The one read that teaches what a grant did not say: who the person is there, and whether they
/// accepted the invitation.
fn learn(wants_any: bool, wishes: &Wishes, person: &Person, rules: &Rules) -> Option<Step> {
    if !wants_any || rules.target != Target::Circle {
        return None;
    }
    match &person.membership {
        Membership::Unseen => Some(Step::Find { address: wishes.address.clone() }),
        Membership::Member { id, standing: Standing::Invited | Standing::Known, .. } if rules.look_wanted => {
            Some(Step::Read { id: *id })
        }
        _ => None,
    }
}

/// Whether the person is known by an id that is theirs at present.
const fn is_known(membership: &Membership) -> bool {
    matches!(membership, Membership::Member { .. } | Membership::Moved { .. })
}

/// What a call came back with: something seen, or a failure.
pub type Outcome = Result<Seen, Failure>;

/// What is known of a person after `step` came back with `outcome`.
///
/// `now` is when the answer came. Failures that certainly changed nothing leave all as it was.
#[must_use]
pub fn fold(mut person: Person, target: Target, step: &Step, outcome: &Outcome, now: Timestamp) -> Person {
    let trusted = look(target, now);
    let seen = match outcome {
        Ok(seen) => seen,
        Err(Failure::Unknown { .. }) => {
            match step {
                Step::Add { item, .. } => {
                    person.items.insert(item.clone(), Holding::Unknown { present: true, look_at: trusted });
                }
                Step::Remove { item, .. } => {
                    person.items.insert(item.clone(), Holding::Unknown { present: false, look_at: trusted });
                }
                // At Kit the same call twice is one: it takes away nothing that is known. Nor is anything looked for there, so
                // that what is forgotten here would be learnt by nobody, and sweeps pass over who is unknown.
                Step::Enrol { .. } if target == Target::Kit && is_known(&person.membership) => {}
                Step::Enrol { .. } => person.membership = Membership::Unknown { look_at: trusted, absent: 0 },
                Step::Find { .. } | Step::Read { .. } | Step::Check { .. } => {}
            }
            return person;
        }
        Err(
            Failure::Transient { .. }
            | Failure::Throttled { .. }
            | Failure::Unauthorized { .. }
            | Failure::Rejected { .. }
            | Failure::Misconfigured { .. }
            | Failure::CappedUntil { .. },
        ) => return person,
    };
    person.doubts.note(step, seen);
    match (step, seen) {
        (Step::Add { item, .. }, Seen::Done | Seen::Holds) | (Step::Check { item, .. }, Seen::Holds) => {
            person.items.insert(item.clone(), Holding::Present { seen_at: now });
        }
        (Step::Remove { item, .. }, Seen::Done | Seen::HoldsNot)
        | (Step::Check { item, .. } | Step::Add { item, .. }, Seen::HoldsNot) => {
            person.items.insert(item.clone(), Holding::Absent { seen_at: now });
        }
        (Step::Add { item, .. }, Seen::Accepted) => {
            person.items.insert(item.clone(), Holding::Sent { present: true, at: now });
        }
        (Step::Remove { item, .. }, Seen::Accepted) => {
            person.items.insert(item.clone(), Holding::Sent { present: false, at: now });
        }
        // Words that prove nothing are settled by one read, at once. Where that read was in vain and the words came
        // again, an earlier write whose answer was lost may have done it, and reads lag behind it: the last look
        // before a person is asked is one that can be trusted.
        (Step::Add { item, .. } | Step::Remove { item, .. }, Seen::LookFirst) => {
            let look_at = if is_doubted(&person, step) { trusted } else { now };
            let present = matches!(step, Step::Add { .. });
            person.items.insert(item.clone(), Holding::Unknown { present, look_at });
        }
        (Step::Check { .. }, Seen::HoldsOnly(held)) => {
            let known: BTreeSet<Item> = person.items.keys().cloned().chain(held.iter().cloned()).collect();
            for item in known {
                let is_held = held.contains(&item);
                person.items.insert(
                    item,
                    if is_held {
                        Holding::Present { seen_at: now }
                    } else {
                        Holding::Absent { seen_at: now }
                    },
                );
            }
            if let Step::Check { item, .. } = step {
                person.items.entry(item.clone()).or_insert(Holding::Absent { seen_at: now });
            }
        }
        // A check by address alone finds the person first; the check by id follows.
        (
            Step::Enrol { .. } | Step::Find { .. } | Step::Read { .. } | Step::Check { .. },
            Seen::Person { id, address, standing, fresh },
        ) => {
            if *fresh && *standing == Standing::Invited && target == Target::Circle {
                person.invited_at = Some(now);
            }
            // An invitation whose answer was lost is found here: it went out when we look at it.
            if *standing == Standing::Invited && matches!(person.membership, Membership::Unknown { .. }) {
                person.invited_at = person.invited_at.or(Some(now));
            }
            person.membership =
                Membership::Member { id: *id, address: address.clone(), standing: *standing, seen_at: now };
        }
        (Step::Enrol { .. }, Seen::SomePerson | Seen::Accepted | Seen::LookFirst | Seen::Done) => {
            person.membership = Membership::Unknown { look_at: now, absent: 0 };
        }
        (Step::Find { .. }, Seen::NoPerson) => person = nobody_found(person, trusted, now),
        (
            Step::Add { address, .. } | Step::Remove { address, .. } | Step::Check { address, .. },
            Seen::NoPerson,
        ) => {
            person = address_unknown(person, step, address, trusted, now);
        }
        (
            Step::Add { id, address, .. }
            | Step::Remove { id, address, .. }
            | Step::Check { id, address, .. },
            Seen::NoSuchId,
        ) => {
            person.membership = match id {
                Some(id) => Membership::Moved { id: *id, address: address.clone() },
                None => Membership::Unseen,
            };
        }
        (Step::Read { id }, Seen::NoSuchId | Seen::NoPerson) => {
            person = nobody_by_id(person, target, *id, now);
        }
        // An answer that does not fit its question teaches nothing.
        _ => {}
    }
    person
}

/// A search found nobody.
fn nobody_found(mut person: Person, look_at: Timestamp, now: Timestamp) -> Person {
    let absent = match &person.membership {
        Membership::Unknown { absent, .. } => absent.saturating_add(1),
        // A search may lag behind the grant that went before it.
        Membership::Unseen if person.items.values().any(is_ours) => 1,
        Membership::Unseen | Membership::NotMember { .. } => ABSENT_LOOKS,
        Membership::Member { id, address, .. } => {
            person.membership = Membership::Moved { id: *id, address: address.clone() };
            return person;
        }
        Membership::Moved { .. } | Membership::Gone { .. } => return person,
    };
    if absent < ABSENT_LOOKS {
        person.membership = Membership::Unknown { look_at, absent };
        return person;
    }
    person.membership = Membership::NotMember { seen_at: now };
    for holding in person.items.values_mut() {
        *holding = Holding::Absent { seen_at: now };
    }
    person
}

/// A write or a check said that it knows nobody at the address.
fn address_unknown(
    mut person: Person,
    step: &Step,
    address: &crate::email::Email,
    look_at: Timestamp,
    now: Timestamp,
) -> Person {
    person.membership = match (&person.membership, step) {
        (Membership::Member { id, .. }, _) => Membership::Moved { id: *id, address: address.clone() },
        // "Not there" is no proof that something was taken away: look, and not just once.
        (_, Step::Remove { .. }) => Membership::Unknown { look_at, absent: 1 },
        (_, _) => {
            for holding in person.items.values_mut() {
                *holding = Holding::Absent { seen_at: now };
            }
            Membership::NotMember { seen_at: now }
        }
    };
    person
}

/// The target knows nobody by the stored id.
fn nobody_by_id(mut person: Person, target: Target, id: u64, now: Timestamp) -> Person {
    let held_ours = person.items.values().any(is_ours);
    for holding in person.items.values_mut() {
        *holding = Holding::Absent { seen_at: now };
    }
    person.membership = if held_ours && target == Target::Circle {
        Membership::Gone { id, seen_at: now }
    } else {
        Membership::NotMember { seen_at: now }
    };
    person
}

const fn is_ours(holding: &Holding) -> bool {
    matches!(
        holding,
        Holding::Present { .. }
            | Holding::Sent { present: true, .. }
            | Holding::Unknown { present: true, .. }
    )
}
