//! Freezes: a person holds back what would be written to a target, to everyone or for one plan or person. Observing
//! goes on, and when it thaws only the final state is applied (DESIGN §5).

use crate::id::{CustomerId, PlanId};
use crate::target::Target;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// What a freeze covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// Every target that gives no access.
    Marketing,
    /// One target.
    Target(Target),
    /// Everyone who ever bought a plan, in every target.
    Plan(PlanId),
    /// One person, in every target.
    Person(CustomerId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marketing => f.write_str("marketing"),
            Self::Target(target) => write!(f, "target:{target}"),
            Self::Plan(plan) => write!(f, "plan:{plan}"),
            Self::Person(customer) => write!(f, "person:{customer}"),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let scope = match text.split_once(':') {
            None if text == "marketing" => Some(Self::Marketing),
            Some(("target", word)) => Target::parse(word).map(Self::Target),
            Some(("plan", id)) => Some(Self::Plan(PlanId::new(id))),
            Some(("person", id)) => Some(Self::Person(CustomerId::new(id))),
            _ => None,
        };
        scope.ok_or_else(|| format!("`{text}` is nothing that can be frozen"))
    }
}

impl Scope {
    /// Whether it covers the row of `customer`, who bought `plans`, in `target`.
    pub fn covers(&self, target: Target, customer: &CustomerId, plans: &BTreeSet<PlanId>) -> bool {
        match self {
            Self::Marketing => !target.gives_access(),
            Self::Target(frozen) => *frozen == target,
            Self::Plan(plan) => plans.contains(plan),
            Self::Person(person) => person == customer,
        }
    }

    /// What goes on all the same, in our words: a freeze holds our own writes and nothing else.
    pub fn goes_on(&self) -> Vec<&'static str> {
        const KIT: &str = "whatever Kit began already: automations that a tag started, scheduled broadcasts; pause those in Kit";
        const CIRCLE: &str =
            "invitations that are out can still be accepted, and members keep what they hold";
        const OURS: &str = "events are taken in, records are kept, the targets are read";
        const ONE_ROW: &str =
            "other plans of the same people wait along: a person is brought in line as a whole";
        match self {
            Self::Marketing | Self::Target(Target::Kit) => vec![KIT, OURS],
            Self::Target(Target::Circle) => vec![CIRCLE, OURS],
            Self::Plan(_) => vec![KIT, CIRCLE, ONE_ROW, OURS],
            Self::Person(_) => vec![KIT, CIRCLE, OURS],
        }
    }
}

/// One freeze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// The name by which it is thawed.
    pub name: String,
    /// What it covers.
    pub scope: Scope,
    /// Since when.
    pub since: Timestamp,
    /// Until when, unless it is thawed before.
    pub until: Timestamp,
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// When a person thawed it.
    pub ended_at: Option<Timestamp>,
    /// Who thawed it.
    pub ended_by: Option<String>,
}

impl Freeze {
    /// Whether it holds now.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.until
    }
}

/// The freeze that holds a row longest, if any does.
pub fn holding<'a>(
    freezes: &'a [Freeze],
    target: Target,
    customer: &CustomerId,
    plans: &BTreeSet<PlanId>,
    now: Timestamp,
) -> Option<&'a Freeze> {
    freezes
        .iter()
        .filter(|freeze| freeze.holds(now) && freeze.scope.covers(target, customer, plans))
        .max_by_key(|freeze| freeze.until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn freeze(scope: Scope, until: i64) -> Freeze {
        Freeze {
            name: format!("{scope}-{until}"),
            scope,
            since: at(0),
            until: at(until),
            by: "ada".to_owned(),
            reason: "launch".to_owned(),
            ended_at: None,
            ended_by: None,
        }
    }

    #[test]
    fn a_scope_covers_what_it_names() {
        let (ada, pro) = (CustomerId::new("fdc_ada"), [PlanId::new("pro")].into());
        for (scope, circle, kit) in [
            (Scope::Marketing, false, true),
            (Scope::Target(Target::Circle), true, false),
            (Scope::Plan(PlanId::new("pro")), true, true),
            (Scope::Plan(PlanId::new("basic")), false, false),
            (Scope::Person(ada.clone()), true, true),
            (Scope::Person(CustomerId::new("fdc_bob")), false, false),
        ] {
            assert_eq!(scope.covers(Target::Circle, &ada, &pro), circle, "{scope}");
            assert_eq!(scope.covers(Target::Kit, &ada, &pro), kit, "{scope}");
            assert_eq!(Scope::try_from(String::from(scope.clone())), Ok(scope));
        }
    }

    #[test]
    fn the_freeze_that_lasts_longest_holds() {
        let ada = CustomerId::new("fdc_ada");
        let mut freezes = vec![freeze(Scope::Marketing, 50), freeze(Scope::Person(ada.clone()), 90)];
        let held = |freezes: &[Freeze], now| {
            holding(freezes, Target::Kit, &ada, &BTreeSet::new(), at(now)).map(|freeze| freeze.until)
        };
        assert_eq!(held(&freezes, 10), Some(at(90)));
        assert_eq!(held(&freezes, 90), None, "a freeze ends by itself");
        freezes[1].ended_at = Some(at(20));
        assert_eq!(held(&freezes, 30), Some(at(50)), "thawing one leaves the other");
    }
}
