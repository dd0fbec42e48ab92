//! What something else did to an item against what we had set, and what became of it.

use super::{Item, Target};
use crate::diff::CIRCLE_LOOKS_AFTER;
use crate::hint::LOOK_EVERY;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One time that something else undid what we had set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Undone {
    /// When it was seen, by our clock.
    pub at: Timestamp,
    /// How it was noticed, in our words: the event that told of it with its own time, or a look.
    pub by: String,
}

/// What became of an item that something else changed against what the record wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "then", rename_all = "snake_case")]
pub enum Taken {
    /// It was taken from a person who should have it, and was put back, which is done once.
    PutBack {
        /// When that was decided.
        at: Timestamp,
        /// How it was noticed; `None`: a person asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// It was taken again: a person's decision, nothing is undone.
    LeftOut {
        /// When that was seen.
        at: Timestamp,
    },
    /// It came back to a person who should not have it, and was taken off again, which is done once.
    TakenOff {
        /// When that was decided.
        at: Timestamp,
        /// How it was noticed.
        by: String,
    },
    /// Something else undid it a second time: it is not written any more.
    Contested {
        /// Whether the record wants the item.
        wanted: bool,
        /// The first time.
        first: Undone,
        /// The second time.
        again: Undone,
    },
}

impl Taken {
    /// Whether it is about an item that is wanted, or about one that is not.
    pub const fn is_wanted(&self) -> bool {
        match self {
            Self::PutBack { .. } | Self::LeftOut { .. } => true,
            Self::TakenOff { .. } => false,
            Self::Contested { wanted, .. } => *wanted,
        }
    }
}

/// What a target's own message says of an item, against what we had set. One read confirms it before anything follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Whether the person is said to hold it.
    pub present: bool,
    /// When a read can be trusted, and may be spent.
    pub look_at: Timestamp,
    /// Who says so, in our words.
    pub by: String,
}

impl Told {
    /// Whether a read at `now` is the one that is owed. One that lies further off than any is put off was noted under a
    /// clock that was ahead: it is due now (RELIABILITY I26).
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.look_at <= now || self.look_at.duration_since(now) > LOOK_EVERY + CIRCLE_LOOKS_AFTER
    }
}

/// Which item is contested, when it was undone, and by what, in one sentence.
pub fn contest(item: &Item, wanted: bool, first: &Undone, again: &Undone) -> String {
    let what = match (item.target(), wanted) {
        (Target::Kit, true) => "taken off",
        (Target::Kit, false) => "put on again",
        (Target::Circle, true) => "taken away",
        (Target::Circle, false) => "given again",
    };
    let Undone { at: once, by: first } = first;
    let Undone { at: twice, by: again } = again;
    format!(
        "`{item}` was {what} twice by something else in {}: seen at {once:.0} ({first}) and at {twice:.0} ({again})",
        item.target().title(),
    )
}
