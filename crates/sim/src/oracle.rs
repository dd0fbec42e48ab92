//! The promises, one function each. What they compare with are the fakes' own ledgers and the [`crate::truth`].
//!
//! Numbers are those of `docs/testing.md`.

mod access;
mod brakes;
mod budgets;
mod freezes;
mod timed;

pub use budgets::Reserve;
pub(crate) use budgets::reached_reserve;
pub(crate) use timed::look_at_alerts;
pub use timed::{Times, Told};

use crate::fault::Fault;
use crate::run::Run;
use crate::truth::Truth;
use crate::world::{Broken, Heard, Tally};
use access::Ledger;
use frontdesk_core::id::SourceId;
use frontdesk_core::sync::{ATTEMPTS_MAX, Hold, State};
use frontdesk_core::target::Target;
use frontdesk_engine::overdue;
use frontdesk_sandbox::Provider;
use frontdesk_store::{EntryFilter, Outcome, Store, SyncFilter};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How long a call may have been under way.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(30);
/// Rows that are read at once.
const PAGE: u32 = 10_000;

/// I1–I3, at the moment of an acknowledgement: the event is in the journal, once, and its delivery is counted.
pub async fn acknowledged(run: &Run, event: &str, is_duplicate: bool) {
    let source = SourceId::new("stripe");
    match run.store.journal_by_key(&source, event).await {
        Ok(Some(entry)) => {
            if is_duplicate && entry.deliveries < 2 {
                run.stage.broken("I3", format!("the duplicate of {event} was acknowledged without a trace"));
            }
        }
        Ok(None) => run.stage.broken("I2", format!("{event} was acknowledged before it was durable")),
        Err(error) => run.stage.broken("I1", format!("{event} was acknowledged and cannot be read: {error}")),
    }
    let now = run.stage.true_now();
    run.truth(|truth| truth.acknowledge(event, now));
}

/// Notes when each lost event came in by the source's list, before the books are opened. Under a lying clock that
/// cannot be told from what is stored, and such events count as never heard of.
pub async fn take_in_what_was_polled(run: &Run, truth: &mut Truth) {
    if run.stage.with(|shared| shared.marks.injected.contains_key(&Fault::ClockJump)) {
        return;
    }
    for event in truth.lost.keys().cloned().collect::<Vec<_>>() {
        if let Ok(Some(entry)) = run.store.journal_by_key(&SourceId::new("stripe"), &event).await {
            truth.acknowledge(&event, entry.received_at);
        }
    }
}

/// I7: what never came by webhook came in by the source's list.
async fn healed(run: &Run) {
    for event in run.truth(|truth| truth.lost.keys().cloned().collect::<Vec<_>>()) {
        if !matches!(run.store.journal_by_key(&SourceId::new("stripe"), &event).await, Ok(Some(_))) {
            run.stage.broken("I7", format!("{event} never came by webhook, and no poll found it"));
        }
    }
}

/// I19: nothing is left to do. Returns whether that is so.
pub async fn converged(run: &Run) -> bool {
    let before = run.stage.with(|shared| shared.broken.len());
    let mut is_settled = true;
    healed(run).await;
    match run.store.balance().await {
        Ok(balance) => {
            if balance.pending > 0 || balance.failed > 0 {
                run.stage.broken(
                    "I19",
                    format!(
                        "{} events wait and {} failed after everything healed",
                        balance.pending, balance.failed
                    ),
                );
            }
            if !balance.holds() {
                run.stage.broken("I6", format!("the balance of the journal does not hold: {balance:?}"));
            }
        }
        Err(error) => run.stage.broken("I6", format!("the balance cannot be read: {error}")),
    }
    for target in Target::ALL {
        let filter = SyncFilter { target: Some(target), ..SyncFilter::default() };
        for row in run.store.sync_list(&filter, None, PAGE).await.unwrap_or_default() {
            match &row.state {
                State::Held(Hold::Frozen { name, .. }) => {
                    let what = format!("{} at {target} waits for {name}, which was thawed", row.customer);
                    run.stage.broken("I25", what);
                }
                State::Held(Hold::Shadow) => {
                    let what = format!("{} at {target} waits although {target} went live", row.customer);
                    run.stage.broken("I19", what);
                }
                State::Applied | State::Held(_) | State::Contested { .. } => {}
                // Tries that are used up wait for a day or a person, with a case: that is in line too, and the books
                // of such a run are not opened, because its work is done after the silence.
                State::Parked { .. } if row.attempts >= ATTEMPTS_MAX => {
                    is_settled = false;
                    let cases = run.store.open_cases(&row.customer).await.unwrap_or_default();
                    if cases.is_empty() {
                        run.stage
                            .broken("I19", format!("{} at {target} is parked without a case", row.customer));
                    }
                }
                State::Parked { .. } | State::Due | State::Sent | State::Unknown => {
                    let what =
                        format!("{} at {target} is {} {:?}", row.customer, row.state, row.last_failure);
                    run.stage.broken("I19", what);
                }
            }
        }
    }
    if is_settled {
        for alert in run.store.open_alerts().await.unwrap_or_default() {
            if alert.kind == overdue::KIND {
                run.stage.broken("I9", format!("the alert `{}` is open although nothing is owed", alert.key));
            }
        }
    }
    is_settled && run.stage.with(|shared| shared.broken.len()) == before
}

