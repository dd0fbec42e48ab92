//! The promises that our own store can be asked about: what `audit verify --all`, the kill loop and the simulator
//! check by the same functions. Each only reads, and answers with what it saw broken, under the promise's number.
//!
//! Promises about what a provider holds cannot be seen from here: the simulator checks those against its own ledgers.

use crate::account::SOURCE;
use crate::rebuild::Rebuilt;
use frontdesk_core::target::Target;
use frontdesk_store::{EntryState, Error, Store};
use jiff::SignedDuration;

/// Entries that one page reads.
const PAGE: u32 = 500;
/// How long an account may be called on while an older call's outcome is still open. Whoever takes an account over
/// settles what was left there before anything else.
const SETTLED_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// A promise that was seen broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its number in `docs/testing.md`, such as `I12`.
    pub promise: &'static str,
    /// What was seen.
    pub what: String,
}

/// A promise that [`verify`] checks, and what it says in short.
pub const CHECKED: [(&str, &str); 5] = [
    ("I5", "only what was verified had an effect"),
    ("I6", "every entry of the journal is in exactly one state"),
    ("I12", "the journal alone gives the same records"),
    ("I17", "no call is left with an open outcome"),
    ("I39", "the audit log's chains hold"),
];

/// Checks all of [`CHECKED`]. Empty: all of it holds. Reads the whole journal.
pub async fn verify(store: &Store) -> Result<Vec<Broken>, Error> {
    let mut broken = only_authentic(store).await?;
    broken.extend(balanced(store).await?);
    broken.extend(rebuilds(store).await?);
    broken.extend(settled(store).await?);
    broken.extend(chained(store).await?);
    Ok(broken)
}

/// I5: an event that had an effect names what proved it: the secret that signed it, or the source's own list.
pub async fn only_authentic(store: &Store) -> Result<Vec<Broken>, Error> {
    let mut broken = Vec::new();
    let mut after = 0;
    loop {
        let page = store.replay_journal(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(broken) };
        after = last.entry.applied_seq.unwrap_or(i64::MAX);
        for stored in page {
            let entry = stored.entry;
            let is_event = entry.event_key.starts_with("evt_");
            if is_event && entry.state == EntryState::Effect && entry.verified_by.is_none() {
                let what = format!("`{}` had an effect and names no secret", entry.event_key);
                broken.push(Broken { promise: "I5", what });
            }
        }
    }
}

/// I6: the states of the journal's entries add up to its rows.
pub async fn balanced(store: &Store) -> Result<Option<Broken>, Error> {
    let balance = store.balance().await?;
    let what = || format!("the journal's {} entries are not in exactly one state each", balance.rows);
    Ok((!balance.holds()).then(|| Broken { promise: "I6", what: what() }))
}

/// I12: the journal alone gives the records that are stored.
pub async fn rebuilds(store: &Store) -> Result<Option<Broken>, Error> {
    let rebuilt = Rebuilt::from_journal(store).await?;
    let difference = rebuilt.first_difference(store).await?;
    if difference.is_none() && store.derived_hash().await? == rebuilt.hash() {
        return Ok(None);
    }
    let what = match difference {
        Some(difference) => format!("a rebuild gives other records: {difference:?}"),
        None => "a rebuild gives records with another hash".to_owned(),
    };
    Ok(Some(Broken { promise: "I12", what }))
}

/// I17: no call's outcome stays open while its account is called on. One that was left by a process that died waits
/// for the next one, and is no finding while nobody runs.
pub async fn settled(store: &Store) -> Result<Vec<Broken>, Error> {
    let mut broken = Vec::new();
    for account in Target::ALL.map(Target::as_str).into_iter().chain([SOURCE]) {
        for call in store.unanswered_intents(account).await? {
            let made_at = call.intent.intent_at;
            let later = store.calls_since(account, made_at).await?;
            if later.iter().any(|at| at.duration_since(made_at) > SETTLED_WITHIN) {
                let what =
                    format!("the outcome of `{}`, sent at {made_at}, was never settled", call.intent.id);
                broken.push(Broken { promise: "I17", what });
            }
        }
    }
    Ok(broken)
}

/// I39: every chain of the audit log and every checkpoint over them can be computed again.
pub async fn chained(store: &Store) -> Result<Vec<Broken>, Error> {
    let broken = store.audit_verify().await?.broken;
    let told = |broken| Broken { promise: "I39", what: format!("the audit log is broken: {broken:?}") };
    Ok(broken.into_iter().map(told).collect())
}
