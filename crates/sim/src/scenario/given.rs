//! How the town is before anything happens.

use super::document::{Entry, Problem};
use super::people::people;
use super::verb::delivery;
use frontdesk_core::target::Target;
use frontdesk_engine::settings::Mode;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a target is like.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) mode: Mode,
    /// Calls a month; `None` without a monthly allowance.
    pub(super) quota: Option<u64>,
    /// Who is there already.
    pub(super) people: Vec<String>,
    /// Whether it says by itself what changes there.
    pub(super) tells: bool,
    /// Switches of the fake, each with its line.
    pub(super) switches: Vec<(usize, String, serde_json::Value)>,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// How webhooks travel, where an act does not say otherwise.
    pub(super) webhooks: String,
    pub(super) poll_every: Option<Duration>,
    pub(super) sweep_every: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) targets: BTreeMap<Target, Place>,
    /// Who bought what before there was a webhook, with its line.
    pub(super) bought_before: Vec<(usize, String, Vec<String>)>,
    pub(super) line: usize,
}

impl Default for Given {
    fn default() -> Self {
        let place =
            |quota| Place { mode: Mode::Live, quota, people: Vec::new(), tells: false, switches: Vec::new() };
        Self {
            webhooks: "normal".to_owned(),
            poll_every: Some(Duration::from_mins(15)),
            sweep_every: Some(Duration::from_hours(12)),
            grace: Duration::from_hours(72),
            targets: [(Target::Circle, place(Some(5_000))), (Target::Kit, place(None))].into(),
            bought_before: Vec::new(),
            line: 0,
        }
    }
}

/// The keys of `[given]`.
pub const KEYS: [&str; 7] =
    ["webhooks", "poll_every", "sweep_every", "grace", "bought_before", "circle", "kit"];
/// The keys of `[given.bought_before]`: plans.
pub const PLAN_KEYS: [&str; 3] = ["community", "pro", "course"];
/// The keys of `[given.circle]`.
pub const CIRCLE_KEYS: [&str; 5] = ["mode", "quota", "members", "tells", "switches"];
/// The keys of `[given.kit]`.
pub const KIT_KEYS: [&str; 4] = ["mode", "subscribers", "tells", "switches"];

impl Given {
    /// Reads the section.
    pub(super) fn read(entries: &[Entry], line: usize) -> Result<Self, Problem> {
        let mut given = Self { line, ..Self::default() };
        for Entry { key, line, node } in entries {
            match key.as_str() {
                "webhooks" => given.webhooks = delivery(node, key)?,
                "poll_every" => given.poll_every = Some(node.span(key)?),
                "sweep_every" => given.sweep_every = Some(node.span(key)?),
                "grace" => given.grace = node.span(key)?,
                "bought_before" => {
                    for Entry { key, line, node } in node.table(key)? {
                        if !PLAN_KEYS.contains(&key.as_str()) {
                            return Err(unknown(*line, "[given.bought_before]", key, &PLAN_KEYS));
                        }
                        given.bought_before.push((*line, key.clone(), people(node, key)?));
                    }
                }
                "circle" => given.place(Target::Circle, node.table(key)?, &CIRCLE_KEYS)?,
                "kit" => given.place(Target::Kit, node.table(key)?, &KIT_KEYS)?,
                _ => return Err(unknown(*line, "[given]", key, &KEYS)),
            }
        }
        Ok(given)
    }

    fn place(&mut self, target: Target, entries: &[Entry], allowed: &[&str]) -> Result<(), Problem> {
        let place = self.targets.get_mut(&target).expect("both targets are there from the start");
        for Entry { key, line, node } in entries {
            if !allowed.contains(&key.as_str()) {
                return Err(unknown(*line, &format!("[given.{target}]"), key, allowed));
            }
            match key.as_str() {
                "mode" => {
                    let word = node.word(key, &["live", "shadow"])?;
                    place.mode = if word == "live" { Mode::Live } else { Mode::Shadow };
                }
                "tells" => place.tells = node.flag(key)?,
                "quota" => place.quota = Some(node.number(key)?),
                "switches" => {
                    let switches = node.table(key)?.iter();
                    place.switches =
                        switches.map(|entry| (entry.line, entry.key.clone(), entry.node.json())).collect();
                }
                _ => place.people = people(node, key)?,
            }
        }
        Ok(())
    }
}

pub(super) fn unknown(line: usize, within: &str, key: &str, allowed: &[&str]) -> Problem {
    Problem::new(line, format!("{within} has no `{key}`; it takes {}", allowed.join(", ")))
}