/// I20: with nothing to change, nothing is written.
pub fn silent(run: &Run, since: usize) {
    let wrote = run.stage.with(|shared| {
        let calls = shared.heard.iter().skip(since).filter(|call| call.method != "GET");
        calls.map(|call| format!("{} {} {}", call.at, call.method, call.path)).next()
    });
    if let Some(call) = wrote {
        run.stage.broken("I20", format!("a day of silence was broken by {call}"));
    }
}

/// What is opened at the end, whoever lived it: a simulated run, or a real process that was killed over and over.
pub struct Books<'a> {
    /// What Frontdesk kept.
    pub store: &'a Store,
    /// Every call that reached a provider.
    pub heard: Vec<Heard>,
    /// What Circle holds, by its own account.
    pub circle: Value,
    /// What Kit holds, by its own account.
    pub kit: Value,
    /// Who paid for what.
    pub truth: Truth,
    /// What a promise of a time is judged by; `None`: the clock lied, or nobody kept a book of what was out of order.
    pub times: Option<Times>,
    /// How calls went, by provider; `None`: nobody counted.
    pub tally: Option<BTreeMap<Provider, Tally>>,
    /// When a process died or stood still, as far as that was noted.
    pub stumbled: Vec<Timestamp>,
    /// When the wall clock jumped, as far as that was noted.
    pub jumped: Vec<Timestamp>,
    /// What is kept of a small month for grants and removals; `None`: the month was large, or the clock lied.
    pub reserve: Option<Reserve>,
    /// How many people there were.
    pub people: usize,
    /// The true time.
    pub now: Timestamp,
    /// What was seen broken.
    pub seen: Mutex<Vec<Broken>>,
}

impl Books<'_> {
    fn broken(&self, promise: &'static str, what: String) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(Broken { promise, what });
    }

    fn truth<T>(&self, look: impl FnOnce(&Truth) -> T) -> T {
        look(&self.truth)
    }
}

/// Everything that is checked once, at the end.
pub async fn open(books: &Books<'_>) {
    let circle = Ledger::of(books);
    never_lost(books).await;
    nothing_forged(books).await;
    access::grants_have_evidence(books, &circle);
    access::nothing_old_before_go_live(books, &circle);
    access::removals_are_demanded(books, &circle);
    access::holds_what_is_true(books).await;
    timed::removed_in_time(books, &circle);
    timed::overdue_is_told(books, &circle);
    timed::alerts_follow_the_list(books);
    timed::healed_in_time(books).await;
    freezes::frozen_is_left_alone(books);
    freezes::thawed_once(books, &circle);
    budgets::ledger_agrees(books).await;
    budgets::reasons_are_true(books).await;
    budgets::reserve_is_kept(books).await;
    access::invited_once(books, &circle);
    intents_before_acts(books).await;
    budgets::budgets_kept(books);
    budgets::nothing_hammered(books);
    brakes::braked(books, &circle);
    brakes::braked_tags(books);
    store_holds(books).await;
    effects_are_named_once(books);
}

/// I1: every event that was acknowledged is in the journal.
async fn never_lost(books: &Books<'_>) {
    let source = SourceId::new("stripe");
    for event in books.truth(|truth| truth.acknowledged.keys().cloned().collect::<Vec<_>>()) {
        if !matches!(books.store.journal_by_key(&source, &event).await, Ok(Some(_))) {
            books.broken("I1", format!("{event} was acknowledged and is not in the journal"));
        }
    }
}

/// I5: what was not signed is nowhere.
async fn nothing_forged(books: &Books<'_>) {
    for entry in books.store.journal_list(&EntryFilter::default(), None, PAGE).await.unwrap_or_default() {
        if entry.event_key.starts_with("evt_forged") {
            books.broken("I5", format!("the forged event {} is in the journal", entry.event_key));
        }
    }
}

/// I16: every call that carries an effect id was intended before it left.
async fn intents_before_acts(books: &Books<'_>) {
    let heard = &books.heard;
    for call in heard.iter().filter(|call| call.method != "GET") {
        let Some(effect) = &call.effect else {
            books.broken("I16", format!("{} {} carries no effect id", call.method, call.path));
            continue;
        };
        match books.store.call(effect).await {
            Ok(Some(known)) if known.outcome == Outcome::Intent => {
                books.broken("I17", format!("the outcome of {effect} was never settled"));
            }
            Ok(Some(_)) => {}
            _ => books.broken("I16", format!("{effect} was sent and never intended")),
        }
    }
}

/// I5, I6, I12, I17, I39: what the store alone can say, by the functions of `frontdesk audit verify --all`.
async fn store_holds(books: &Books<'_>) {
    match frontdesk_engine::promises::verify(books.store).await {
        Ok(broken) => {
            for broken in broken {
                books.broken(broken.promise, broken.what);
            }
        }
        Err(error) => books.broken("I12", format!("what is stored cannot be read: {error}")),
    }
}

/// I15: one effect id is one call: it never names two different requests.
fn effects_are_named_once(books: &Books<'_>) {
    let heard = &books.heard;
    let mut said: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for call in heard {
        let Some(effect) = &call.effect else { continue };
        // Pages of one answer are one call.
        let content = if call.method == "GET" { "" } else { call.content.as_str() };
        let says = (call.path.as_str(), content);
        if *said.entry(effect).or_insert(says) != says {
            books.broken("I15", format!("the effect {effect} was used for two different calls"));
        }
    }
}
