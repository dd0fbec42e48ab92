//! The mass-change brake: removals beyond the allowance wait until a person releases it (I24).

use crate::sql::{Statement, statements};
use crate::value::Row;
use crate::{Error, Store};
use frontdesk_core::target::Target;
use jiff::Timestamp;

/// One time that the brake engaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brake {
    /// The name by which a person releases it.
    pub name: String,
    /// Where removals wait.
    pub target: Target,
    /// When it engaged.
    pub engaged_at: Timestamp,
    /// How many removals in what time, in our words.
    pub reason: String,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// Who released it.
    pub released_by: Option<String>,
}

statements! {
    /// Engages a brake; engaging it again changes nothing.
    BRAKE_ENGAGE = "INSERT INTO brake (name, target, engaged_at, reason) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO NOTHING";
    /// Releases a brake that holds.
    BRAKE_RELEASE = "UPDATE brake SET released_at = ?2, released_by = ?3 WHERE name = ?1 AND released_at IS NULL";
    /// Makes the rows that waited behind a brake due, and lets their removals pass.
    BRAKE_FREE = "UPDATE sync SET state = 'due', hold = NULL, brake = NULL, standing = ?3, next_attempt_at = ?2, brake_released = 1 WHERE brake = ?1";
    /// The brakes that hold, oldest first.
    BRAKES = "SELECT name, target, engaged_at, reason, released_at, released_by FROM brake WHERE released_at IS NULL ORDER BY engaged_at, name";
    /// One brake.
    BRAKE = "SELECT name, target, engaged_at, reason, released_at, released_by FROM brake WHERE name = ?1";
}

/// Engages; see [`crate::Write::BrakeEngage`].
pub(crate) fn engage(name: &str, target: Target, at: Timestamp, reason: &str) -> Statement {
    BRAKE_ENGAGE.with([name.into(), target.as_str().into(), at.into(), reason.into()])
}

/// Releases; see [`crate::Write::BrakeRelease`].
pub(crate) fn release(name: &str, at: Timestamp, by: &str) -> [Statement; 2] {
    let due = crate::value::Value::json(&frontdesk_core::sync::State::Due);
    [
        BRAKE_RELEASE.with([name.into(), at.into(), by.into()]).expecting_one(),
        BRAKE_FREE.with([name.into(), at.into(), due]),
    ]
}

fn read(row: Row) -> Result<Brake, Error> {
    let mut columns = row.columns();
    Ok(Brake {
        name: columns.text()?,
        target: columns.word(Target::parse)?,
        engaged_at: columns.time()?,
        reason: columns.text()?,
        released_at: columns.time_opt()?,
        released_by: columns.text_opt()?,
    })
}

impl Store {
    /// The brakes that hold, oldest first.
    pub async fn brakes(&self) -> Result<Vec<Brake>, Error> {
        self.db.query(BRAKES.with([])).await?.into_iter().map(read).collect()
    }

    /// One brake, holding or released.
    pub async fn brake(&self, name: &str) -> Result<Option<Brake>, Error> {
        self.db.query(BRAKE.with([name.into()])).await?.into_iter().next().map(read).transpose()
    }
}
