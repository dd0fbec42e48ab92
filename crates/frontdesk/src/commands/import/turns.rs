//! The turns of an import, answered where the record is.

use crate::assemble::store_failed;
use crate::commands::desk::Desk;
use crate::commands::sync::counted;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use frontdesk_core::sweep::FindingKind;
use frontdesk_core::target::{Item, Target};
use frontdesk_engine::import::{ExportedRow, Imported, Taken, Turn};
use frontdesk_engine::settings::Mode;
use frontdesk_engine::sweep::{Awaited, Running, Swept};
use frontdesk_engine::{Loop, Ports};
use frontdesk_providers::roster::Listed;
use frontdesk_store::Error;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Turns that one question takes: then whoever asks says how far it is.
const TURNS: usize = 4;
/// How long, and how often, a batch of rows waits for those before it: 20 s.
const BEHIND: Duration = Duration::from_millis(50);
const BEHIND_MAX: u32 = 400;
/// How long one question waits for something to go on.
const WAIT: Duration = Duration::from_millis(250);

/// One question of an import.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Whether an import from the source would act on targets that are live.
    Look,
    /// Takes up the import that was cut off, or begins one.
    Begin,
    /// Reads the next pages.
    Turn,
    /// Whether what was taken in is applied, and what stands in the targets' rows.
    Rest,
    /// Takes in rows of an export.
    Rows {
        /// The rows, all of one file.
        rows: Vec<ExportedRow>,
    },
    /// Notes people out of an export of a target.
    People {
        /// Where they are.
        target: Target,
        /// The people.
        people: Vec<Listed>,
        /// What all of them have.
        all_have: BTreeSet<Item>,
        /// When the export was made.
        exported_at: Timestamp,
    },
    /// Has a target's lists read; answers since when a sweep counts.
    Sweep {
        /// Where.
        target: Target,
    },
    /// Reads on.
    SweepTurn {
        /// Where.
        target: Target,
        /// Since when a sweep counts.
        since: Timestamp,
    },
}

/// What rows of an export came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RowsTaken {
    /// All of them were taken in.
    Taken(Taken),
    /// None: that one cannot be read.
    Odd {
        /// Which of them.
        nth: usize,
        /// Why.
        why: String,
    },
}

/// What would follow from an import at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Looked {
    /// The instant.
    pub(super) now: Timestamp,
    /// Targets that are written to.
    pub(super) live: Vec<Target>,
    /// How far the import is, if one was ever begun.
    pub(super) imported: Option<Imported>,
    /// What the catalogue manages.
    pub(super) managed: BTreeSet<Item>,
}

/// How far an import is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) imported: Imported,
    pub(super) turn: Turn,
}

/// How far the reading of a target's lists is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sweeping {
    pub(super) awaited: Awaited,
    /// The one under way, if it has begun.
    pub(super) running: Option<Running>,
    /// The last one that came to its end.
    pub(super) last: Option<Swept>,
    /// People of the record whom the target knows.
    pub(super) known: u64,
    /// People and items there without a payment behind them.
    pub(super) unsupported: i64,
}

/// What is left to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rest {
    /// Whether entries wait to be applied.
    pub(super) applies: bool,
    /// Whether the process that answers goes on by itself.
    pub(super) is_served: bool,
    /// Objects that are still to be asked for one by one.
    pub(super) reads: bool,
    /// How the rows of each target stand.
    pub(super) targets: Vec<Rows>,
}

/// How the rows of one target stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rows {
    pub(super) target: Target,
    /// Whether it is written to.
    pub(super) is_live: bool,
    /// How many rows are in which state.
    pub(super) states: BTreeMap<String, i64>,
}

impl Ask {
    /// Answers with one JSON document, whatever the reader is.
    pub(in crate::commands) async fn answer(
        &self,
        desk: &Desk,
        printer: &mut Printer,
    ) -> Result<Exit, Failure> {
        let document = self.document(desk).await.map_err(|error| store_failed(&error))?;
        printer.bytes(document.as_bytes())?;
        Ok(Exit::Done)
    }

