//! Calls to providers: the intent before each, its outcome after, and what it cost. One line per
//! call is both the ledger of intents (RELIABILITY I16) and the ledger of quota (I21).

use crate::sql::{Script, Statement, statements};
use crate::value::{Row, Value};
use crate::word::words;
use crate::{Error, Store};
use frontdesk_core::budget::Reason;
use frontdesk_core::id::CustomerId;
use frontdesk_core::target::{Failure, Step, Target};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

words! {
    /// How a call ended.
    pub enum Outcome {
        /// Not yet: it is about to leave, under way, or the process died meanwhile.
        Intent = "intent",
        /// Done.
        Done = "done",
        /// Certainly not done; tried again.
        Transient = "transient",
        /// Over a limit; certainly not done.
        Throttled = "throttled",
        /// The credential was refused.
        Unauthorized = "unauthorized",
        /// Refused for this person.
        Rejected = "rejected",
        /// Something that the catalogue names does not exist.
        Misconfigured = "misconfigured",
        /// It may or may not have been done.
        Unknown = "unknown",
    }
}

impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Transient { .. } => Self::Transient,
            Failure::Throttled { .. } | Failure::CappedUntil { .. } => Self::Throttled,
            Failure::Unauthorized { .. } => Self::Unauthorized,
            Failure::Rejected { .. } => Self::Rejected,
            Failure::Misconfigured { .. } => Self::Misconfigured,
            Failure::Unknown { .. } => Self::Unknown,
        }
    }
}

/// A call that is about to leave. Durable before it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallIntent {
    /// Our effect id.
    pub id: String,
    /// The account it is charged to.
    pub account: String,
    /// The target; `None` for a source.
    pub target: Option<Target>,
    /// For whom; `None` for sweeps and lists.
    pub customer: Option<CustomerId>,
    /// The desired generation that caused it.
    pub generation: Option<i64>,
    /// The step's name: [`Step::name`], or a word of the caller's for what is no step.
    pub step_name: String,
    /// The step.
    pub step: Option<Step>,
    /// The same for all tries of one effect (I15).
    pub effect_key: String,
    /// What it is spent on.
    pub reason: Reason,
    /// The lease under which it leaves.
    pub epoch: i64,
    /// Our request id, as sent.
    pub request_id: String,
    /// When.
    pub intent_at: Timestamp,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallAnswer {
    /// The effect id of its intent.
    pub id: String,
    /// The account's epoch of whoever stores the answer: refused unless it is the current one
    /// (I18). Normally the intent's; a later holder settles what an earlier one left.
    pub epoch: i64,
    /// When.
    pub answered_at: Timestamp,
    /// How it ended; never [`Outcome::Intent`].
    pub outcome: Outcome,
    /// The answer's HTTP status.
    pub status: Option<u16>,
    /// The provider's own id of the request.
    pub provider_request_id: Option<String>,
    /// Whether it uses up quota.
    pub counted: bool,
    /// What the provider said, in our words.
    pub why: Option<String>,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The intent.
    pub intent: CallIntent,
    /// When its outcome was stored.
    pub answered_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Outcome,
    /// The answer's HTTP status.
    pub status: Option<u16>,
    /// The provider's own id of the request.
    pub provider_request_id: Option<String>,
    /// Whether it uses up quota; assumed until answered.
    pub counted: bool,
    /// What the provider said, in our words.
    pub why: Option<String>,
}

