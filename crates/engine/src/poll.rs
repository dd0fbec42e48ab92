//! Closes gaps: lists the source's recent events and feeds those that never came into the journal, so that a lost
//! webhook heals by itself and is counted (DESIGN §2.4, RELIABILITY I7).

use crate::account::SOURCE;
use crate::bell::Loop;
use crate::engine::Engine;
use crate::lease::Held;
use crate::ports::Ports;
use crate::reads::{TITLE, why};
use crate::source::{About, TAKEN_OVER};
use frontdesk_core::silence::{Silence, silence};
use frontdesk_core::target::Failure;
use frontdesk_providers::stripe::answer::Answer;
use frontdesk_providers::stripe::envelope::envelope;
use frontdesk_providers::stripe::read::{Read, Walk};
use frontdesk_providers::stripe::verify::Verified;
use frontdesk_store::{Commit, EntryFilter, EntryKind, Error, Inserted, Write};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How an entry says that it came from the list.
pub const LISTED: &str = "listed";
/// How much of the last poll's span is listed again: equal seconds, late visibility.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// Events younger than this may still be on their way by webhook: they are not missing yet.
const ON_THE_WAY: SignedDuration = SignedDuration::from_mins(2);
/// The key and kind of the alert that the source is silent for longer than usual.
const SILENCE: &str = "silence";
/// How many of the newest entries show what is usual.
const LATELY: u32 = 200;
/// The key and kind of the alert that the source no longer lists what may have been missed.
pub(crate) const GAP: &str = "poll_gap";
/// How far back the source lists events.
///
/// Source: Stripe API reference, *List all events*: up to 30 days.
const LISTED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How far back is listed once in [`DEEP_EVERY`], known or not: a list that was short of something for longer than the overlap
/// would hide it for good.
const DEEP: SignedDuration = SignedDuration::from_hours(3 * 24);
/// How often that is done.
const DEEP_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// How soon a poll that failed is tried again.
const RETRY_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// Pages of one poll: a hundred thousand events. A list that goes on is no list that was read to its end.
const PAGES_MAX: usize = 1_000;

/// How far polling has come; kept in the store, so that a start after downtime closes the gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Everything up to here was listed.
    through: Timestamp,
    /// When.
    at: Timestamp,
    /// Events that polls recovered, from the first poll on.
    #[serde(default)]
    healed: u64,
    /// Since when events are listed at all: what was before is a matter for an import.
    #[serde(default)]
    began: Option<Timestamp>,
    /// When it was last listed from [`DEEP`] on.
    #[serde(default)]
    deep_at: Option<Timestamp>,
}

impl Mark {
    /// Whether more than since the last poll is to be listed. An instant from the future was set under a clock that was ahead.
    fn is_deep_due(&self, now: Timestamp) -> bool {
        self.deep_at.is_none_or(|at| at > now || now.duration_since(at) >= DEEP_EVERY)
    }
}

/// What one poll found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Events that had never come.
    pub recovered: usize,
    /// Events that were known.
    pub known: usize,
    /// Events that are too young to be missing.
    pub on_the_way: usize,
    /// Entries that are no event that could be named.
    pub unreadable: usize,
}

