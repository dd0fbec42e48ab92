//! Sweeps: the lists of a target beside our records, both ways (DESIGN §5).
//!
//! A sweep belongs to the drain of its target and works in small turns, so that whatever is due goes first: one page,
//! one batch of customers, one difference to confirm. Pages and the place in the lists are kept in the store; a
//! process that ends goes on where it was. Nothing follows from a list that failed, is empty or shrank suddenly, and
//! nothing from a difference that one direct read did not confirm.

mod awaited;
mod compare;
mod confirm;
mod mark;
mod scan;

pub use awaited::Awaited;
pub use mark::{Failed, Running, Swept, Wanted};
pub(crate) use scan::Scanned;

use crate::engine::Engine;
use crate::ports::Ports;
use crate::reconcile::{Drain, Gate};
use crate::settings::{Connection, TargetSettings};
use compare::Comparing;
use frontdesk_core::budget::Reason;
use frontdesk_core::sweep::{List, Listed, Scan};
use frontdesk_core::target::{Failure, Target};
use frontdesk_providers::answer::Answer;
use frontdesk_providers::call::Marks;
use frontdesk_providers::{circle, kit};
use frontdesk_store::{Commit, Error, Write};
use jiff::{SignedDuration, Timestamp};

/// How soon a sweep that failed goes on.
const RETRY_AFTER: SignedDuration = SignedDuration::from_mins(15);
/// Failures in a row after which it waits for its next time.
const TRIES_MAX: u32 = 6;
/// A sweep that was begun longer ago than this is begun anew: its first pages say little about now.
const STALE_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// What a process keeps in memory of a sweep under way. All of it can be had again from the store.
#[derive(Debug)]
pub(crate) struct Sweeping {
    scan: Scan,
    pages: u32,
    comparing: Option<Comparing>,
}

/// How one turn of a sweep ended.
pub(crate) enum Turn {
    /// Something was done: what is due meanwhile goes first.
    Worked,
    /// Nothing to do before this instant, if it is known.
    Rests(Option<Timestamp>),
    /// Somebody else holds the account.
    LeaseLost,
}

/// One page of a list.
struct Page {
    entries: Vec<Listed>,
    /// Where the next one begins.
    next: Option<String>,
}

impl<P: Ports> Engine<P> {
    /// When the sweep of a target is due, as looked at `now`: now or earlier, later, or never by itself.
    pub(crate) async fn sweep_due_at(
        &self,
        target: Target,
        settings: &TargetSettings,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        let swept = self.swept(target).await?;
        let is_wanted = self.sweep_wanted(target, &swept).await?.is_some();
        // An instant from the future was set under a clock that was ahead.
        let failed = swept.failed.as_ref().filter(|failed| failed.at <= now);
        if let Some(failed) = failed.filter(|_| !is_wanted) {
            return Ok(Some(failed.again_at));
        }
        if swept.running.is_some() || is_wanted {
            return Ok(Some(now));
        }
        let Some(every) = settings.sweep_every else { return Ok(None) };
        let from = swept.last.as_ref().map(|last| last.began_at).or(swept.since);
        let Some(from) = from.filter(|from| *from <= now) else {
            // The first sweep comes a while after the first start: the backlog of a new installation goes first.
            let swept = mark::Mark { since: Some(now), last: None, ..swept };
            self.store().commit(Commit { expect: Vec::new(), writes: vec![swept.write(target)] }).await?;
            return Ok(Some(now.saturating_add(every).unwrap_or(Timestamp::MAX)));
        };
        Ok(Some(from.saturating_add(every).unwrap_or(Timestamp::MAX)))
    }

    /// One turn of the sweep of the drain's target, if it is due.
    pub(crate) async fn sweep(&self, drain: &mut Drain<'_>) -> Result<Turn, Error> {
        let now = self.ports().now_wall();
        match self.sweep_due_at(drain.target, &drain.settings, now).await? {
            Some(due) if due <= now => {}
            rests => return Ok(Turn::Rests(rests)),
        }
        if !self.keep_lease(&mut drain.held).await? {
            return Ok(Turn::LeaseLost);
        }
        let swept = self.swept(drain.target).await?;
        let is_stale =
            |running: &Running| now < running.began_at || now.duration_since(running.began_at) > STALE_AFTER;
        // Somebody who asks for a sweep wants to know how it is now, and may have said that short lists are right.
        let is_overtaken = self.sweep_wanted(drain.target, &swept).await?.is_some();
        let goes_on = |running: &Running| !is_stale(running) && !is_overtaken;
        let Some(running) = swept.running.clone().filter(goes_on) else {
            return self.begin_sweep(drain, swept, now).await;
        };
        self.take_up_sweep(drain, &running).await?;
        match running.lists.get(running.at) {
            Some(list) => self.sweep_page(drain, swept, running.clone(), list).await,
            None => self.compare(drain, swept, running).await,
        }
    }

