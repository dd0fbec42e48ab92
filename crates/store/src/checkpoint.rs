//! Daily checkpoints of the audit log: each hashes the ends of all chains that grew since the one
//! before, so that a chain or its tail cannot go missing together with its head.

use crate::audit::{Broken, Verified};
use crate::sql::statements;
use crate::value::Row;
use crate::{Error, RETRIES_MAX, Store};
use jiff::{Timestamp, civil};
use sha2::{Digest, Sha256};

/// One checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The day, UTC.
    pub day: civil::Date,
    /// The last entry that it covers, in the order over all chains.
    pub through_seq: i64,
    /// How many entries it covers that the one before did not.
    pub entries: i64,
    /// SHA-256, hex: worth a line in a log that is kept elsewhere.
    pub heads_hash: String,
}

statements! {
    /// The newest checkpoint.
    CHECKPOINT_LAST = "SELECT day, through_seq, entries, heads_hash FROM audit_checkpoint ORDER BY day DESC LIMIT 1";
    /// All checkpoints, oldest first.
    CHECKPOINTS = "SELECT day, through_seq, entries, heads_hash FROM audit_checkpoint ORDER BY day";
    /// The last entry of all.
    AUDIT_LAST = "SELECT COALESCE(MAX(seq), 0) FROM audit";
    /// How many entries there are between two places.
    AUDIT_COUNT = "SELECT COUNT(*) FROM audit WHERE seq > ?1 AND seq <= ?2";
    /// The ends, as of `?2`, of the chains that grew after `?1`.
    AUDIT_GROWN = "SELECT customer_id, nth, hash FROM audit AS entry WHERE seq > ?1 AND seq <= ?2 AND NOT EXISTS \
        (SELECT 1 FROM audit AS later WHERE later.customer_id = entry.customer_id AND later.nth > entry.nth AND later.seq <= ?2) \
        ORDER BY customer_id";
    /// Waits for those who are adding entries: PostgreSQL numbers an entry before its commit, so a
    /// lower number could still appear. SQLite has one writer.
    CHECKPOINT_LOCK = sqlite "SELECT 1", postgres "LOCK TABLE audit IN SHARE MODE";
    /// Demands that no entry appeared among those that were hashed.
    CHECKPOINT_EXPECT = "SELECT 1 WHERE (SELECT COUNT(*) FROM audit WHERE seq > ?1 AND seq <= ?2) = ?3";
    /// A checkpoint, once a day.
    CHECKPOINT_PUT = "INSERT INTO audit_checkpoint (day, through_seq, entries, heads_hash, made_at) VALUES (?1, ?2, ?3, ?4, ?5)";
}

fn read(row: Row) -> Result<Checkpoint, Error> {
    let mut columns = row.columns();
    Ok(Checkpoint {
        day: columns.word(|word| word.parse().ok())?,
        through_seq: columns.int()?,
        entries: columns.int()?,
        heads_hash: columns.text()?,
    })
}

impl Store {
    /// The checkpoint of `day`, made now if there is none. Days must not go backwards: after a
    /// later day's checkpoint, that one is given.
    pub async fn checkpoint(&self, day: civil::Date, now: Timestamp) -> Result<Checkpoint, Error> {
        let mut tries = 0;
        loop {
            let last =
                self.db.query(CHECKPOINT_LAST.with([])).await?.into_iter().next().map(read).transpose()?;
            if let Some(last) = last.as_ref().filter(|last| last.day >= day) {
                return Ok(last.clone());
            }
            let mut through = self.db.query(AUDIT_LAST.with([])).await?.into_iter();
            let through = through.next().map_or(Ok(0), |row| row.columns().int())?;
            let made = self.recompute(last.as_ref(), day, through).await?;
            let since = last.map_or(0, |last| last.through_seq);
            let put = [
                day.to_string().into(),
                through.into(),
                made.entries.into(),
                made.heads_hash.as_str().into(),
                now.into(),
            ];
            let script = vec![
                CHECKPOINT_LOCK.with([]),
                CHECKPOINT_EXPECT.with([since.into(), through.into(), made.entries.into()]).expecting_one(),
                CHECKPOINT_PUT.with(put),
            ];
            match self.db.write(script).await {
                Ok(_) => return Ok(made),
                Err(error) if error.is_conflict() && tries < RETRIES_MAX => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// All checkpoints, oldest first.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, Error> {
        self.db.query(CHECKPOINTS.with([])).await?.into_iter().map(read).collect()
    }

    /// What the checkpoint of `day` through `through` is after `last`.
    async fn recompute(
        &self,
        last: Option<&Checkpoint>,
        day: civil::Date,
        through: i64,
    ) -> Result<Checkpoint, Error> {
        let (since, before) = last.map_or((0, ""), |last| (last.through_seq, last.heads_hash.as_str()));
        let range = || [since.into(), through.into()];
        let mut answers =
            self.db.read(vec![AUDIT_COUNT.with(range()), AUDIT_GROWN.with(range())]).await?.into_iter();
        let entries =
            answers.next().unwrap_or_default().into_iter().next().map_or(Ok(0), |row| row.columns().int())?;
        let mut digest = Sha256::new();
        digest.update(format!("{before}\n{day}\n{through}\n{entries}\n"));
        for row in answers.next().unwrap_or_default() {
            let mut columns = row.columns();
            let (customer, nth, hash) = (columns.text()?, columns.int()?, columns.text()?);
            digest.update(format!("{customer} {nth} {hash}\n"));
        }
        Ok(Checkpoint { day, through_seq: through, entries, heads_hash: hex::encode(digest.finalize()) })
    }

    /// Recomputes every checkpoint.
    pub(crate) async fn verify_checkpoints(&self, found: &mut Verified) -> Result<(), Error> {
        let mut last: Option<Checkpoint> = None;
        for stored in self.checkpoints().await? {
            found.checkpoints += 1;
            let made = self.recompute(last.as_ref(), stored.day, stored.through_seq).await?;
            if made != stored {
                let why = format!("the log up to the checkpoint of {} is not what it was then", stored.day);
                found.broken.push(Broken { customer: None, nth: 0, why });
            }
            last = Some(stored);
        }
        Ok(())
    }
}
