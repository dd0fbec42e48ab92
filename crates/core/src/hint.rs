//! What a target says by itself of one person: a signed event of Kit, a call by a workflow of Circle.
//!
//! It is an observation like any other (DESIGN §1): it never decides access. What agrees with what was done is seen;
//! what is against it is confirmed by one read before anything follows; the rest changes nothing.

use crate::desired::{Wish, Wishes};
use crate::diff::{CIRCLE_LOOKS_AFTER, Outcome};
use crate::sweep::SETTLING;
use crate::sync::{State, Sync};
use crate::target::{Holder, Holding, Item, Membership, Person, Seen, Standing, Step, Taken, Target, Told};
use jiff::{SignedDuration, Timestamp};

/// How often unsigned messages may ask for a read of one person.
pub const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// How far a target's clock, which tells seconds, and ours may lie apart: what is older than what was seen by more
/// than this is stale.
pub const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(1);

/// What is said of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// They hold an item, or hold it no more.
    Holds {
        /// What.
        item: Item,
        /// Whether they hold it.
        present: bool,
    },
    /// How far they are there.
    Stands(Standing),
}

/// One message about one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Where.
    pub target: Target,
    /// The target's id of the person.
    pub person: u64,
    /// What is said.
    pub said: Said,
    /// When it happened, by the target's clock, where a signature proves it; `None`: nothing is believed but that a
    /// look may be worth it.
    pub proven_at: Option<Timestamp>,
    /// Who says so, in our words.
    pub by: String,
}

/// What a message comes to for one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// Nothing, and why.
    Nothing(&'static str),
    /// What was done is seen by it.
    Seen,
    /// One read is owed.
    Look,
}

/// The holder whom a message is about: the person with its id.
pub fn holder_of(row: &Sync, person: u64) -> Option<&Holder> {
    let known = |(_, known): &(&Holder, &Person)| known.membership.id() == Some(person);
    row.observed.people.iter().find(known).map(|(holder, _)| holder)
}

/// Takes a message in. `wishes` is what the record wants for `holder`.
pub fn take(row: &mut Sync, holder: &Holder, wishes: Option<&Wishes>, hint: &Hint, now: Timestamp) -> Took {
    let works = row.works();
    let Some(person) = row.observed.people.get_mut(holder) else {
        return Took::Nothing("nothing is known of the person");
    };
    let (item, present) = match &hint.said {
        Said::Stands(standing) => return stand(person, *standing, hint, now),
        Said::Holds { item, present } => (item, *present),
    };
    let Some(wish) = wishes.and_then(|wishes| wishes.items.get(item)) else {
        return Took::Nothing("nothing that is managed for this customer");
    };
    if matches!(person.taken.get(item), Some(Taken::Contested { .. })) {
        return Took::Nothing("the item is contested");
    }
    let holding = person.items.get(item).cloned();
    if let (Some(at), Some(Holding::Sent { present: sent, at: since })) = (hint.proven_at, &holding)
        && *sent == present
        && at.saturating_add(CLOCKS_APART).is_ok_and(|at| at >= *since)
    {
        let seen = if present { Holding::Present { seen_at: now } } else { Holding::Absent { seen_at: now } };
        person.items.insert(item.clone(), seen);
        row.retry(now);
        return Took::Seen;
    }
    let wanted = match wish {
        Wish::Want { .. } => true,
        Wish::Absent { .. } => false,
        Wish::Leave { .. } => return Took::Nothing("nothing that is managed for this customer"),
    };
    if wanted == present {
        return Took::Nothing("as it should be");
    }
    match (&holding, present) {
        (Some(Holding::Present { seen_at }), false) => {
            if hint.is_older_than(*seen_at) {
                return Took::Nothing("older than what was seen");
            }
        }
        (Some(Holding::Absent { seen_at }), true) => {
            if hint.is_older_than(*seen_at) {
                return Took::Nothing("older than what was seen");
            }
            // Whoever gives it long after it was taken off means it: it is listed by sweeps, and left.
            let at = hint.proven_at.unwrap_or(now);
            if at.duration_since(*seen_at) > SETTLING {
                return Took::Nothing("given by somebody else, and left");
            }
        }
        // A call may be under way that was carried out before this happened, and be answered after it.
        _ if works => {
            if hint.is_older_than(row.due_since) {
                return Took::Nothing("older than what is being done");
            }
        }
        _ => return Took::Nothing("the row waits, and is looked at before anything is done"),
    }
    let look_at = look_at(person, hint, now);
    person.told.insert(item.clone(), Told { present, look_at, by: hint.by.clone() });
    // A row that works or waits gets to it in its turn; one at rest is woken.
    if row.state == State::Applied {
        row.next_attempt_at = Some(row.next_attempt_at.map_or(look_at, |at| at.min(look_at)));
    }
    Took::Look
}

/// Takes note of a look that was asked for at `asked_at` and has been answered: what was to be looked at by then was.
/// What was told since is still owed one: the answer may be older than it.
pub fn looked(person: &mut Person, step: &Step, outcome: &Outcome, asked_at: Timestamp) {
    let (Step::Check { item, .. }, Ok(seen)) = (step, outcome) else { return };
    let shows_all = matches!(seen, Seen::HoldsOnly(_));
    if shows_all || matches!(seen, Seen::Holds | Seen::HoldsNot) {
        person.told.retain(|told_of, told| !(told.is_due(asked_at) && (shows_all || told_of == item)));
    }
}

impl Hint {
    fn is_older_than(&self, seen_at: Timestamp) -> bool {
        self.proven_at.is_some_and(|at| seen_at.duration_since(at) > CLOCKS_APART)
    }
}

/// When the read is due. Kit's reads are current at once, and its events are signed. Anybody who knows the URL can
/// make Circle's calls, and its reads lag: one look after that, and one in ten minutes for a person.
fn look_at(person: &mut Person, hint: &Hint, now: Timestamp) -> Timestamp {
    if hint.proven_at.is_some() {
        return now;
    }
    let soonest = now.saturating_add(CIRCLE_LOOKS_AFTER).unwrap_or(Timestamp::MAX);
    let again = person.hinted_at.and_then(|at| at.saturating_add(LOOK_EVERY).ok());
    let look_at = match person.hinted_at {
        // A look that is still to come is this one's too.
        Some(at) if at >= soonest && at.duration_since(now) <= LOOK_EVERY + CIRCLE_LOOKS_AFTER => at,
        Some(at) if at.duration_since(now) > LOOK_EVERY + CIRCLE_LOOKS_AFTER => soonest,
        _ => again.map_or(soonest, |again| again.max(soonest)),
    };
    person.hinted_at = Some(look_at);
    look_at
}

/// What was said of how far the person is there, unless something later was seen.
fn stand(person: &mut Person, told: Standing, hint: &Hint, now: Timestamp) -> Took {
    let (Some(at), Membership::Member { standing, seen_at, .. }) = (hint.proven_at, &mut person.membership)
    else {
        return Took::Nothing("nothing is known of the person");
    };
    if seen_at.duration_since(at) > CLOCKS_APART {
        return Took::Nothing("older than what was seen");
    }
    if *standing == told {
        return Took::Nothing("as it was");
    }
    *standing = told;
    *seen_at = at.min(now).max(*seen_at);
    Took::Seen
}
