//! Reads at the source: the goods of a checkout, the invoice behind a refund, proof before a removal.
//!
//! They are a queue of their own beside the syncs, under the same failure classes. An answer enters the journal and
//! is applied like an event, so that a rebuild knows it too.

use crate::account::SOURCE;
use crate::apply::ReadHeader;
use crate::bell::Loop;
use crate::engine::Engine;
use crate::lease::Held;
use crate::ports::Ports;
use crate::source::{About, TAKEN_OVER};
use frontdesk_core::budget::{Reason, Refusal, Spent};
use frontdesk_core::fact::Key;
use frontdesk_core::reads::Want;
use frontdesk_core::sync::{ATTEMPTS_MAX, FAILING_MAX, Failed, PARKED_RETRIES_EVERY, backoff, failing_since};
use frontdesk_core::target::Failure;
use frontdesk_providers::stripe::answer::Answer;
use frontdesk_providers::stripe::read::Read;
use frontdesk_store::{Commit, EntryKind, EntryState, Error, NewEntry, ReadState, SourceRead, Write};
use jiff::{SignedDuration, Timestamp};

/// The source's name as people write it.
pub(crate) const TITLE: &str = "Stripe";
/// Reads that one pass takes up.
const READS_PER_PASS: u32 = 32;
/// How long an answer may wait to be applied before its object is asked for again; doubled by each answer that does
/// not end the wish.
const APPLIED_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// Pages that one read follows.
const PAGES_MAX: usize = 20;

/// What one call to the source came to.
enum Called {
    /// Facts are in the journal; another page is wanted.
    More(Read),
    /// Facts are in the journal, or the source says that it has nothing to tell.
    Done,
    /// It failed.
    Failed(Failure),
}

impl<P: Ports> Engine<P> {
    /// Makes the reads that are due. Returns when the next is, if that is known.
    pub async fn read_due(&self) -> Result<Option<Timestamp>, Error> {
        let now = self.ports().now_wall();
        let source = self.settings().source.id.clone();
        if self.store().reads_due(&source, now, 1).await?.is_empty() {
            return self.store().next_read().await;
        }
        let mut was_tried = self.accounts().source().lock().await;
        if let Some(waits) = self.waits(SOURCE, TITLE, *was_tried).await? {
            return Ok(Some(waits.until));
        }
        let Some(mut held) = self.take_lease(SOURCE).await? else { return Ok(None) };
        *was_tried = true;
        let mut objects = 0;
        let next = self.read_all_due(&mut held, &mut objects).await;
        if objects > 0 {
            tracing::info!(source.id = %source, count = objects, "objects were asked for at the source");
        }
        next
    }

    /// Makes the reads that are due, and counts their objects.
    async fn read_all_due(&self, held: &mut Held, objects: &mut u64) -> Result<Option<Timestamp>, Error> {
        let source = self.settings().source.id.clone();
        loop {
            let now = self.ports().now_wall();
            let due = self.store().reads_due(&source, now, READS_PER_PASS).await?;
            if due.is_empty() {
                self.store().release(&held.lease).await?;
                return self.store().next_read().await;
            }
            for row in due {
                if !self.keep_lease(held).await? {
                    return Ok(None);
                }
                if let Some(until) = self.read_row(held, row).await? {
                    self.store().release(&held.lease).await?;
                    return Ok(Some(until));
                }
                *objects += 1;
            }
        }
    }

    /// Makes one read with all its pages. Returns an instant when the source as a whole has to wait.
    async fn read_row(&self, held: &mut Held, row: SourceRead) -> Result<Option<Timestamp>, Error> {
        if let Some(left) = self.accounts().asked().left(&row.key, self.ports().now_mono()) {
            let due_at = self.after(SignedDuration::try_from(left).unwrap_or(SignedDuration::ZERO));
            let later = Write::ReadFailed(SourceRead { due_at, ..row });
            self.store().commit(Commit { expect: Vec::new(), writes: vec![later] }).await?;
            return Ok(None);
        }
        let want = Want { object: row.key.clone(), purpose: row.purpose, not_before: None };
        let mut queue = Read::wanted(&want);
        for _ in 0..PAGES_MAX {
            let Some(read) = queue.pop() else { break };
            if let Some(until) = self.source_budget().await? {
                return Ok(Some(until));
            }
            let is_last = queue.is_empty();
            match self.call_source(held, &row, &read, is_last).await? {
                Called::More(next) => queue.push(next),
                Called::Done => {}
                Called::Failed(failure) => return self.read_failed(row, failure).await,
            }
            self.bell().ring(Loop::Apply);
        }
        if queue.is_empty() {
            self.accounts().asked().note(row.key, self.ports().now_mono());
            return Ok(None);
        }
        let failure = Failure::Rejected { why: format!("more than {PAGES_MAX} pages") };
        self.read_failed(row, failure).await
    }

    /// When the next call to the source fits into its limit, if not now.
    pub(crate) async fn source_budget(&self) -> Result<Option<Timestamp>, Error> {
        let limits = self.settings().source.limits;
        let now = self.ports().now_wall();
        let since = now.saturating_sub(limits.window).unwrap_or(Timestamp::MIN);
        // What the ledger has ahead of now left under a clock that was ahead.
        let recent = self.store().calls_since(SOURCE, since).await?.into_iter().filter(|at| *at <= now);
        let mut spent = Spent::new(recent, 0);
        Ok(match spent.allow(&limits, Reason::Read, now) {
            Ok(()) | Err(Refusal::Reserve) => None,
            Err(Refusal::Window { until }) => Some(until),
        })
    }

