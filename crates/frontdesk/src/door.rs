//! The door beside an SQLite database: how a command reaches the process that holds the file.
//!
//! One process at a time may have the file, so while `serve` runs, `frontdesk explain …` asks it instead of opening
//! the database. The door is a Unix socket beside the file (`frontdesk.db.door`) that its owner alone can open. One
//! question in, as one JSON document until the asker closes its half; one JSON document back.

use crate::live::LivePorts;
use frontdesk_engine::Ports;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// Longest question, in bytes. A command line is far shorter; a batch of an import's rows is not.
const QUESTION_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How long the door waits after nobody could be let in.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Longest answer, in bytes: a page of events with their bodies fits many times.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What came of a question: what the command printed, and its exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What goes to stdout.
    pub stdout: String,
    /// What goes to stderr.
    pub stderr: String,
    /// The exit code.
    pub code: u8,
}

/// The door of a database file: the same name and `.door`.
pub fn path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".door");
    name.into()
}

/// Opens the door and answers whoever comes, beside everything else. Only the process that holds the database's lock
/// may: a door that is left over from a process that died is taken down first.
///
/// # Errors
///
/// Where the socket cannot be made, as on a path longer than the system takes.
pub fn open<A, F>(ports: &LivePorts, database: &Path, answer: A) -> io::Result<()>
where
    A: Fn(Vec<u8>) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let path = path(database);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let owner = std::fs::metadata(&path)?.uid();
    let answer = Arc::new(answer);
    let spawner = ports.clone();
    ports.spawn("door", async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // As when the process has no descriptor left: whoever waits at the door gets in a little later.
                    tracing::warn!("the door could not be answered, trying again: {error}");
                    spawner.sleep(AGAIN_AFTER).await;
                    continue;
                }
            };
            // Who came in before the mode was set is turned away here.
            let is_owner = stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0);
            if !is_owner {
                continue;
            }
            let answer = Arc::clone(&answer);
            spawner.spawn("door-answer", async move {
                if let Err(error) = serve(stream, answer.as_ref()).await {
                    tracing::debug!("whoever asked at the door went away: {error}");
                }
            });
        }
    });
    Ok(())
}

async fn serve<F: Future<Output = Answer>>(
    mut stream: UnixStream,
    answer: &(impl Fn(Vec<u8>) -> F + Sync),
) -> io::Result<()> {
    let mut question = Vec::new();
    (&mut stream).take(QUESTION_BYTES_MAX).read_to_end(&mut question).await?;
    let answered = answer(question).await;
    let bytes = serde_json::to_vec(&answered).expect("an answer is text and a number");
    stream.write_all(&bytes).await?;
    stream.shutdown().await
}

/// Asks the process that holds the database; `None` if nobody is at the door.
///
/// # Errors
///
/// Where the process went away before it had answered: whether it did what it was asked is not known.
pub async fn ask(database: &Path, question: &impl Serialize) -> io::Result<Option<Answer>> {
    let Ok(mut stream) = UnixStream::connect(path(database)).await else { return Ok(None) };
    let question = serde_json::to_vec(question).expect("a question is made of words");
    stream.write_all(&question).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    let answer =
        serde_json::from_slice(&answer).map_err(|_| io::Error::other("it went away without an answer"))?;
    Ok(Some(answer))
}
