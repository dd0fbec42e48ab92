//! Targets: what they can hold for a person, what they were seen to hold, and what a call to them
//! can come back with.
//!
//! Everything known about one person in one target is an [`Observed`] value. Answers are folded
//! into it, and [`crate::diff`] derives the next step from it: there is no memory of steps.

mod doubts;
mod taken;

pub use doubts::Doubts;
pub use taken::{Taken, Told, Undone, contest};

use crate::email::Email;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A system in which Frontdesk makes the desired state true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The community: access. Goes first.
    Circle,
    /// The mailing list: marketing.
    Kit,
}

impl Target {
    /// All targets, access before marketing.
    pub const ALL: [Self; 2] = [Self::Circle, Self::Kit];

    /// The target as one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Circle => "circle",
            Self::Kit => "kit",
        }
    }

    /// The target's name as people write it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Circle => "Circle",
            Self::Kit => "Kit",
        }
    }

    /// The inverse of [`Target::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.as_str() == word)
    }

    /// Whether it gives access: only then does a parked row change what the customer sees.
    pub const fn gives_access(self) -> bool {
        matches!(self, Self::Circle)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that a target can hold for a person and that the catalogue manages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Item {
    /// Membership of a Circle access group, by id.
    CircleGroup(u64),
    /// Membership of a Circle space, by id.
    CircleSpace(u64),
    /// A Kit tag, by its name in lower case (Kit compares names ignoring case).
    KitTag(String),
}

impl Item {
    /// The target that holds it.
    pub const fn target(&self) -> Target {
        match self {
            Self::CircleGroup(_) | Self::CircleSpace(_) => Target::Circle,
            Self::KitTag(_) => Target::Kit,
        }
    }

    /// A Kit tag by its name as written.
    pub fn kit_tag(name: &str) -> Self {
        Self::KitTag(name.trim().to_lowercase())
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CircleGroup(id) => write!(f, "circle:group:{id}"),
            Self::CircleSpace(id) => write!(f, "circle:space:{id}"),
            Self::KitTag(name) => write!(f, "kit:tag:{name}"),
        }
    }
}

impl From<Item> for String {
    fn from(item: Item) -> Self {
        item.to_string()
    }
}

impl TryFrom<String> for Item {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let unknown = || format!("`{text}` names nothing that a target can hold");
        let number = |digits: &str| digits.parse().map_err(|_| unknown());
        match text.split_once(':').and_then(|(_, rest)| rest.split_once(':')) {
            Some(("group", id)) => Ok(Self::CircleGroup(number(id)?)),
            Some(("space", id)) => Ok(Self::CircleSpace(number(id)?)),
            Some(("tag", name)) => Ok(Self::kit_tag(name)),
            _ => Err(unknown()),
        }
    }
}

/// Who holds what was bought.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Holder {
    /// The customer.
    Customer,
    /// Somebody else, named by the operator's own server on the purchase.
    Beneficiary(Email),
}

impl From<Holder> for String {
    fn from(holder: Holder) -> Self {
        match holder {
            Holder::Customer => "customer".to_owned(),
            Holder::Beneficiary(address) => address.as_str().to_owned(),
        }
    }
}

impl TryFrom<String> for Holder {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "customer" {
            return Ok(Self::Customer);
        }
        Email::parse(&text).map(Self::Beneficiary).ok_or_else(|| format!("`{text}` is no holder"))
    }
}

/// How a target knows a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Membership {
    /// Never asked.
    #[default]
    Unseen,
    /// A call that may have made the person a member got no answer. Look first, and not before
    /// `look_at`; `absent` counts the looks that found nobody.
    Unknown {
        /// When the target's reads can be trusted to show it.
        look_at: Timestamp,
        /// Looks so far that found nobody.
        absent: u8,
    },
    /// The target does not know the address.
    NotMember {
        /// When it said so.
        seen_at: Timestamp,
    },
    /// The target knows the person.
    Member {
        /// Its own id of the person (Circle member id, Kit subscriber id).
        id: u64,
        /// The address under which it knows the person.
        address: Email,
        /// How far the person is there.
        standing: Standing,
        /// When this was seen.
        seen_at: Timestamp,
    },
    /// The target answered that it knows nobody at the address of a person whose id is known: the
    /// address may have changed there. Read by id before anything else.
    Moved {
        /// The id known so far.
        id: u64,
        /// The address that no longer leads there.
        address: Email,
    },
    /// The target knew the person, who held something of ours, and knows nobody by that id any
    /// more: a person deactivated or banned them there, or they left.
    Gone {
        /// The id they had.
        id: u64,
        /// When the target said so.
        seen_at: Timestamp,
    },
}