impl<P: Ports> Engine<P> {
    /// Polls the source if that is due. Returns when it is due next, if that is known.
    pub async fn poll(&self) -> Result<Option<Timestamp>, Error> {
        let Some(every) = self.settings().source.poll_every else { return Ok(None) };
        let now = self.ports().now_wall();
        let key = self.poll_key();
        let mark = self.poll_mark().await?;
        let healed = mark.map_or(0, |mark| mark.healed);
        // A mark from the future was set under a clock that was ahead: how far the list was read in truth is not
        // known, so all of it is read.
        let oldest = now.saturating_sub(LISTED_FOR).unwrap_or(Timestamp::MIN);
        let mark =
            mark.map(|mark| if mark.at <= now { mark } else { Mark { through: oldest, at: oldest, ..mark } });
        if let Some(mark) = mark {
            let due = mark.at.saturating_add(every).unwrap_or(Timestamp::MAX);
            if due > now {
                return Ok(Some(due));
            }
        }
        let mut was_tried = self.accounts().source().lock().await;
        if let Some(waits) = self.waits(SOURCE, TITLE, *was_tried).await? {
            return Ok(Some(waits.until));
        }
        *was_tried = true;
        let is_deep = mark.is_none_or(|mark| mark.is_deep_due(now));
        let began = mark.map_or(now, |mark| mark.began.unwrap_or(mark.through).min(mark.through));
        let Some(mut held) = self.take_lease(SOURCE).await? else { return Ok(Some(self.after(RETRY_AFTER))) };
        let outcome = self.poll_since(&mut held, mark, is_deep.then_some(began), now).await;
        self.store().release(&held.lease).await?;
        let outcome = outcome?;
        self.look_for_silence(now).await?;
        match outcome {
            Ok((found, through)) => {
                // After a first start or a downtime, what was too young to be missing is looked for once more soon.
                let is_late = mark.is_none_or(|mark| now.duration_since(mark.at) > every + every);
                let soon =
                    now.saturating_sub(every).and_then(|at| at.saturating_add(ON_THE_WAY)).unwrap_or(now);
                let at = if is_late && found.on_the_way > 0 { soon.min(now) } else { now };
                let healed = healed.saturating_add(found.recovered as u64);
                let deep_at = if is_deep { Some(now) } else { mark.and_then(|mark| mark.deep_at) };
                let mark = Mark { through, at, healed, began: Some(began), deep_at };
                let mark = serde_json::to_string(&mark).expect("two instants and a number are JSON");
                self.store()
                    .commit(Commit { expect: Vec::new(), writes: vec![Write::Meta { key, value: mark }] })
                    .await?;
                if found.recovered > 0 {
                    tracing::warn!(
                        recovered = found.recovered,
                        known = found.known,
                        "events that never came by webhook were recovered from the source's list"
                    );
                    self.bell().ring(Loop::Apply);
                }
                if found.unreadable > 0 {
                    tracing::warn!(
                        unreadable = found.unreadable,
                        "entries of the source's list are no events that could be named, and were passed over"
                    );
                }
                self.close_alert("poll").await?;
                // A gap that was seen under a clock that was ahead was none: all that is kept has been listed since.
                if self.store().alert(GAP).await?.is_some_and(|gap| gap.opened_at > now) {
                    self.close_alert(GAP).await?;
                }
                Ok(Some(at.saturating_add(every).unwrap_or(Timestamp::MAX)))
            }
            Err(failure) => {
                let until = match &failure {
                    Failure::Throttled { until, .. } => *until,
                    _ => self.after(RETRY_AFTER),
                };
                self.alert("poll", "poll", self.settings().source.id.as_str(), &why(&failure)).await?;
                Ok(Some(until))
            }
        }
    }

    /// Opens and closes the alert that the source is silent for longer than usual.
    async fn look_for_silence(&self, now: Timestamp) -> Result<(), Error> {
        let source = self.settings().source.id.clone();
        let filter = EntryFilter { source: Some(source.clone()), ..EntryFilter::default() };
        let entries = self.store().journal_list(&filter, None, LATELY).await?;
        let events = entries.iter().filter(|entry| entry.kind == EntryKind::Event);
        let times: Vec<_> =
            events.map(|entry| entry.object_created_at.unwrap_or(entry.received_at)).collect();
        let Some(Silence { since, usual }) = silence(&times, now) else {
            let is_open = self.store().alert(SILENCE).await?.is_some_and(|alert| alert.closed_at.is_none());
            return if is_open { self.close_alert(SILENCE).await } else { Ok(()) };
        };
        let why = format!(
            "{TITLE} has told of nothing since {since}; its longest pause of late was {usual:#}. Look in its dashboard whether \
             payments come in and whether the webhook endpoint is enabled; `frontdesk import stripe` reads every object as it is"
        );
        self.alert(SILENCE, SILENCE, source.as_str(), &why).await
    }

    /// How many events came by the source's list alone, as counted by the polls that came to their end.
    pub async fn healed(&self) -> Result<u64, Error> {
        Ok(self.poll_mark().await?.map_or(0, |mark| mark.healed))
    }

