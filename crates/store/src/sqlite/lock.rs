//! The lock file beside a database: one process at a time.
//!
//! The lock is the operating system's, so it ends with the process however that ends. The text in
//! the file only tells a person who holds it.

use crate::Error;
use jiff::Timestamp;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// The lock file of a database file: the same name and `.lock`.
fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

impl Lock {
    /// Takes the lock of `database`, or says who holds it.
    pub(super) fn take(database: &Path, now: Timestamp) -> Result<Self, Error> {
        let path = lock_path(database);
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Error::Refused(format!("the lock file `{}` cannot be {what}: {error}", path.display()))
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| failed("opened", &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Best effort: the refusal stands whether or not it can name the holder.
                if file.read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
                    "another process".clone_into(&mut holder);
                }
                return Err(Error::Refused(format!(
                    "`{}` is in use by {}; two processes on one file would harm each other, so stop that one first",
                    database.display(),
                    holder.trim()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed("locked", &error)),
        }
        let text = format!("process {} started {now}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(|error| failed("written", &error))?;
        Ok(Self { _file: file })
    }
}