impl Membership {
    /// The target's id of the person, when it has one.
    pub const fn id(&self) -> Option<u64> {
        match self {
            Self::Member { id, .. } | Self::Moved { id, .. } => Some(*id),
            Self::Unseen | Self::Unknown { .. } | Self::NotMember { .. } | Self::Gone { .. } => None,
        }
    }

    /// The address under which the target knows the person, or last did.
    pub const fn address(&self) -> Option<&Email> {
        match self {
            Self::Member { address, .. } | Self::Moved { address, .. } => Some(address),
            Self::Unseen | Self::Unknown { .. } | Self::NotMember { .. } | Self::Gone { .. } => None,
        }
    }
}

/// How far a person is in a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Circle: invited, not yet accepted. Kit: unconfirmed.
    Invited,
    /// Circle: confirmed profile. Kit: gets mail.
    Active,
    /// Kit: unsubscribed, bounced or complained. Tags still hold.
    OptedOut,
    /// Known, and the target did not say how far.
    Known,
}

/// What is known of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Holding {
    /// Seen there.
    Present {
        /// When.
        seen_at: Timestamp,
    },
    /// Seen to be absent.
    Absent {
        /// When.
        seen_at: Timestamp,
    },
    /// The target answered, but not in the way that proves it: to be looked at.
    Sent {
        /// What it should be now.
        present: bool,
        /// When the target answered.
        at: Timestamp,
    },
    /// A call that may have changed it got no answer. Look first, and not before `look_at`.
    Unknown {
        /// What the call would have made of it.
        present: bool,
        /// When the target's reads can be trusted to show it.
        look_at: Timestamp,
    },
}

/// What a target was last seen to hold for one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// How the target knows them.
    pub membership: Membership,
    /// When our invitation went out, as the target confirmed.
    pub invited_at: Option<Timestamp>,
    /// What is known of each managed item. An item that is not here was never looked at.
    pub items: BTreeMap<Item, Holding>,
    /// Writes that the target answered and that a look did not confirm.
    #[serde(default, skip_serializing_if = "Doubts::is_empty")]
    pub doubts: Doubts,
    /// Items that something else changed there against what the record wants, and what became of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken: BTreeMap<Item, Taken>,
    /// What the target's own messages say against what is known; to be confirmed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub told: BTreeMap<Item, Told>,
    /// When the last look falls that an unsigned message asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hinted_at: Option<Timestamp>,
    /// The target's id of somebody who a person said they are, and could not be: the target knows them under another by
    /// then, or that one is somebody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_met: Option<u64>,
}

/// What a target was last seen to hold for a customer and for those who benefit from the
/// customer's purchases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Observed {
    /// By holder.
    pub people: BTreeMap<Holder, Person>,
}

impl Person {
    /// Takes a person's word for who this is at the target: whoever has `id` there. Returns whether that is new.
    ///
    /// # Errors
    ///
    /// The target knows them under another id, which is answered; nothing is changed.
    pub fn meet(&mut self, id: u64, address: &Email, now: Timestamp) -> Result<bool, u64> {
        match self.membership.id() {
            Some(known) if known == id => Ok(false),
            Some(known) => Err(known),
            None => {
                let address = address.clone();
                self.membership = Membership::Member { id, address, standing: Standing::Known, seen_at: now };
                Ok(true)
            }
        }
    }

    /// Whether they were last seen to hold an item.
    pub fn holds(&self, item: &Item) -> bool {
        matches!(self.items.get(item), Some(Holding::Present { .. }))
    }

    /// Whether what a message says of an item is against what is known.
    pub fn is_told_otherwise(&self, item: &Item) -> Option<&Told> {
        self.told.get(item).filter(|told| match self.items.get(item) {
            Some(Holding::Present { .. }) => !told.present,
            Some(Holding::Absent { .. }) => told.present,
            _ => false,
        })
    }
}

impl Observed {
    /// When the next look is due that a message asked for, after `now`.
    pub fn next_look(&self, now: Timestamp) -> Option<Timestamp> {
        let told = self.people.values().flat_map(|person| person.told.values());
        told.map(|told| told.look_at).filter(|at| *at > now).min()
    }

    /// Items that something else keeps undoing.
    pub fn contested(&self) -> impl Iterator<Item = &Item> {
        let taken = self.people.values().flat_map(|person| &person.taken);
        taken.filter(|(_, taken)| matches!(taken, Taken::Contested { .. })).map(|(item, _)| item)
    }

    /// Doubts that the person with this address or id still holds an item, because another record that shares them is
    /// about to take it: it is looked at again, and given again where it is wanted. Returns whether anything changed.
    pub fn doubt(&mut self, item: &Item, address: &Email, id: Option<u64>, now: Timestamp) -> bool {
        let mut changed = false;
        for person in self.people.values_mut() {
            let same_address =
                matches!(&person.membership, Membership::Member { address: theirs, .. } if theirs == address);
            if !same_address && (id.is_none() || person.membership.id() != id) {
                continue;
            }
            if let Some(held @ (Holding::Present { .. } | Holding::Sent { present: true, .. })) =
                person.items.get_mut(item)
            {
                *held = Holding::Unknown { present: false, look_at: now };
                changed = true;
            }
        }
        changed
    }
}