statements! {
    /// An intent. It counts until an answer says otherwise: quota is never underestimated.
    CALL_INTENT = "INSERT INTO call (id, account, target, customer_id, generation, step, step_json, effect_key, reason, epoch, \
            request_id, intent_at, outcome, counted) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'intent', 1)";
    /// Demands that the account of a call is still at an epoch. PostgreSQL locks the account's
    /// row, so that nobody takes the lease before the commit; SQLite has one writer.
    CALL_FENCE = sqlite "SELECT 1 FROM account WHERE name = (SELECT account FROM call WHERE id = ?1) AND epoch = ?2",
        postgres "SELECT 1 FROM account WHERE name = (SELECT account FROM call WHERE id = ?1) AND epoch = ?2 FOR UPDATE";
    /// The outcome of a call, once.
    CALL_ANSWER = "UPDATE call SET answered_at = ?2, outcome = ?3, status = ?4, provider_request_id = ?5, counted = ?6, why = ?7 \
        WHERE id = ?1 AND outcome = 'intent'";
    /// One call.
    CALL = "SELECT id, account, target, customer_id, generation, step, step_json, effect_key, reason, epoch, request_id, intent_at, \
            answered_at, outcome, status, provider_request_id, counted, why FROM call WHERE id = ?1";
    /// The newest calls for one customer.
    CALLS_FOR = "SELECT id, account, target, customer_id, generation, step, step_json, effect_key, reason, epoch, request_id, intent_at, \
            answered_at, outcome, status, provider_request_id, counted, why FROM call \
        WHERE customer_id = ?1 ORDER BY intent_at DESC, id DESC LIMIT ?2";
    /// Intents of an account whose outcome is not known.
    CALLS_UNANSWERED = "SELECT id, account, target, customer_id, generation, step, step_json, effect_key, reason, epoch, request_id, \
            intent_at, answered_at, outcome, status, provider_request_id, counted, why FROM call \
        WHERE account = ?1 AND outcome = 'intent' ORDER BY intent_at, id";
    /// When an account was called since an instant, as far as it counts.
    CALL_TIMES = "SELECT intent_at FROM call WHERE account = ?1 AND intent_at >= ?2 AND counted = 1 ORDER BY intent_at";
    /// What an account's calls since an instant were spent on, as far as they count.
    CALL_COUNTS = "SELECT reason, COUNT(*) FROM call WHERE account = ?1 AND intent_at >= ?2 AND counted = 1 GROUP BY reason";
    /// How long answered calls of an account took on average since an instant, in microseconds.
    CALL_SPAN = "SELECT CAST(AVG(answered_at - intent_at) AS BIGINT) FROM call WHERE account = ?1 AND intent_at >= ?2 AND answered_at IS NOT NULL \
        AND outcome = 'done'";
    /// From whom something was taken in a target since an instant, or may have been.
    CALL_REMOVALS = "SELECT DISTINCT customer_id FROM call WHERE target = ?1 AND step = 'remove' AND intent_at BETWEEN ?2 AND ?3 \
        AND outcome IN ('intent', 'done', 'unknown') AND customer_id IS NOT NULL";
}

/// The word of a reason, read back.
fn reason(word: &str) -> Option<Reason> {
    Reason::ALL.into_iter().find(|reason| reason.as_str() == word)
}

/// Writes an intent; see [`crate::Write::CallIntent`].
pub(crate) fn intend(call: &CallIntent) -> Statement {
    CALL_INTENT
        .with([
            call.id.as_str().into(),
            call.account.as_str().into(),
            call.target.map(Target::as_str).into(),
            call.customer.as_ref().map(CustomerId::as_str).into(),
            call.generation.into(),
            call.step_name.as_str().into(),
            Value::json_opt(call.step.as_ref()),
            call.effect_key.as_str().into(),
            call.reason.as_str().into(),
            call.epoch.into(),
            call.request_id.as_str().into(),
            call.intent_at.into(),
        ])
        .expecting_one()
}

/// Writes an outcome; see [`crate::Write::CallAnswer`].
pub(crate) fn answer(answer: &CallAnswer) -> Script {
    assert!(answer.outcome != Outcome::Intent, "an answer that says nothing came back is no answer");
    let id = || Value::from(answer.id.as_str());
    vec![
        CALL_FENCE.with([id(), answer.epoch.into()]).expecting_one(),
        CALL_ANSWER
            .with([
                id(),
                answer.answered_at.into(),
                answer.outcome.into(),
                answer.status.map(u32::from).into(),
                answer.provider_request_id.as_deref().into(),
                answer.counted.into(),
                answer.why.as_deref().into(),
            ])
            .expecting_one(),
    ]
}

