//! Reads at the source: the goods of a checkout, the invoice behind a refund, proof before a removal.
//!
//! They are a queue of their own beside the syncs, under the same failure classes. An answer enters the journal and
//! is applied like an event, so that a rebuild knows it too.

use crate::account::SOURCE;
use crate::apply::ReadHeader;
use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::{NoAnswer, Ports};
use frontdesk_core::budget::{Reason, Refusal, Spent};
use frontdesk_core::reads::Want;
use frontdesk_core::sync::{ATTEMPTS_MAX, FAILING_MAX, Failed, PARKED_RETRIES_EVERY, backoff};
use frontdesk_core::target::Failure;
use frontdesk_providers::stripe::answer::{Answer, Response, answer};
use frontdesk_providers::stripe::read::Read;
use frontdesk_store::{
    CallAnswer, CallIntent, Commit, EntryKind, EntryState, Error, Expect, Lease, NewEntry, Outcome,
    ReadState, SourceRead, Write,
};
use jiff::Timestamp;

/// Reads that one pass takes up.
const READS_PER_PASS: u32 = 32;
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
        let _turn = self.accounts().source().lock().await;
        let Some(mut lease) = self.take_lease(SOURCE).await? else { return Ok(None) };
        loop {
            let now = self.ports().now_wall();
            let due = self.store().reads_due(&source, now, READS_PER_PASS).await?;
            if due.is_empty() {
                self.store().release(&lease).await?;
                return self.store().next_read().await;
            }
            for row in due {
                lease = match self.keep_lease(lease).await? {
                    Some(lease) => lease,
                    None => return Ok(None),
                };
                if let Some(until) = self.read_row(&lease, row).await? {
                    self.store().release(&lease).await?;
                    return Ok(Some(until));
                }
            }
        }
    }

    /// Makes one read with all its pages. Returns an instant when the source as a whole has to wait.
    async fn read_row(&self, lease: &Lease, row: SourceRead) -> Result<Option<Timestamp>, Error> {
        let want = Want { object: row.key.clone(), purpose: row.purpose, not_before: None };
        let mut queue = Read::wanted(&want);
        for _ in 0..PAGES_MAX {
            let Some(read) = queue.pop() else { break };
            if let Some(until) = self.source_budget().await? {
                return Ok(Some(until));
            }
            match self.call_source(lease, &row, &read).await? {
                Called::More(next) => queue.push(next),
                Called::Done => {}
                Called::Failed(failure) => return self.read_failed(row, failure).await,
            }
        }
        let settled = Commit { expect: Vec::new(), writes: vec![Write::ReadSettled(row.key)] };
        self.store().commit(settled).await?;
        self.bell().ring(Loop::Apply);
        Ok(None)
    }

    /// When the next call to the source fits into its limit, if not now.
    async fn source_budget(&self) -> Result<Option<Timestamp>, Error> {
        let limits = self.settings().source.limits;
        let now = self.ports().now_wall();
        let since = now.saturating_sub(limits.window).unwrap_or(Timestamp::MIN);
        let mut spent = Spent::new(self.store().calls_since(SOURCE, since).await?, 0);
        Ok(match spent.allow(&limits, Reason::Read, now) {
            Ok(()) | Err(Refusal::Reserve) => None,
            Err(Refusal::Window { until }) => Some(until),
        })
    }

    async fn call_source(&self, lease: &Lease, row: &SourceRead, read: &Read) -> Result<Called, Error> {
        let source = &self.settings().source;
        let intent = CallIntent {
            id: self.new_name("call"),
            account: SOURCE.to_owned(),
            target: None,
            customer: Some(row.customer.clone()),
            generation: None,
            step_name: format!("read_{}", row.purpose.as_str()),
            step: None,
            effect_key: row.key.to_string(),
            reason: Reason::Read,
            epoch: lease.epoch,
            request_id: self.new_name("req"),
            intent_at: self.ports().now_wall(),
        };
        let answered = self.ports().http(read.request(&source.api)).await;
        let now = self.ports().now_wall();
        let (called, status, provider_request_id, entry) = match &answered {
            Err(no_answer) => (Called::Failed(unreachable_source(no_answer)), None, None, None),
            Ok(response) => {
                let reply = Response {
                    status: response.status(),
                    headers: response.headers(),
                    body: response.body(),
                };
                let status = Some(response.status().as_u16());
                match answer(read, &source.id, &reply, now) {
                    Ok(Answer::Facts(told)) => {
                        let header = ReadHeader { read: read.clone(), at: told.at };
                        let entry = self.read_entry(row, &header, response.body(), &intent.request_id, now);
                        let called = told.next.map_or(Called::Done, Called::More);
                        (called, status, reply.request_id(), Some(entry))
                    }
                    // An absent object tells nothing and removes nobody (I10): the read is tried again later.
                    Ok(Answer::Missing { in_other_mode }) => {
                        let why = if in_other_mode {
                            "the object exists in the other mode"
                        } else {
                            "the source has no such object"
                        };
                        (
                            Called::Failed(Failure::Rejected { why: why.to_owned() }),
                            status,
                            reply.request_id(),
                            None,
                        )
                    }
                    Ok(_) => (Called::Done, status, reply.request_id(), None),
                    Err(refused) => (Called::Failed(refused.failure), status, refused.request_id, None),
                }
            }
        };
        let outcome = match &called {
            Called::Failed(failure) => Outcome::from(failure),
            Called::More(_) | Called::Done => Outcome::Done,
        };
        let why = match &called {
            Called::Failed(failure) => Some(why(failure)),
            Called::More(_) | Called::Done => None,
        };
        if let Called::Failed(failure) = &called {
            tracing::warn!(
                request.id = %intent.request_id,
                provider.request_id = provider_request_id.as_deref().unwrap_or("-"),
                customer.id = %row.customer,
                class = failure.class(),
                status = status.unwrap_or(0),
                "a read at the source failed"
            );
        }
        let call = CallAnswer {
            id: intent.id.clone(),
            epoch: lease.epoch,
            answered_at: now,
            outcome,
            status,
            provider_request_id,
            counted: true,
            why,
        };
        let expect = vec![Expect::Epoch {
            account: SOURCE.to_owned(),
            holder: lease.holder.clone(),
            epoch: lease.epoch,
            now,
        }];
        let mut writes = vec![Write::CallIntent(intent), Write::CallAnswer(call)];
        writes.extend(entry.map(Write::Journal));
        self.store().commit(Commit { expect, writes }).await?;
        Ok(called)
    }

    fn read_entry(
        &self,
        row: &SourceRead,
        header: &ReadHeader,
        body: &[u8],
        request_id: &str,
        now: Timestamp,
    ) -> NewEntry {
        let source = &self.settings().source;
        NewEntry {
            id: self.new_entry_id(),
            source: source.id.clone(),
            event_key: format!("read:{request_id}"),
            kind: EntryKind::Read,
            event_type: format!("read.{}", row.key.kind.as_str()),
            object_id: Some(row.key.id.clone()),
            object_created_at: Some(header.at),
            livemode: Some(source.livemode),
            api_version: None,
            received_at: now,
            verified_by: None,
            headers: serde_json::to_string(header).expect("a read holds only text and times"),
            body: body.to_vec(),
            state: EntryState::Pending,
            reason: None,
        }
    }

    /// Puts a failed read back. The same limits as for syncs: tries, then once a day; nothing is ever dropped.
    async fn read_failed(&self, mut row: SourceRead, failure: Failure) -> Result<Option<Timestamp>, Error> {
        let now = self.ports().now_wall();
        let mut account_waits = None;
        match &failure {
            Failure::Throttled { until, .. } | Failure::CappedUntil { until } => {
                row.due_at = *until;
                account_waits = Some(*until);
            }
            Failure::Unauthorized { why } => {
                let until = self.after(crate::reconcile::STOPPED_PROBE_EVERY);
                row.due_at = until;
                account_waits = Some(until);
                self.alert("unauthorized:source", "unauthorized", self.settings().source.id.as_str(), why)
                    .await?;
            }
            Failure::Transient { .. }
            | Failure::Unknown { .. }
            | Failure::Rejected { .. }
            | Failure::Misconfigured { .. } => {
                row.attempts += 1;
                let since = *row.failing_since.get_or_insert(now);
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
        Ok(account_waits)
    }
}

/// The failure of a read that got no answer: nothing was changed there, so it is simply tried again.
fn unreachable_source(no_answer: &NoAnswer) -> Failure {
    Failure::Transient { why: no_answer.to_string() }
}

/// A failure in our words.
pub(crate) fn why(failure: &Failure) -> String {
    match failure {
        Failure::Transient { why }
        | Failure::Throttled { why, .. }
        | Failure::Unauthorized { why }
        | Failure::Rejected { why }
        | Failure::Unknown { why } => why.clone(),
        Failure::Misconfigured { mapping } => format!("`{mapping}` does not exist there"),
        Failure::CappedUntil { until } => format!("new members are refused until {until}"),
    }
}