/// One call to a target, as the core wants it. The wire format is `providers`' business.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Step {
    /// Give the item to the person at this address.
    Add {
        /// What.
        item: Item,
        /// To whom.
        address: Email,
        /// Their id there, if known.
        id: Option<u64>,
    },
    /// Take the item from the person at this address.
    Remove {
        /// What.
        item: Item,
        /// From whom.
        address: Email,
        /// Their id there, if known.
        id: Option<u64>,
    },
    /// Make the person known to the target: an invitation (Circle), a subscriber (Kit).
    Enrol {
        /// Who.
        address: Email,
        /// Their name, if known.
        name: Option<String>,
        /// Kit: whether they are added as confirmed. Circle ignores it.
        confirmed: bool,
    },
    /// Find the person by address.
    Find {
        /// The address.
        address: Email,
    },
    /// Read the person by id.
    Read {
        /// The id.
        id: u64,
    },
    /// Read whether the person holds the item.
    Check {
        /// The item.
        item: Item,
        /// The address.
        address: Email,
        /// Their id there, if known.
        id: Option<u64>,
    },
}

impl Step {
    /// Whether it may change something at the target.
    pub const fn writes(&self) -> bool {
        matches!(self, Self::Add { .. } | Self::Remove { .. } | Self::Enrol { .. })
    }

    /// Whether repeating it could act twice on a person: an invitation is a message.
    pub const fn is_message(&self) -> bool {
        matches!(self, Self::Enrol { .. })
    }

    /// The step's name in logs, the ledger and the audit log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Remove { .. } => "remove",
            Self::Enrol { .. } => "enrol",
            Self::Find { .. } => "find",
            Self::Read { .. } => "read",
            Self::Check { .. } => "check",
        }
    }
}

/// What a target showed in answer to one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "saw", rename_all = "snake_case")]
pub enum Seen {
    /// The documented success of an add or a removal: seen.
    Done,
    /// A success that proves nothing: to be looked at.
    Accepted,
    /// The person, as asked for or as made. `fresh`: this very call made them.
    Person {
        /// The target's id.
        id: u64,
        /// The address there.
        address: Email,
        /// How far they are.
        standing: Standing,
        /// Whether the call made them (an invitation went out).
        fresh: bool,
    },
    /// A success that did not say which person: find them.
    SomePerson,
    /// Nobody at that address.
    NoPerson,
    /// Nobody with that id.
    NoSuchId,
    /// The person holds the item.
    Holds,
    /// The person does not hold the item.
    HoldsNot,
    /// All managed items that the person holds; what is not listed is absent.
    HoldsOnly(Vec<Item>),
    /// "Exists already" or "nothing to do" in words that prove nothing: look.
    LookFirst,
}

/// Why a call did not do what it should, as a decision (DESIGN §5). Made once, in `providers`,
/// from status and text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum Failure {
    /// Certainly not done; back off and try again.
    Transient {
        /// What the target said, in our words.
        why: String,
    },
    /// Over a limit; certainly not done. The whole account waits.
    Throttled {
        /// Not before this instant.
        until: Timestamp,
        /// Which limit, in our words.
        why: String,
    },
    /// The credential is refused. The target stops.
    Unauthorized {
        /// What the target said, in our words.
        why: String,
        /// Whether the same answer may mean that the account's calls of the month are used up, and nothing be wrong
        /// with the credential.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        perhaps_spent: bool,
    },
    /// The target will not do this for this person. A person must look.
    Rejected {
        /// What the target said, in our words.
        why: String,
    },
    /// Something named in the catalogue does not exist there.
    Misconfigured {
        /// What.
        mapping: Item,
    },
    /// Only new members are refused until `until` (a daily cap); everything else goes on.
    CappedUntil {
        /// When the cap is lifted.
        until: Timestamp,
    },
    /// It may or may not have been done: look first.
    Unknown {
        /// What happened, in our words.
        why: String,
    },
}

impl Failure {
    /// The class as one word, for logs and metrics.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Transient { .. } => "transient",
            Self::Throttled { .. } | Self::CappedUntil { .. } => "throttled",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Rejected { .. } => "rejected",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Unknown { .. } => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_survive_their_text_form() {
        for item in [Item::CircleGroup(4012), Item::CircleSpace(7), Item::kit_tag(" Member: Gold ")] {
            assert_eq!(Item::try_from(String::from(item.clone())), Ok(item));
        }
        assert!(Item::try_from("circle:group:x".to_owned()).is_err());
    }
}
