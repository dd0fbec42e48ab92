//! SQLite with one writer thread and a few read-only connections.

use super::lock::Lock;
use super::writer::{self, Line, Queue};
use super::{SqliteSettings, prepare_all, run, setup};
use crate::Error;
use crate::sql::{Answers, Script};
use rusqlite::Connection;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::Semaphore;

/// Read-only connections: as many reads run at once.
const READERS: usize = 4;

/// The readers that are idle.
struct Readers {
    idle: Mutex<Vec<Connection>>,
    free: Arc<Semaphore>,
}

/// An embedded database with its threads.
pub(crate) struct Threaded {
    queue: Arc<Queue>,
    readers: Arc<Readers>,
    writer: Option<JoinHandle<()>>,
    /// Released last, when every connection is closed.
    _lock: Lock,
}

impl fmt::Debug for Threaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threaded").finish_non_exhaustive()
    }
}

impl Threaded {
    pub(super) fn open(settings: &SqliteSettings) -> Result<Self, Error> {
        let lock = setup::prepare_files(settings)?;
        let connection = setup::open_writer(settings, None)?;
        let idle = (0..READERS).map(|_| setup::open_reader(&settings.path)).collect::<Result<_, _>>()?;
        let queue = Arc::new(Queue::default());
        let jobs = Arc::clone(&queue);
        let writer = std::thread::Builder::new()
            .name("sqlite writer".to_owned())
            .spawn(move || writer::run(connection, &jobs))
            .map_err(|error| Error::Refused(format!("the writer thread does not start: {error}")))?;
        let readers = Readers { idle: Mutex::new(idle), free: Arc::new(Semaphore::new(READERS)) };
        Ok(Self { queue, readers: Arc::new(readers), writer: Some(writer), _lock: lock })
    }

    async fn submit(&self, line: Line, script: Script) -> Result<Answers, Error> {
        let gone = |_| Error::Unavailable("the writer ended before it answered".to_owned());
        self.queue.push(line, script)?.await.map_err(gone)?
    }

    pub(crate) async fn write(&self, script: Script) -> Result<Answers, Error> {
        self.submit(Line::Work, script).await
    }

    pub(crate) async fn ingest(&self, script: Script) -> Result<Answers, Error> {
        self.submit(Line::Ingest, script).await
    }

    pub(crate) async fn given_up(&self) -> String {
        self.queue.until_poisoned().await
    }

    pub(crate) async fn read(&self, script: Script) -> Result<Answers, Error> {
        self.with_reader(move |reader| {
            // One transaction, so that all statements see one instant.
            run::control(reader, "BEGIN").map_err(|fault| fault.error)?;
            let answers = run::script(reader, &script).map_err(|fault| fault.error);
            run::undo(reader);
            answers
        })
        .await
    }

    pub(crate) async fn prepare_all(&self) -> Result<usize, Error> {
        self.with_reader(prepare_all).await
    }

    /// Runs `work` on an idle reader, off the async threads. The reader comes back also when the
    /// caller no longer waits.
    async fn with_reader<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let free = Arc::clone(&self.readers.free);
        let permit = free.acquire_owned().await.expect("the semaphore is never closed");
        let readers = Arc::clone(&self.readers);
        let idle = move || {
            readers
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop()
                .map(|one| (readers.clone(), one))
        };
        let done = tokio::task::spawn_blocking(move || {
            // Readers are only missing once the store is closing, and whoever still asks is not waited for.
            let Some((readers, reader)) = idle() else {
                return Err(Error::Unavailable("the store is closed".to_owned()));
            };
            let done = work(&reader);
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            drop(permit);
            done
        });
        done.await.map_err(|error| Error::Unavailable(format!("a read was given up: {error}")))?
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        self.queue.close();
        self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if self.writer.take().is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the writer thread panicked");
        }
    }
}