    /// `is_last`: nothing else is asked for this wish. It is struck off when the answer is applied; until then it is
    /// put off, so that whatever else is applied meanwhile does not ask again.
    async fn call_source(
        &self,
        held: &mut Held,
        row: &SourceRead,
        read: &Read,
        is_last: bool,
    ) -> Result<Called, Error> {
        let (step, subject) = (format!("read_{}", row.purpose.as_str()), row.key.to_string());
        let about = About { step: &step, subject: &subject, customer: Some(&row.customer) };
        if !self.keep_lease(held).await? {
            return Ok(Called::Failed(Failure::Transient { why: TAKEN_OVER.to_owned() }));
        }
        let asked = self.ask_source(held, read, about).await?;
        let mut writes = asked.ledger.to_vec();
        let called = match asked.answer {
            Ok(Answer::Facts(told)) => {
                let settles = (is_last && told.next.is_none()).then(|| row.key.clone());
                let header = ReadHeader { read: read.clone(), at: told.at, settles };
                let key = format!("read:{}", asked.request_id);
                let entry = self.answer_entry(&header, key, &row.key, asked.body, asked.at);
                writes.push(Write::Journal(entry));
                told.next.map_or(Called::Done, Called::More)
            }
            Ok(_) => Called::Done,
            Err(failure) => Called::Failed(failure),
        };
        if is_last && matches!(called, Called::Done) {
            let attempts = row.attempts + 1;
            let factor = 1i32.checked_shl(row.attempts.min(8)).unwrap_or(i32::MAX);
            let wait =
                APPLIED_WITHIN.checked_mul(factor).unwrap_or(PARKED_RETRIES_EVERY).min(PARKED_RETRIES_EVERY);
            writes.push(Write::ReadFailed(SourceRead { attempts, due_at: self.after(wait), ..row.clone() }));
        }
        self.store().commit(Commit { expect: vec![asked.expect], writes }).await?;
        Ok(called)
    }

    /// An answer of the source as a journal entry: `body` tells the state of `object`, or what is asked of it.
    pub(crate) fn answer_entry(
        &self,
        header: &ReadHeader,
        event_key: String,
        object: &Key,
        body: Vec<u8>,
        now: Timestamp,
    ) -> NewEntry {
        let settings = self.settings();
        let source = &settings.source;
        NewEntry {
            id: self.new_entry_id(),
            source: source.id.clone(),
            event_key,
            kind: EntryKind::Read,
            event_type: format!("read.{}", object.kind.as_str()),
            object_id: Some(object.id.clone()),
            object_created_at: Some(header.at),
            livemode: Some(source.livemode),
            api_version: None,
            received_at: now,
            verified_by: None,
            headers: serde_json::to_string(header).expect("a read holds only text and times"),
            body,
            state: EntryState::Pending,
            reason: None,
        }
    }

    /// Puts a failed read back. The same limits as for syncs: tries, then once a day; nothing is ever dropped.
    async fn read_failed(&self, mut row: SourceRead, failure: Failure) -> Result<Option<Timestamp>, Error> {
        let now = self.ports().now_wall();
        // What the whole source waits for uses no tries of any read.
        if !matches!(failure, Failure::Rejected { .. })
            && let Some(waits) = self.waits(SOURCE, TITLE, true).await?
        {
            return Ok(Some(waits.until));
        }
        match &failure {
            Failure::Throttled { until, .. } | Failure::CappedUntil { until } => return Ok(Some(*until)),
            Failure::Unauthorized { .. } => {
                return Ok(Some(self.after(crate::reconcile::STOPPED_PROBE_EVERY)));
            }
            Failure::Transient { .. }
            | Failure::Unknown { .. }
            | Failure::Rejected { .. }
            | Failure::Misconfigured { .. } => {
                row.attempts += 1;
                let since = failing_since(row.failing_since, now);
                row.failing_since = Some(since);
                let is_over = row.attempts >= ATTEMPTS_MAX || now.duration_since(since) >= FAILING_MAX;
                row.due_at = if is_over {
                    self.after(PARKED_RETRIES_EVERY)
                } else {
                    self.after(backoff(row.attempts, self.dice()))
                };
                if is_over {
                    row.state = ReadState::Parked;
                    let subject = row.key.to_string();
                    self.alert(&format!("unread:{subject}"), "unread", &subject, &why(&failure)).await?;
                }
            }
        }
        row.last_failure = Some(Failed { at: now, step: format!("read_{}", row.purpose.as_str()), failure });
        self.store().commit(Commit { expect: Vec::new(), writes: vec![Write::ReadFailed(row)] }).await?;
        Ok(None)
    }
}

/// A failure in our words.
pub(crate) fn why(failure: &Failure) -> String {
    match failure {
        Failure::Transient { why }
        | Failure::Throttled { why, .. }
        | Failure::Unauthorized { why, .. }
        | Failure::Rejected { why }
        | Failure::Unknown { why } => why.clone(),
        Failure::Misconfigured { mapping } => format!("`{mapping}` does not exist there"),
        Failure::CappedUntil { until } => format!("new members are refused until {until}"),
    }
}
