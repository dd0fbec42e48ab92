//! The writer: whatever waits is committed together, and each caller is answered after the commit.
//!
//! There is no timer and no added delay. While one commit is being synced, the next callers gather;
//! a lone caller pays for one sync, many share one. Each job runs in a savepoint of its own, so one
//! that conflicts undoes itself alone. Journal entries go first: acknowledging is what senders wait for.

use super::run::{self, Fault, Scope};
use crate::Error;
use crate::sql::{Answers, Script};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

/// Jobs that one commit takes at most.
const BATCH_MAX: usize = 1_024;
/// Jobs that may wait, of each sort; beyond, callers are turned away (I27).
const WAITING_MAX: usize = 8_192;

/// What a caller waits for.
pub(super) type Reply = Result<Answers, Error>;

/// One script and who waits for it.
struct Job {
    script: Script,
    reply: oneshot::Sender<Reply>,
}

/// Which line a job stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Goes first: a sender waits for its acknowledgement.
    Ingest,
    /// Everything else.
    Work,
}

#[derive(Default)]
struct Waiting {
    ingest: VecDeque<Job>,
    work: VecDeque<Job>,
    closed: bool,
}

/// The jobs that wait for the writer.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    /// Why nothing is written any more. Set, once, under the lock of what waits, so that nobody gets in line behind it.
    poisoned: watch::Sender<Option<String>>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that holds this lock can panic half-way through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a script in line.
    pub(super) fn push(&self, line: Line, script: Script) -> Result<oneshot::Receiver<Reply>, Error> {
        let mut waiting = self.lock();
        if let Some(why) = self.poisoned() {
            return Err(Error::Unavailable(why));
        }
        let queue = match line {
            Line::Ingest => &mut waiting.ingest,
            Line::Work => &mut waiting.work,
        };
        if queue.len() >= WAITING_MAX {
            return Err(Error::Unavailable("too many writes are waiting".to_owned()));
        }
        let (reply, answer) = oneshot::channel();
        queue.push_back(Job { script, reply });
        drop(waiting);
        self.arrived.notify_one();
        Ok(answer)
    }

    /// Lets the writer finish what waits, and end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// What waits, journal entries first; empty when the queue is closed and nothing waits.
    fn take(&self) -> Vec<Job> {
        let mut waiting = self.lock();
        while waiting.ingest.is_empty() && waiting.work.is_empty() && !waiting.closed {
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let first = waiting.ingest.len().min(BATCH_MAX);
        let mut jobs: Vec<_> = waiting.ingest.drain(..first).collect();
        let rest = waiting.work.len().min(BATCH_MAX - first);
        jobs.extend(waiting.work.drain(..rest));
        jobs
    }

    /// Turns everybody away from now on, also those who wait already.
    pub(super) fn poison(&self, why: &str) {
        let mut waiting = self.lock();
        self.poisoned.send_replace(Some(why.to_owned()));
        let Waiting { ingest, work, .. } = &mut *waiting;
        for job in ingest.drain(..).chain(work.drain(..)) {
            drop(job.reply.send(Err(Error::Unavailable(why.to_owned()))));
        }
    }

    /// Why everybody is turned away, if they are.
    fn poisoned(&self) -> Option<String> {
        self.poisoned.borrow().clone()
    }

    /// Waits until everybody is turned away, and says why.
    pub(super) async fn until_poisoned(&self) -> String {
        let mut poisoned = self.poisoned.subscribe();
        let why = poisoned.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        why.expect("the sender lives as long as the queue, and the wait was for a reason")
    }
}

/// Turns everybody away if the writer panics: otherwise they would wait for somebody who is gone.
struct Panics<'a>(&'a Queue);

impl Drop for Panics<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison("the writer ended in a panic; restart Frontdesk");
        }
    }
}

/// The words with which a poisoned store turns callers away.
pub(super) fn poisoned_by(error: &Error) -> String {
    format!("an earlier write failed and nothing later could be believed; restart Frontdesk ({error})")
}

/// Runs until the queue is closed, or until an error after which nothing later could be believed: the connection is
/// closed with it, and everybody is turned away.
pub(super) fn run(mut connection: Connection, queue: &Queue) {
    let _panics = Panics(queue);
    let mut is_poisoned = false;
    while !is_poisoned {
        let jobs = queue.take();
        if jobs.is_empty() {
            return;
        }
        let (scripts, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.script, job.reply)).unzip();
        let results = match run::transaction(&mut connection, |connection| batch(connection, &scripts)) {
            Ok(results) => results,
            Err(Fault { error, scope }) => {
                if scope == Scope::Poison {
                    tracing::error!(%error, "the database takes no more writes until a restart");
                    queue.poison(&poisoned_by(&error));
                    is_poisoned = true;
                }
                scripts.iter().map(|_| Err(error.duplicate())).collect()
            }
        };
        for (reply, result) in replies.into_iter().zip(results) {
            // Who no longer waits does not need the answer; what was committed stays committed.
            drop(reply.send(result));
        }
    }
}

/// Runs each script in a savepoint of its own.
fn batch(connection: &Connection, scripts: &[Script]) -> Result<Vec<Reply>, Fault> {
    let mut results = Vec::with_capacity(scripts.len());
    for script in scripts {
        run::control(connection, "SAVEPOINT job")?;
        match run::script(connection, script) {
            Ok(answers) => results.push(Ok(answers)),
            Err(Fault { error, scope: Scope::Script }) => {
                run::control(connection, "ROLLBACK TO job")?;
                results.push(Err(error));
            }
            Err(fault) => return Err(fault),
        }
        run::control(connection, "RELEASE job")?;
    }
    Ok(results)
}