    /// Begins a sweep, if the allowance has room for it.
    async fn begin_sweep(
        &self,
        drain: &mut Drain<'_>,
        mut swept: mark::Mark,
        now: Timestamp,
    ) -> Result<Turn, Error> {
        swept.running = None;
        let wanted = self.sweep_wanted(drain.target, &swept).await?;
        let accept = wanted.as_ref().is_some_and(|wanted| wanted.accept);
        swept.met = wanted.or(swept.met);
        let forecast = self.forecast(drain.target).await?;
        if !forecast.sweep_fits() {
            let why = format!(
                "a sweep costs {} calls, and sweeps may spend {} more until the allowance renews",
                forecast.sweep_costs,
                forecast.sweep_allowance.unwrap_or_default()
            );
            tracing::warn!(target.id = %drain.target, "the sweep is put off: {why}");
            let every = drain.settings.sweep_every.unwrap_or(STALE_AFTER);
            let again_at = self.after(every).min(forecast.renews_at.unwrap_or(Timestamp::MAX));
            return self.sweep_failed(drain, swept, why, again_at, false).await;
        }
        let lists = List::of(drain.target, &self.catalogue().managed(drain.target), &drain.known.missing);
        swept.running = Some(Running {
            began_at: now,
            lists,
            at: 0,
            after: None,
            pages: 0,
            pages_of_list: 0,
            confirmed: 0,
            accept,
        });
        swept.failed = None;
        drain.known.sweeping = None;
        let writes = vec![Write::SweepPagesClear(drain.target), swept.write(drain.target)];
        self.commit_held(drain, writes).await
    }

    /// Has in memory what was read so far, from the store if another process read it.
    async fn take_up_sweep(&self, drain: &mut Drain<'_>, running: &Running) -> Result<(), Error> {
        let is_ours = |sweeping: &Sweeping| {
            sweeping.scan.began_at == running.began_at && sweeping.pages == running.pages
        };
        if drain.known.sweeping.as_ref().is_some_and(is_ours) {
            return Ok(());
        }
        let mut scan = Scan::new(drain.target, running.began_at);
        for (list, entries) in self.store().sweep_pages(drain.target).await? {
            scan.add(&list, entries);
        }
        // A list that has no page yet is empty, not unread.
        for list in running.lists.iter().take(running.at) {
            scan.add(list, []);
        }
        drain.known.sweeping = Some(Sweeping { scan, pages: running.pages, comparing: None });
        Ok(())
    }

    /// Reads one page of `list`.
    async fn sweep_page(
        &self,
        drain: &mut Drain<'_>,
        mut swept: mark::Mark,
        mut running: Running,
        list: &List,
    ) -> Result<Turn, Error> {
        match self.gate(drain, Reason::Sweep).await? {
            Gate::Open => {}
            Gate::Waits(until) => return Ok(Turn::Rests(Some(until))),
            Gate::NoLook => {
                let why = "what is left of the month is for grants and removals".to_owned();
                return self.sweep_failed(drain, swept, why, self.after(STALE_AFTER), true).await;
            }
        }
        let page = match self.read_page(drain, list, running.after.as_deref()).await? {
            Ok(page) => page,
            Err(failure) => return self.page_failed(drain, swept, list, failure).await,
        };
        let Some(sweeping) = &mut drain.known.sweeping else { return Ok(Turn::Worked) };
        let fresh = sweeping.scan.add(list, page.entries.iter().cloned());
        running.pages += 1;
        running.pages_of_list += 1;
        if page.next.is_some() && (fresh == 0 || running.pages_of_list >= pages_max(drain.target)) {
            let why =
                format!("the list `{list}` does not end: it was given up on page {}", running.pages_of_list);
            drain.known.sweeping = None;
            return self.sweep_failed(drain, swept, why, self.after(RETRY_AFTER), true).await;
        }
        sweeping.pages = running.pages;
        let keep = Write::SweepPage {
            target: drain.target,
            nth: running.pages,
            list: list.clone(),
            entries: page.entries,
        };
        running.after = page.next;
        if running.after.is_none() {
            running.at += 1;
            running.pages_of_list = 0;
        }
        swept.running = Some(running);
        swept.failed = None;
        let writes = vec![keep, swept.write(drain.target)];
        self.commit_held(drain, writes).await
    }

