//! Back-fill: everything that the source's account holds, list by list, page by page.
//!
//! Objects enter the journal as answers of the source, each an entry of its own, and are applied like events; so a
//! rebuild knows them, and erasing a person touches nobody else's. A page and the place in the list are one commit:
//! an import that was cut off goes on where it was. What is known as the list shows it is passed over, so a second
//! import changes nothing. Nothing follows from what a list does *not* show.
//!
//! A [turn](Engine::import_turn) reads a few pages and ends, so that whatever is urgent at the source goes in between;
//! it reads on only when what it read before was applied, so that nobody's purchase waits behind the past.

mod exports;
mod people;

pub use exports::{ExportedRow, Taken};
pub use people::Noticed;

use crate::account::SOURCE;
use crate::apply::ReadHeader;
use crate::bell::Loop;
use crate::engine::Engine;
use crate::lease::Held;
use crate::poll::GAP;
use crate::ports::Ports;
use crate::reads::{TITLE, why};
use crate::source::{About, TAKEN_OVER};
use frontdesk_core::fact::{Body, Fact, Key};
use frontdesk_core::reads::is_worth_keeping;
use frontdesk_core::record::Tie;
use frontdesk_core::target::Failure;
use frontdesk_providers::stripe::answer::{Answer, told};
use frontdesk_providers::stripe::list::{List, Listed};
use frontdesk_providers::stripe::read::Read;
use frontdesk_store::{Commit, Error, Write};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Pages that one turn reads.
const PAGES_PER_TURN: usize = 5;
/// Entries that may wait to be applied when another page is read: as many as are applied in a moment.
const BACKLOG_MAX: u32 = 100;
/// How often one list is begun anew because the object after which its next page begins was deleted.
const RESTARTS_MAX: u32 = 10;
/// How soon a page that failed is asked for again.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// How soon the account is looked for again when another process has it.
const LEASE_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// An import that was begun longer ago than this is begun anew: what changed since at the front of the lists that it
/// has read may be in no webhook, and in no list of events (kept for 30 days).
const STALE_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far an import has come, as kept in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// When its first page was asked for.
    pub began_at: Timestamp,
    /// When it came to its end; `None`: it is under way, or was cut off.
    pub ended_at: Option<Timestamp>,
    /// Whether any import ever came to its end.
    pub was_ever_whole: bool,
    /// The list that it is at, in [`List::ALL`].
    at: usize,
    /// The last object of the page before.
    after: Option<String>,
    /// How often the list that it is at was begun anew.
    restarts: u32,
    /// What each list came to.
    pub counts: BTreeMap<List, Count>,
}

/// What one list came to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Objects that it showed.
    pub listed: u64,
    /// Those that said something new, and entered the journal.
    pub new: u64,
    /// Those that were known as they are.
    pub known: u64,
    /// Those that can matter to nobody: charges of which nothing went back.
    pub left: u64,
}

impl Imported {
    /// The list that is read next; `None`: all are read.
    pub fn list(&self) -> Option<List> {
        List::ALL.get(self.at).copied()
    }

    fn goes_on(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.began_at <= now && now.duration_since(self.began_at) <= STALE_AFTER
    }
}

/// How one turn of an import ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "turn", rename_all = "snake_case")]
pub enum Turn {
    /// Pages were read; there are more.
    Read,
    /// What was read is being applied first.
    Applies,
    /// Nothing can be asked before then.
    Waits {
        /// When it goes on.
        until: Timestamp,
        /// Why, in our words.
        why: String,
    },
    /// Asking again is of no use before somebody changed something.
    Stopped {
        /// What could not be read.
        list: List,
        /// Why, in our words.
        why: String,
    },
    /// Every list was read to its end.
    Done,
}

/// The reply that a page came in.
#[derive(Clone, Copy)]
struct Reply<'a> {
    /// Our id of the request.
    request_id: &'a str,
    /// The source's time of it.
    said_at: Timestamp,
    /// Ours.
    came_at: Timestamp,
}

/// What one page came to.
enum Page {
    Read,
    Ended(Turn),
}