fn read(row: Row) -> Result<Call, Error> {
    let mut columns = row.columns();
    Ok(Call {
        intent: CallIntent {
            id: columns.text()?,
            account: columns.text()?,
            target: columns.text_opt()?.as_deref().and_then(Target::parse),
            customer: columns.text_opt()?.map(CustomerId::new),
            generation: columns.int_opt()?,
            step_name: columns.text()?,
            step: columns.json_opt()?,
            effect_key: columns.text()?,
            reason: columns.word(reason)?,
            epoch: columns.int()?,
            request_id: columns.text()?,
            intent_at: columns.time()?,
        },
        answered_at: columns.time_opt()?,
        outcome: columns.word(Outcome::parse)?,
        status: columns.int_opt()?.and_then(|status| u16::try_from(status).ok()),
        provider_request_id: columns.text_opt()?,
        counted: columns.flag()?,
        why: columns.text_opt()?,
    })
}

impl Store {
    /// One call by its effect id.
    pub async fn call(&self, id: &str) -> Result<Option<Call>, Error> {
        self.db.query(CALL.with([id.into()])).await?.into_iter().next().map(read).transpose()
    }

    /// The newest calls for one customer, newest first.
    pub async fn calls_for(&self, customer: &CustomerId, limit: u32) -> Result<Vec<Call>, Error> {
        let rows = self.db.query(CALLS_FOR.with([customer.as_str().into(), limit.into()])).await?;
        rows.into_iter().map(read).collect()
    }

    /// Intents of an account whose outcome is not known, oldest first. What is found here after
    /// taking a lease was left by somebody who died between C5 and C8: look first (I17).
    pub async fn unanswered_intents(&self, account: &str) -> Result<Vec<Call>, Error> {
        self.db.query(CALLS_UNANSWERED.with([account.into()])).await?.into_iter().map(read).collect()
    }

    /// When an account was called at or after `since`, oldest first, as far as the calls count:
    /// for limits per minute.
    pub async fn calls_since(&self, account: &str, since: Timestamp) -> Result<Vec<Timestamp>, Error> {
        let rows = self.db.query(CALL_TIMES.with([account.into(), since.into()])).await?;
        rows.into_iter().map(|row| row.columns().time()).collect()
    }

    /// What the calls of an account at or after `since` were spent on, as far as they count: for
    /// monthly allowances and forecasts.
    pub async fn calls_counted(
        &self,
        account: &str,
        since: Timestamp,
    ) -> Result<BTreeMap<Reason, i64>, Error> {
        let rows = self.db.query(CALL_COUNTS.with([account.into(), since.into()])).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = row.columns();
                Ok((columns.word(reason)?, columns.int()?))
            })
            .collect()
    }

    /// How long a call of an account that was done takes on average, over those at or after `since`. `None`: there
    /// was none.
    pub async fn call_span(&self, account: &str, since: Timestamp) -> Result<Option<SignedDuration>, Error> {
        let rows = self.db.query(CALL_SPAN.with([account.into(), since.into()])).await?;
        let micros = rows.into_iter().next().map_or(Ok(None), |row| row.columns().int_opt())?;
        Ok(micros.map(SignedDuration::from_micros))
    }

    /// From whom something was taken in `target` from `since` to `until`, both of them included, or may have been: what
    /// the mass-change brake counts (I24).
    pub async fn removals_between(
        &self,
        target: Target,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<BTreeSet<CustomerId>, Error> {
        let rows =
            self.db.query(CALL_REMOVALS.with([target.as_str().into(), since.into(), until.into()])).await?;
        rows.into_iter().map(|row| Ok(CustomerId::new(row.columns().text()?))).collect()
    }
}