    fn poll_key(&self) -> String {
        format!("poll:{}", self.settings().source.id)
    }

    async fn poll_mark(&self) -> Result<Option<Mark>, Error> {
        let text = self.store().meta(&self.poll_key()).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Lists everything since the mark and feeds in what is missing, the oldest first. `deep_from`: also what is older, back to
    /// there, within [`DEEP`].
    async fn poll_since(
        &self,
        held: &mut Held,
        mark: Option<Mark>,
        deep_from: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Result<(Found, Timestamp), Failure>, Error> {
        let oldest = now.saturating_sub(LISTED_FOR).unwrap_or(Timestamp::MIN);
        // Without a mark this is a first start: what happened before it is a matter for an import.
        let through = mark.map_or(now, |mark| mark.through);
        if through < oldest {
            let why = format!(
                "no events were listed since {through}: the source keeps them for 30 days, so some may be lost; \
                 `frontdesk import` reads every object as it is"
            );
            tracing::error!("{why}");
            self.alert(GAP, GAP, self.settings().source.id.as_str(), &why).await?;
        }
        let since = through.saturating_sub(OVERLAP).unwrap_or(Timestamp::MIN);
        let deep = deep_from.map(|from| from.max(now.saturating_sub(DEEP).unwrap_or(Timestamp::MIN)));
        let since = deep.map_or(since, |deep| deep.min(since)).max(oldest);
        let mut walk = Some(Read::Events { walk: Walk::Back { since, below: None } });
        let mut events = Vec::new();
        for _ in 0..PAGES_MAX {
            let Some(read) = walk.take() else { break };
            match self.list_events(held, &read).await? {
                Ok((page, next)) => {
                    events.extend(page);
                    walk = next;
                }
                Err(failure) => return Ok(Err(failure)),
            }
        }
        let mut found = Found::default();
        let young = now.saturating_sub(ON_THE_WAY).unwrap_or(Timestamp::MIN);
        for body in events.iter().rev() {
            let verified = Verified::listed(body.as_bytes());
            // An event that cannot even be named cannot be told from its webhook either: that one is quarantined.
            let Ok(event) = envelope(&verified) else {
                found.unreadable += 1;
                continue;
            };
            if event.created_at > young {
                found.on_the_way += 1;
                continue;
            }
            if self.store().journal_by_key(&self.settings().source.id, &event.id).await?.is_some() {
                found.known += 1;
                continue;
            }
            if self.ports().is_planted("poll_only_counts") {
                found.recovered += 1;
                continue;
            }
            let (entry, _) = self.arrival(&verified, Some(LISTED.to_owned()), "{}".to_owned(), now);
            match self.store().journal_insert(entry).await? {
                Inserted::New { .. } => found.recovered += 1,
                Inserted::Duplicate { .. } | Inserted::Contradiction { .. } => found.known += 1,
            }
        }
        if walk.is_some() {
            let why = format!("the list of events since {since} did not end within {PAGES_MAX} pages");
            return Ok(Err(Failure::Transient { why }));
        }
        Ok(Ok((found, young)))
    }

    /// One page of the source's list of events, with its line in the ledger.
    async fn list_events(
        &self,
        held: &mut Held,
        read: &Read,
    ) -> Result<Result<(Vec<String>, Option<Read>), Failure>, Error> {
        let about = About { step: "list_events", subject: "events", customer: None };
        if !self.keep_lease(held).await? {
            return Ok(Err(Failure::Transient { why: TAKEN_OVER.to_owned() }));
        }
        let asked = self.ask_source(held, read, about).await?;
        self.store().commit(Commit { expect: vec![asked.expect], writes: asked.ledger.to_vec() }).await?;
        Ok(match asked.answer {
            Ok(Answer::Events { events, next }) => {
                Ok((events.iter().map(|event| event.get().to_owned()).collect(), next))
            }
            // A cursor that the source no longer knows: the next poll begins anew, with the same mark.
            Ok(_) => Err(Failure::Transient { why: "the list has moved on".to_owned() }),
            Err(failure) => Err(failure),
        })
    }
}
