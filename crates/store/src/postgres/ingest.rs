//! The writer of journal entries: whatever waits goes into one statement and one commit.

use super::{Fault, fault};
use crate::journal::{Inserted, NewEntry};
use crate::sql::{Engine, statements};
use crate::value::clean;
use crate::{Error, RETRIES_MAX};
use deadpool_postgres::Pool;
use frontdesk_core::id::EntryId;
use jiff::Timestamp;
use std::collections::BTreeMap;
use tokio::sync::{mpsc, oneshot};

/// Entries that one commit takes at most.
const BATCH_MAX: usize = 512;
/// Entries that may wait; beyond, senders are turned away (I27).
const WAITING_MAX: usize = 8_192;

statements! {
    /// The same as `JOURNAL_INSERT`, for many entries at once, each with the number of its
    /// deliveries in this batch. SQLite has no arrays and needs none: its writer shares a commit.
    JOURNAL_INSERT_MANY = postgres "INSERT INTO journal (id, source, event_key, kind, type, object_id, object_created_at, livemode, \
            api_version, received_at, verified_by, headers, body, body_sha256, state, reason, tries, deliveries, last_seen_at) \
        SELECT id, source, event_key, kind, type, object_id, object_created_at, livemode, api_version, received_at, verified_by, \
            headers, body, body_sha256, state, reason, 0, deliveries, received_at \
        FROM UNNEST(?1::text[], ?2::text[], ?3::text[], ?4::text[], ?5::text[], ?6::text[], ?7::bigint[], ?8::bigint[], ?9::text[], \
            ?10::bigint[], ?11::text[], ?12::text[], ?13::bytea[], ?14::text[], ?15::text[], ?16::text[], ?17::bigint[]) \
            AS given (id, source, event_key, kind, type, object_id, object_created_at, livemode, api_version, received_at, verified_by, \
                headers, body, body_sha256, state, reason, deliveries) \
        ON CONFLICT (source, event_key) DO UPDATE SET deliveries = journal.deliveries + excluded.deliveries, \
            last_seen_at = GREATEST(journal.last_seen_at, excluded.last_seen_at) \
        WHERE journal.type = excluded.type AND journal.livemode IS NOT DISTINCT FROM excluded.livemode \
            AND journal.object_created_at IS NOT DISTINCT FROM excluded.object_created_at \
            AND journal.object_id IS NOT DISTINCT FROM excluded.object_id \
        RETURNING source, event_key, seq, id, deliveries";
}

type Reply = Result<Inserted, Error>;

/// One entry and who waits for it.
struct Job {
    entry: NewEntry,
    reply: oneshot::Sender<Reply>,
}

/// The way to the writer. The writer ends when it is dropped and nothing waits.
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    #[expect(
        clippy::disallowed_methods,
        reason = "belongs to the connections, which spawn tasks of their own; a simulated store runs on SQLite"
    )]
    pub(super) fn start(pool: Pool) -> Self {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(run(pool, waiting));
        Self { jobs }
    }

    /// Puts an entry in line and waits for the commit that holds it.
    pub(super) async fn insert(&self, entry: NewEntry) -> Reply {
        let (reply, answer) = oneshot::channel();
        self.jobs
            .try_send(Job { entry, reply })
            .map_err(|_| Error::Unavailable("too many journal entries are waiting".to_owned()))?;
        answer.await.map_err(|_| Error::Unavailable("the writer ended before it answered".to_owned()))?
    }
}

async fn run(pool: Pool, mut waiting: mpsc::Receiver<Job>) {
    let mut jobs = Vec::new();
    while waiting.recv_many(&mut jobs, BATCH_MAX).await > 0 {
        let batch = Batch::gather(std::mem::take(&mut jobs));
        for job in batch.write(&pool).await {
            let done = write_alone(&pool, &job.entry).await;
            // Who no longer waits does not need the answer; what was committed stays committed.
            drop(job.reply.send(done));
        }
    }
}

/// Writes one entry by itself.
async fn write_alone(pool: &Pool, entry: &NewEntry) -> Reply {
    entry.inserted_from(super::write(pool, &entry.script()).await?)
}

/// Deliveries of one event in one batch: the first is written, the others are counted with it.
struct Group {
    first: Job,
    others: Vec<Job>,
}

/// Whether two entries of one key are deliveries of one event.
fn is_same(a: &NewEntry, b: &NewEntry) -> bool {
    let told = |entry: &NewEntry| entry.object_created_at.map(Timestamp::as_microsecond);
    a.event_type == b.event_type
        && a.livemode == b.livemode
        && told(a) == told(b)
        && a.object_id == b.object_id
}

/// A batch, sorted by unique key so that the batches of two nodes cannot deadlock.
struct Batch {
    groups: BTreeMap<(String, String), Group>,
    /// Contradict another entry of this very batch: written by themselves, afterwards.
    alone: Vec<Job>,
}