    async fn document(&self, desk: &Desk) -> Result<String, Error> {
        let engine = &desk.engine;
        match self {
            Self::Look => {
                let settings = engine.settings();
                let live = settings.targets.iter().filter(|(_, target)| target.mode == Mode::Live);
                let live = live.map(|(target, _)| *target).collect();
                let catalogue = engine.catalogue();
                let managed = Target::ALL.into_iter().flat_map(|target| catalogue.managed(target)).collect();
                let imported = engine.imported().await?;
                Ok(written(&Looked { now: desk.now(), live, imported, managed }))
            }
            Self::Begin => Ok(written(&engine.import_begin().await?)),
            Self::Turn => turn(desk).await,
            Self::Rest => rest(desk).await,
            Self::Rows { rows } => take_rows(rows, desk).await,
            Self::People { target, people, all_have, exported_at } => {
                Ok(written(&engine.note_people(*target, people, all_have, *exported_at).await?))
            }
            Self::Sweep { target } => Ok(written(&engine.await_sweep(*target).await?)),
            Self::SweepTurn { target, since } => sweep(*target, *since, desk).await,
        }
    }
}

fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("answers hold only text, numbers, times and lists of them")
}

async fn turn(desk: &Desk) -> Result<String, Error> {
    let engine = &desk.engine;
    let mut turn = engine.import_turn().await?;
    for _ in 1..TURNS {
        match &turn {
            Turn::Done | Turn::Stopped { .. } => break,
            Turn::Applies if desk.is_served => engine.ports().sleep(WAIT).await,
            Turn::Read | Turn::Applies => {}
            Turn::Waits { until, .. } => {
                let left = Duration::try_from(until.duration_since(desk.now())).unwrap_or_default();
                engine.ports().sleep(left.min(WAIT)).await;
            }
        }
        apply(desk).await?;
        turn = engine.import_turn().await?;
    }
    apply(desk).await?;
    let imported = engine.imported().await?;
    let imported = imported.ok_or_else(|| Error::Corrupt("the mark of the import is gone".to_owned()))?;
    Ok(written(&Progress { imported, turn }))
}

/// Has what waits applied: by the loops where they run, here where they do not.
async fn apply(desk: &Desk) -> Result<(), Error> {
    if desk.is_served {
        desk.engine.bell().ring(Loop::Apply);
        return Ok(());
    }
    desk.engine.apply_due().await.map(|_| ())
}

/// Purchases that arrive meanwhile must not wait behind the past: a batch goes in when the one before it was applied.
async fn take_rows(rows: &[ExportedRow], desk: &Desk) -> Result<String, Error> {
    for _ in 0..BEHIND_MAX {
        if !desk.engine.is_behind().await? {
            break;
        }
        if desk.is_served {
            desk.engine.ports().sleep(BEHIND).await;
        } else {
            desk.engine.apply_due().await?;
        }
    }
    let taken = match desk.engine.import_rows(rows).await? {
        Ok(taken) => RowsTaken::Taken(taken),
        Err((nth, odd)) => RowsTaken::Odd { nth, why: odd.to_string() },
    };
    Ok(written(&taken))
}

async fn sweep(target: Target, since: Timestamp, desk: &Desk) -> Result<String, Error> {
    let engine = &desk.engine;
    let awaited = engine.sweep_turns(target, since).await?;
    if let Awaited::Waits { until, .. } = &awaited {
        let left = Duration::try_from(until.duration_since(desk.now())).unwrap_or_default();
        engine.ports().sleep(left.min(WAIT * 4)).await;
    }
    let swept = engine.swept(target).await?;
    let counts = engine.store().finding_counts().await?;
    let unsupported = counts.get(&(target, FindingKind::Unsupported)).map_or(0, |count| count.open);
    let known = engine.store().known_people(target).await?;
    Ok(written(&Sweeping { awaited, running: swept.running, last: swept.last, known, unsupported }))
}

async fn rest(desk: &Desk) -> Result<String, Error> {
    let engine = &desk.engine;
    let store = engine.store();
    if desk.is_served {
        engine.bell().ring_each([Loop::Apply, Loop::Reads]);
        engine.ports().sleep(WAIT).await;
    } else {
        engine.apply_due().await?;
        engine.read_due().await?;
        engine.apply_due().await?;
    }
    let now = desk.now();
    let horizon = now.saturating_add(SignedDuration::from_secs(30)).unwrap_or(now);
    let reads = !store.reads_due(&engine.settings().source.id, horizon, 1).await?.is_empty();
    let applies = !store.pending(1, now).await?.is_empty();
    let states = counted(store.sync_states().await?, desk);
    let settings = engine.settings();
    let targets = settings.targets.iter().map(|(target, told)| Rows {
        target: *target,
        is_live: told.mode == Mode::Live,
        states: states
            .iter()
            .filter(|((of, _), _)| of == target)
            .map(|((_, state), count)| (state.clone(), *count))
            .collect(),
    });
    Ok(written(&Rest { applies, is_served: desk.is_served, reads, targets: targets.collect() }))
}
