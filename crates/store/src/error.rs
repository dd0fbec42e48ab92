//! What can go wrong, by what the caller can do about it.

/// Why the store did not do what it was asked.
///
/// "Not found" is never an error; it is `Ok(None)`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An expectation did not hold, or a unique key was taken meanwhile. Nothing was written: read
    /// again, decide again, submit again.
    #[error("the record changed meanwhile (`{statement}`)")]
    Conflict {
        /// The name of the statement whose expectation failed.
        statement: &'static str,
    },
    /// The disk or the database's size limit is full. Nothing was written; answer 503 and try
    /// again once there is space. Needs no repair.
    #[error("the disk is full")]
    Full,
    /// The database cannot be reached or can no longer be trusted to keep what it is given.
    /// Whether the last write was kept is unknown; every write may be repeated safely.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// Something read back is not what was written.
    #[error("the database is corrupt: {0}")]
    Corrupt(String),
    /// The store does not start like this; the text says why and what to do.
    #[error("the database cannot be used: {0}")]
    Refused(String),
    /// There is nothing to verify the server with, and nobody said that it may be spoken to in the clear.
    #[error("the way to the database would not be encrypted")]
    InTheClear,
    /// The database refused a statement: a bug here, or a database changed by other hands.
    #[error("the database refused `{statement}`: {message}")]
    Sql {
        /// The statement's name.
        statement: &'static str,
        /// What the database said. Holds no parameters, so no personal data.
        message: String,
    },
}

impl Error {
    /// Whether reading again and deciding again can succeed at once.
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// The same error for another caller that shared the failed commit.
    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Conflict { statement } => Self::Conflict { statement },
            Self::Full => Self::Full,
            Self::Unavailable(why) => Self::Unavailable(why.clone()),
            Self::Corrupt(why) => Self::Corrupt(why.clone()),
            Self::Refused(why) => Self::Refused(why.clone()),
            Self::InTheClear => Self::InTheClear,
            Self::Sql { statement, message } => Self::Sql { statement, message: message.clone() },
        }
    }
}
