//! The lists of a target, read for somebody who wants to know: nothing follows from them, and nothing of them is kept.

use super::pages_max;
use crate::engine::Engine;
use crate::ports::Ports;
use crate::reconcile::{Drain, Gate};
use frontdesk_core::budget::Reason;
use frontdesk_core::sweep::{Implausible, List, Scan, implausible};
use frontdesk_core::target::{Failure, Target};
use frontdesk_store::Error;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Failures in a row after which the reading is given up.
const TRIES_MAX: u32 = 4;
/// How long a reading that failed, or found the account taken, waits.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest that is waited for an account that makes no calls.
const WAIT_MAX: SignedDuration = SignedDuration::from_mins(2);
/// How often in a row the account may be found taken by another node.
const TAKEN_MAX: u32 = 60;

/// The lists of a target as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    pub(crate) scan: Scan,
    /// What it cost.
    pub(crate) calls: u32,
    /// The list that is not to be believed, if there is one.
    pub(crate) flaw: Option<Implausible>,
}

/// How far a reading is.
struct Reading {
    scan: Scan,
    lists: Vec<List>,
    at: usize,
    after: Option<String>,
    pages_of_list: u32,
    calls: u32,
}

/// How one turn of a reading ended.
enum Turn {
    Worked,
    Waits(Timestamp),
    Failed(String),
    /// Another node has the account.
    Taken,
    /// It cannot be read.
    Refused(String),
    Done,
}

impl<P: Ports> Engine<P> {
    /// Reads all lists of a target, a page at a time: whatever is due there goes first. `Err`: why it cannot be read.
    pub(crate) async fn scan(&self, target: Target) -> Result<Result<Scanned, String>, Error> {
        let forecast = self.forecast(target).await?;
        if !forecast.sweep_fits() {
            return Ok(Err(format!(
                "reading its lists costs {} calls, and {} more may be spent on that until the allowance renews",
                forecast.sweep_costs,
                forecast.sweep_allowance.unwrap_or_default()
            )));
        }
        let mut reading: Option<Reading> = None;
        let (mut tries, mut taken) = (0, 0);
        loop {
            match self.scan_turn(target, &mut reading).await? {
                Turn::Worked => (tries, taken) = (0, 0),
                Turn::Waits(until) => self.ports().sleep_until(until).await,
                Turn::Taken if taken < TAKEN_MAX => {
                    taken += 1;
                    self.ports().sleep(PAUSE).await;
                }
                Turn::Taken => return Ok(Err("another node is busy with it".to_owned())),
                Turn::Failed(_) if tries < TRIES_MAX => {
                    tries += 1;
                    self.ports().sleep(PAUSE).await;
                }
                Turn::Failed(why) | Turn::Refused(why) => return Ok(Err(why)),
                Turn::Done => break,
            }
        }
        let Some(Reading { scan, calls, .. }) = reading else {
            return Ok(Err("the catalogue manages nothing there".to_owned()));
        };
        let before = self.swept(target).await?.last.map(|last| last.counts).unwrap_or_default();
        let flaw = implausible(&scan.counts(), &before);
        Ok(Ok(Scanned { scan, calls, flaw }))
    }

    /// One page.
    async fn scan_turn(&self, target: Target, reading: &mut Option<Reading>) -> Result<Turn, Error> {
        let (Some(settings), Some(known)) =
            (self.settings().targets.get(&target).cloned(), self.accounts().of(target))
        else {
            return Ok(Turn::Refused("it is not configured".to_owned()));
        };
        let known = known.lock().await;
        let Some(held) = self.take_lease(target.as_str()).await? else { return Ok(Turn::Taken) };
        let written = self.written(target).await?;
        let mut drain = Drain { target, settings, written, held, known };
        self.recover(&drain).await?;
        let turn = self.scan_page(&mut drain, reading).await?;
        self.store().release(&drain.held.lease).await?;
        Ok(turn)
    }

    async fn scan_page(&self, drain: &mut Drain<'_>, reading: &mut Option<Reading>) -> Result<Turn, Error> {
        let target = drain.target;
        if let Some(waits) = self.waits(target.as_str(), target.title(), drain.known.was_tried).await? {
            // A limit passes while somebody waits for the answer; an outage does not.
            let is_short = waits.until.duration_since(self.ports().now_wall()) <= WAIT_MAX;
            return Ok(if is_short { Turn::Waits(waits.until) } else { Turn::Refused(waits.why) });
        }
        if self.prepare(drain).await?.is_some() {
            return Ok(Turn::Failed("what the catalogue names could not be looked up there".to_owned()));
        }
        let now = self.ports().now_wall();
        let lists = || List::of(target, &self.catalogue().managed(target), &drain.known.missing);
        let reading = reading.get_or_insert_with(|| Reading {
            scan: Scan::new(target, now),
            lists: lists(),
            at: 0,
            after: None,
            pages_of_list: 0,
            calls: 0,
        });
        let Some(list) = reading.lists.get(reading.at).cloned() else { return Ok(Turn::Done) };
        match self.gate(drain, Reason::Sweep).await? {
            Gate::Open => {}
            Gate::Waits(until) => return Ok(Turn::Waits(until)),
            Gate::NoLook => {
                return Ok(Turn::Refused("what is left of the month is for grants and removals".to_owned()));
            }
        }
        reading.calls += 1;
        let page = match self.read_page(drain, &list, reading.after.as_deref()).await? {
            Ok(page) => page,
            Err(Failure::Throttled { until, .. }) => return Ok(Turn::Waits(until)),
            Err(failure) => {
                let why = format!("the list `{list}` could not be read: {}", crate::reads::why(&failure));
                return Ok(match failure {
                    Failure::Unauthorized { .. } | Failure::Misconfigured { .. } => Turn::Refused(why),
                    _ => Turn::Failed(why),
                });
            }
        };
        let fresh = reading.scan.add(&list, page.entries);
        reading.pages_of_list += 1;
        if page.next.is_some() && (fresh == 0 || reading.pages_of_list >= pages_max(target)) {
            return Ok(Turn::Refused(format!("the list `{list}` does not end")));
        }
        reading.after = page.next;
        if reading.after.is_none() {
            reading.at += 1;
            reading.pages_of_list = 0;
        }
        Ok(Turn::Worked)
    }
}