impl<P: Ports> Engine<P> {
    /// How far the import from the source has come; `None`: none was ever begun.
    pub async fn imported(&self) -> Result<Option<Imported>, Error> {
        let text = self.store().meta(&self.import_key()).await?;
        // A mark that cannot be read was written by another version: the import is begun anew, which is cheap.
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Takes up an import that was cut off, or begins one.
    pub async fn import_begin(&self) -> Result<Imported, Error> {
        let now = self.ports().now_wall();
        let last = self.imported().await?;
        let was_ever_whole = last.as_ref().is_some_and(|last| last.was_ever_whole);
        if let Some(last) = last.filter(|last| last.goes_on(now)) {
            return Ok(last);
        }
        let (at, after, restarts, counts) = (0, None, 0, BTreeMap::new());
        let mark = Imported { began_at: now, ended_at: None, was_ever_whole, at, after, restarts, counts };
        self.store().commit(Commit { expect: Vec::new(), writes: vec![self.import_mark(&mark)] }).await?;
        Ok(mark)
    }

    /// Reads the next few pages of the import under way.
    pub async fn import_turn(&self) -> Result<Turn, Error> {
        let Some(mut mark) = self.imported().await?.filter(|mark| mark.ended_at.is_none()) else {
            return Ok(Turn::Done);
        };
        let now = self.ports().now_wall();
        if self.store().pending(BACKLOG_MAX, now).await?.len() >= BACKLOG_MAX as usize {
            return Ok(Turn::Applies);
        }
        let mut was_tried = self.accounts().source().lock().await;
        if let Some(waits) = self.waits(SOURCE, TITLE, *was_tried).await? {
            return Ok(Turn::Waits { until: waits.until, why: waits.why });
        }
        let Some(mut held) = self.take_lease(SOURCE).await? else {
            let why = "another process works with the account".to_owned();
            return Ok(Turn::Waits { until: self.after(LEASE_AFTER), why });
        };
        *was_tried = true;
        let turn = self.import_pages(&mut held, &mut mark).await;
        self.store().release(&held.lease).await?;
        turn
    }

    async fn import_pages(&self, held: &mut Held, mark: &mut Imported) -> Result<Turn, Error> {
        for _ in 0..PAGES_PER_TURN {
            let Some(list) = mark.list() else { return Ok(Turn::Done) };
            if let Some(until) = self.source_budget().await? {
                let why = format!("waits for its turn at {TITLE}");
                return Ok(Turn::Waits { until, why });
            }
            if !self.keep_lease(held).await? {
                let why = TAKEN_OVER.to_owned();
                return Ok(Turn::Waits { until: self.after(LEASE_AFTER), why });
            }
            match self.import_page(held, mark, list).await? {
                Page::Read => self.bell().ring(Loop::Apply),
                Page::Ended(turn) => return Ok(turn),
            }
        }
        Ok(if mark.ended_at.is_some() { Turn::Done } else { Turn::Read })
    }

    /// One page: its objects, the place in the list and the ledger's line are one commit.
    async fn import_page(&self, held: &mut Held, mark: &mut Imported, list: List) -> Result<Page, Error> {
        let step = format!("import_{}", list.as_str());
        let about = About { step: &step, subject: list.as_str(), customer: None };
        let read = Read::List { list, after: mark.after.clone() };
        let asked = self.ask_source(held, &read, about).await?;
        let mut writes = asked.ledger.to_vec();
        let mut next = mark.clone();
        let page = match &asked.answer {
            Ok(Answer::Objects { at, objects, next: following }) => {
                let count = next.counts.entry(list).or_default();
                let reply = Reply { request_id: &asked.request_id, said_at: *at, came_at: asked.at };
                writes.extend(self.take_page(list, objects, reply, count).await?);
                if let Some(Read::List { after, .. }) = following {
                    next.after.clone_from(after);
                } else {
                    (next.at, next.after, next.restarts) = (next.at + 1, None, 0);
                }
                if next.list().is_none() {
                    next.ended_at = Some(asked.at);
                    next.was_ever_whole = true;
                    // Every object was read as it is, so whatever was listed too late to be told of is known.
                    writes.push(Write::AlertClose { key: GAP.to_owned(), at: asked.at });
                }
                Page::Read
            }
            Ok(Answer::CursorGone) if next.restarts < RESTARTS_MAX => {
                let new = next.counts.get(&list).map_or(0, |count| count.new);
                next.counts.insert(list, Count { new, ..Count::default() });
                (next.after, next.restarts) = (None, next.restarts + 1);
                // Whatever was read of it is applied first, so that it is known when it comes again.
                Page::Ended(Turn::Read)
            }
            Ok(_) => {
                let why = "the list keeps changing: what its next page begins after was deleted".to_owned();
                Page::Ended(Turn::Stopped { list, why })
            }
            Err(failure) => Page::Ended(self.import_failed(list, failure)),
        };
        if next != *mark {
            writes.push(self.import_mark(&next));
        }
        self.store().commit(Commit { expect: vec![asked.expect], writes }).await?;
        *mark = next;
        if mark.ended_at.is_some() {
            let (read, new) =
                mark.counts.values().fold((0, 0), |(read, new), of| (read + of.listed, new + of.new));
            tracing::info!("the source's past was read: {read} objects, {new} of them new");
        }
        Ok(page)
    }

    fn import_failed(&self, list: List, failure: &Failure) -> Turn {
        let why = why(failure);
        match failure {
            Failure::Transient { .. } | Failure::Unknown { .. } => {
                Turn::Waits { until: self.after(RETRY_AFTER), why }
            }
            Failure::Throttled { until, .. } | Failure::CappedUntil { until } => {
                Turn::Waits { until: *until, why }
            }
            Failure::Unauthorized { .. } | Failure::Rejected { .. } | Failure::Misconfigured { .. } => {
                Turn::Stopped { list, why }
            }
        }
    }

    /// The objects of a page that say something new, as journal entries.
    async fn take_page(
        &self,
        list: List,
        objects: &[Listed],
        reply: Reply<'_>,
        count: &mut Count,
    ) -> Result<Vec<Write>, Error> {
        let settings = self.settings();
        let source = &settings.source.id;
        let keys = objects.iter().map(|listed| Key::new(source, list.kind(), &listed.id)).collect::<Vec<_>>();
        let known = self.facts_of(&keys).await?;
        let mut writes = Vec::new();
        for (listed, key) in objects.iter().zip(&keys) {
            count.listed += 1;
            let read = Read::Listed { kind: list.kind(), id: listed.id.clone() };
            // What cannot be read enters the journal too: it is kept in quarantine, with an alert.
            let facts = match told(&read, source, listed.body.get().as_bytes(), reply.said_at) {
                Ok(Answer::Facts(told)) => told.facts,
                _ => Vec::new(),
            };
            let of_use = facts.is_empty() || facts.iter().any(|(_, body)| is_worth_keeping(body));
            if !of_use {
                count.left += 1;
            } else if !facts.is_empty() && facts.iter().all(|(key, body)| is_known(known.get(key), body)) {
                count.known += 1;
            } else {
                count.new += 1;
                let header = ReadHeader { read, at: reply.said_at, settles: None };
                let event_key = format!("read:{}:{}", reply.request_id, listed.id);
                let body = listed.body.get().as_bytes().to_vec();
                let entry = self.answer_entry(&header, event_key, key, body, reply.came_at);
                writes.push(Write::Journal(entry));
            }
        }
        Ok(writes)
    }

    /// What is known of objects and of everything that belongs to the same customers.
    async fn facts_of(&self, keys: &[Key]) -> Result<BTreeMap<Key, Fact>, Error> {
        let ties: Vec<_> = keys.iter().cloned().map(Tie::Object).collect();
        let customers: Vec<_> = self.store().customers_for_ties(&ties).await?.into_iter().collect();
        let records = self.store().records(&customers).await?;
        Ok(records.into_iter().flat_map(|loaded| loaded.record.facts).collect())
    }

    /// Whether what was sold before Frontdesk ran was ever read: by an import that came to its end, or from exports. Who
    /// bought before and was never told of seems not to pay.
    pub async fn knows_past(&self) -> Result<bool, Error> {
        let by_import = self.imported().await?.is_some_and(|imported| imported.was_ever_whole);
        Ok(by_import || self.store().meta(&self.exports_key()).await?.is_some())
    }

    /// Where it is noted when rows of exports were last taken in.
    fn exports_key(&self) -> String {
        format!("exports:{}", self.settings().source.id)
    }

    fn import_key(&self) -> String {
        format!("import:{}", self.settings().source.id)
    }

    fn import_mark(&self, mark: &Imported) -> Write {
        let value = serde_json::to_string(mark).expect("a mark holds only text, numbers and times");
        Write::Meta { key: self.import_key(), value }
    }
}

/// Whether an object is known to be as the list shows it.
fn is_known(fact: Option<&Fact>, listed: &Body) -> bool {
    fact.is_some_and(|fact| {
        let current = fact.current();
        !current.is_provisional && current.version.hash == listed.hash()
    })
}
