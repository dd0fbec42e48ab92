//! How far the sweeps of a target have come, as kept in the store and shown.

use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::Ports;
use frontdesk_core::sweep::List;
use frontdesk_core::target::Target;
use frontdesk_store::{Commit, Error, Write};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that is known of the sweeps of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Since when sweeps are made.
    pub since: Option<Timestamp>,
    /// The last one that came to its end.
    pub last: Option<Swept>,
    /// The one under way.
    pub running: Option<Running>,
    /// Why the last turn did not get on.
    pub failed: Option<Failed>,
    /// The newest wish that was met: a sweep began for it, or could not. Another one is told apart by itself and not by its
    /// time: what came in the instant in which a sweep began is not known to that sweep.
    #[serde(default)]
    pub met: Option<Wanted>,
}

/// A sweep that came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// When its first page was asked for.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How many entries each list had.
    pub counts: BTreeMap<List, u64>,
    /// What it cost, in calls.
    pub calls: u32,
    /// How many findings it made.
    pub findings: u32,
}

/// A sweep under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// When its first page was asked for.
    pub began_at: Timestamp,
    /// The lists that it reads, in order.
    pub lists: Vec<List>,
    /// The one that it is at; past the last one, all were read.
    pub at: usize,
    /// Where the next page begins; `None`: the first.
    pub after: Option<String>,
    /// Pages read.
    pub pages: u32,
    /// Pages read of the list that it is at.
    pub pages_of_list: u32,
    /// Calls that confirmed a difference.
    pub confirmed: u32,
    /// A person said that lists which shrank are right.
    pub accept: bool,
}

/// Why a sweep did not get on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When.
    pub at: Timestamp,
    /// Why, in our words.
    pub why: String,
    /// Tries in a row.
    pub tries: u32,
    /// When it goes on.
    pub again_at: Timestamp,
}

/// That a person wants a sweep now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Since when.
    pub at: Timestamp,
    /// Whether lists that shrank are right.
    pub accept: bool,
}

fn key(target: Target) -> String {
    format!("sweep:{target}")
}

fn wanted_key(target: Target) -> String {
    format!("sweep_wanted:{target}")
}

/// The alert that tells that a target's sweep does not get on.
pub(super) fn alert_key(target: Target) -> String {
    format!("sweep:{target}")
}

impl Mark {
    /// Keeps it.
    pub(super) fn write(&self, target: Target) -> Write {
        let value = serde_json::to_string(self).expect("a mark holds only text, numbers and times");
        Write::Meta { key: key(target), value }
    }
}

impl<P: Ports> Engine<P> {
    /// How far the sweeps of a target have come.
    pub async fn swept(&self, target: Target) -> Result<Mark, Error> {
        let text = self.store().meta(&key(target)).await?;
        // A mark that cannot be read was written by another version: the next sweep writes it anew.
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// What a person wants of the sweeps of a target, as long as no sweep began for it.
    pub(super) async fn sweep_wanted(&self, target: Target, swept: &Mark) -> Result<Option<Wanted>, Error> {
        let text = self.store().meta(&wanted_key(target)).await?;
        let wanted: Option<Wanted> = text.and_then(|text| serde_json::from_str(&text).ok());
        Ok(wanted.filter(|wanted| swept.met.as_ref() != Some(wanted)))
    }

    /// Has a target swept as soon as nothing more urgent is due there. `accept`: lists that shrank since the last
    /// sweep, or are empty, are right.
    pub async fn want_sweep(&self, target: Target, accept: bool) -> Result<(), Error> {
        let wanted = Wanted { at: self.ports().now_wall(), accept };
        let value = serde_json::to_string(&wanted).expect("an instant and a flag are JSON");
        let write = Write::Meta { key: wanted_key(target), value };
        self.store().commit(Commit { expect: Vec::new(), writes: vec![write] }).await?;
        self.bell().ring(Loop::of(target));
        Ok(())
    }
}