    /// One page, over the wire.
    async fn read_page(
        &self,
        drain: &mut Drain<'_>,
        list: &List,
        after: Option<&str>,
    ) -> Result<Result<Page, Failure>, Error> {
        let tags = drain.known.tags.clone();
        match drain.settings.connection.clone() {
            Connection::Circle(account) => {
                let number = after.and_then(|page| page.parse().ok()).unwrap_or(1u32);
                let made = |marks: Marks<'_>| circle::list::request(&account, list, number, marks);
                let read = |answer: &Answer<'_>, now: Timestamp| {
                    let page = circle::list::read(list, answer, now)?;
                    let next = page.has_next.then(|| (number + 1).to_string());
                    Ok(Page { entries: page.entries, next })
                };
                self.look(drain, "sweep", Reason::Sweep, made, read).await
            }
            Connection::Kit(account) => {
                let after = after.map(kit::Cursor::stored);
                let made =
                    |marks: Marks<'_>| kit::list::request(&account, &tags, list, after.as_ref(), marks);
                let read = |answer: &Answer<'_>, now: Timestamp| {
                    let page = kit::list::read(list, answer, now)?;
                    let next = page.next.map(|cursor| cursor.as_str().to_owned());
                    Ok(Page { entries: page.entries, next })
                };
                self.look(drain, "sweep", Reason::Sweep, made, read).await
            }
        }
    }

    /// A page could not be read: nothing follows from the lists, and what was read so far is kept.
    async fn page_failed(
        &self,
        drain: &mut Drain<'_>,
        swept: mark::Mark,
        list: &List,
        failure: Failure,
    ) -> Result<Turn, Error> {
        let why = format!("the list `{list}` could not be read: {}", crate::reads::why(&failure));
        match failure {
            Failure::Throttled { until, .. } => Ok(Turn::Rests(Some(until))),
            Failure::Misconfigured { .. } => {
                // Which lists there are is asked again; the next sweep leaves out what is gone.
                drain.known.prepared_at = None;
                self.sweep_failed(drain, swept, why, self.after(RETRY_AFTER), true).await
            }
            _ => self.sweep_failed(drain, swept, why, self.after(RETRY_AFTER), false).await,
        }
    }

    /// Notes that a sweep did not get on, with one alert for all its tries. `anew`: what was read is worth nothing.
    async fn sweep_failed(
        &self,
        drain: &mut Drain<'_>,
        mut swept: mark::Mark,
        why: String,
        again_at: Timestamp,
        anew: bool,
    ) -> Result<Turn, Error> {
        let tries = swept.failed.as_ref().map_or(0, |failed| failed.tries) + 1;
        let gives_up = tries >= TRIES_MAX;
        let every = drain.settings.sweep_every.unwrap_or(STALE_AFTER);
        let again_at = if gives_up { again_at.max(self.after(every)) } else { again_at };
        let at = self.ports().now_wall();
        tracing::warn!(target.id = %drain.target, tries, "the sweep does not get on: {why}");
        swept.failed =
            Some(Failed { at, why: why.clone(), tries: if gives_up { 0 } else { tries }, again_at });
        let mut writes = Vec::new();
        if anew || gives_up {
            swept.running = None;
            drain.known.sweeping = None;
            writes.push(Write::SweepPagesClear(drain.target));
        }
        writes.push(swept.write(drain.target));
        self.alert(&mark::alert_key(drain.target), "sweep", drain.target.as_str(), &why).await?;
        match self.commit_held(drain, writes).await? {
            Turn::Worked => Ok(Turn::Rests(Some(again_at))),
            other => Ok(other),
        }
    }

    /// Commits under the drain's lease.
    async fn commit_held(&self, drain: &Drain<'_>, writes: Vec<Write>) -> Result<Turn, Error> {
        match self.store().commit(Commit { expect: vec![drain.held.expect()], writes }).await {
            Ok(_) => Ok(Turn::Worked),
            Err(error) if error.is_conflict() => Ok(Turn::LeaseLost),
            Err(error) => Err(error),
        }
    }
}

/// Pages after which a list is given up.
const fn pages_max(target: Target) -> u32 {
    match target {
        Target::Circle => circle::list::PAGES_MAX,
        Target::Kit => kit::list::PAGES_MAX,
    }
}