impl Batch {
    fn gather(jobs: Vec<Job>) -> Self {
        let mut batch = Self { groups: BTreeMap::new(), alone: Vec::new() };
        for job in jobs {
            let key = (clean(job.entry.source.as_str()), clean(&job.entry.event_key));
            match batch.groups.get_mut(&key) {
                None => drop(batch.groups.insert(key, Group { first: job, others: Vec::new() })),
                Some(group) if is_same(&group.first.entry, &job.entry) => group.others.push(job),
                Some(_) => batch.alone.push(job),
            }
        }
        batch
    }

    /// Writes the batch and answers; gives back the jobs that must be written by themselves: those
    /// that contradict what is stored, or all of them when the batch as a whole was refused, so
    /// that one bad entry harms no other (I23).
    async fn write(mut self, pool: &Pool) -> Vec<Job> {
        let mut tries = 0;
        let mut stored = loop {
            match self.insert(pool).await {
                Ok(stored) => break stored,
                Err(Fault { may_retry: true, .. }) if tries < RETRIES_MAX => tries += 1,
                Err(Fault { error: error @ (Error::Unavailable(_) | Error::Full), .. }) => {
                    let groups = std::mem::take(&mut self.groups).into_values();
                    for job in groups
                        .flat_map(|group| std::iter::once(group.first).chain(group.others))
                        .chain(self.alone)
                    {
                        drop(job.reply.send(Err(error.duplicate())));
                    }
                    return Vec::new();
                }
                Err(_) => break BTreeMap::new(),
            }
        };
        let mut alone = Vec::new();
        for (key, group) in self.groups {
            match stored.remove(&key) {
                Some(row) => group.answer(&row),
                None => alone.extend(std::iter::once(group.first).chain(group.others)),
            }
        }
        alone.extend(self.alone);
        alone
    }

    async fn insert(&self, pool: &Pool) -> Result<BTreeMap<(String, String), Stored>, Fault> {
        let name = JOURNAL_INSERT_MANY.name;
        let failed = |error: tokio_postgres::Error| fault(&error, name);
        let entries = || self.groups.values().map(|group| &group.first.entry);
        let texts =
            |text: fn(&NewEntry) -> &str| entries().map(|entry| clean(text(entry))).collect::<Vec<_>>();
        let texts_opt = |text: fn(&NewEntry) -> Option<&str>| {
            entries().map(|entry| text(entry).map(clean)).collect::<Vec<Option<String>>>()
        };
        let received: Vec<i64> = entries().map(|entry| entry.received_at.as_microsecond()).collect();
        let told: Vec<Option<i64>> =
            entries().map(|entry| entry.object_created_at.map(Timestamp::as_microsecond)).collect();
        let livemode: Vec<Option<i64>> = entries().map(|entry| entry.livemode.map(i64::from)).collect();
        let bodies: Vec<&[u8]> = entries().map(|entry| entry.body.as_slice()).collect();
        let sha256: Vec<String> = entries().map(NewEntry::sha256).collect();
        let deliveries: Vec<i64> = self.groups.values().map(Group::deliveries).collect();

        let connection = pool.get().await.map_err(|error| super::setup::no_connection(&error))?;
        let text = JOURNAL_INSERT_MANY.text(Engine::Postgres).expect("it is PostgreSQL's own");
        let prepared = connection.prepare_cached(&text).await.map_err(failed)?;
        // A single statement is its own transaction.
        let rows = connection
            .query(
                &prepared,
                &[
                    &texts(|entry| entry.id.as_str()),
                    &texts(|entry| entry.source.as_str()),
                    &texts(|entry| &entry.event_key),
                    &texts(|entry| entry.kind.as_str()),
                    &texts(|entry| &entry.event_type),
                    &texts_opt(|entry| entry.object_id.as_deref()),
                    &told,
                    &livemode,
                    &texts_opt(|entry| entry.api_version.as_deref()),
                    &received,
                    &texts_opt(|entry| entry.verified_by.as_deref()),
                    &texts(|entry| &entry.headers),
                    &bodies,
                    &sha256,
                    &texts(|entry| entry.state.as_str()),
                    &texts_opt(|entry| entry.reason.as_deref()),
                    &deliveries,
                ],
            )
            .await
            .map_err(failed)?;
        let stored = rows.iter().map(|row| {
            let id = EntryId::new(row.get::<_, String>(3));
            ((row.get(0), row.get(1)), Stored { seq: row.get(2), id, deliveries: row.get(4) })
        });
        Ok(stored.collect())
    }
}

/// What is in the journal after the batch.
struct Stored {
    seq: i64,
    id: EntryId,
    deliveries: i64,
}

impl Group {
    fn deliveries(&self) -> i64 {
        i64::try_from(self.others.len()).unwrap_or(i64::MAX).saturating_add(1)
    }

    fn answer(self, stored: &Stored) {
        let before = stored.deliveries - self.deliveries();
        let is_new = before == 0 && stored.id.as_str() == clean(self.first.entry.id.as_str());
        let duplicate = |nth: i64| Inserted::Duplicate { id: stored.id.clone(), deliveries: before + nth };
        let first = if is_new { Inserted::New { seq: stored.seq } } else { duplicate(1) };
        drop(self.first.reply.send(Ok(first)));
        for (nth, job) in (2..).zip(self.others) {
            drop(job.reply.send(Ok(duplicate(nth))));
        }
    }
}
