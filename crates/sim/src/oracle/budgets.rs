//! How much is asked of a provider, and what our own ledger says of it: I21.

use super::{Books, UNDER_WAY};
use crate::truth::later;
use crate::world::{Heard, Tally};
use frontdesk_core::budget::Reason;
use frontdesk_sandbox::Provider;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How often one object may be asked for in a minute: every ten seconds by each of three processes, each of which may
/// have died once meanwhile.
const ASKED_MAX: usize = 36;

/// What is kept of a month's calls at Circle.
#[derive(Clone, Copy, Debug)]
pub struct Reserve {
    /// Calls that may be spent on anything.
    pub usable: u64,
    /// When somebody raised the allowance.
    pub until: Timestamp,
}

/// I21: what a call was for in our ledger agrees with what the provider was asked for. The reserve rests on it: a write
/// that passed for a read would wait for a month, and a list that passed for a grant would use up what grants need.
pub(super) async fn reasons_are_true(books: &Books<'_>) {
    for call in books.heard.iter().filter(|call| call.provider != Provider::Stripe) {
        let Some(reason) = reason_of(books, call).await else { continue };
        let is_true = match call.method.as_str() {
            "GET" if is_list(call) => !reason.may_use_reserve(),
            "GET" => true,
            "DELETE" => reason == Reason::Removal,
            _ => reason == Reason::Grant,
        };
        if !is_true {
            let Heard { method, path, at, .. } = call;
            books.broken("I21", format!("{method} {path} at {at} is in the ledger as a {}", reason.as_str()));
        }
    }
}

/// I21: of what is kept of the month nothing is spent but on grants and removals.
pub(super) async fn reserve_is_kept(books: &Books<'_>) {
    for call in beyond_usable(books).await {
        let reason = reason_of(books, call).await;
        if is_list(call) || reason.is_some_and(|reason| !reason.may_use_reserve()) {
            let Heard { method, path, at, .. } = call;
            let reason = reason.map_or("?", Reason::as_str);
            books.broken("I21", format!("{method} {path}, a {reason}, was paid from the reserve at {at}"));
            return;
        }
    }
}

/// Whether our own calls came to the reserve.
pub(crate) async fn reached_reserve(books: &Books<'_>) -> bool {
    !beyond_usable(books).await.is_empty()
}

/// Calls that left when only the reserve was left of the month, by our own ledger, which agrees with the provider's.
async fn beyond_usable<'a>(books: &'a Books<'_>) -> Vec<&'a Heard> {
    let Some(Reserve { usable, until }) = books.reserve else { return Vec::new() };
    let counted = books.store.calls_since("circle", Timestamp::MIN).await.unwrap_or_default();
    let last = usize::try_from(usable).ok().and_then(|usable| counted.get(usable.checked_sub(1)?));
    let Some(from) = last.map(|last| later(*last, UNDER_WAY)) else { return Vec::new() };
    let is_beyond = |call: &&Heard| call.provider == Provider::Circle && from < call.at && call.at < until;
    books.heard.iter().filter(is_beyond).collect()
}

async fn reason_of(books: &Books<'_>, call: &Heard) -> Option<Reason> {
    let known = books.store.call(call.effect.as_deref()?).await;
    known.ok().flatten().map(|known| known.intent.reason)
}

/// Whether a call reads a list: of a target's items, or of who has one.
fn is_list(call: &Heard) -> bool {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    let is_of_circle = matches!(
        parts.as_slice(),
        ["api", "admin", "v2", "community_members" | "access_groups" | "spaces"]
            | ["api", "admin", "v2", "access_groups", _, "community_members"]
    );
    call.method == "GET"
        && match call.provider {
            Provider::Circle => is_of_circle,
            Provider::Kit => matches!(parts.as_slice(), ["v4", "tags"] | ["v4", "tags", _, "subscribers"]),
            Provider::Stripe => false,
        }
}

/// I21: no provider gets more calls in a window than its published limit.
pub(super) fn budgets_kept(books: &Books<'_>) {
    let heard = &books.heard;
    for (provider, calls, seconds) in [(Provider::Kit, 120, 60), (Provider::Circle, 2000, 300)] {
        let times: Vec<Timestamp> =
            heard.iter().filter(|call| call.provider == provider).map(|call| call.at).collect();
        for (nth, at) in times.iter().enumerate() {
            let window = times[nth..]
                .iter()
                .take_while(|other| other.duration_since(*at) < SignedDuration::from_secs(seconds));
            let count = window.count();
            if count > calls {
                books.broken("I21", format!("{} got {count} calls in {seconds} s", provider.name()));
                return;
            }
        }
    }
}

/// I21: no object of the source is asked for as fast as it is answered.
pub(super) fn nothing_hammered(books: &Books<'_>) {
    let mut asked: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    for call in books.heard.iter().filter(|call| call.provider == Provider::Stripe) {
        asked.entry(format!("{} {} {}", call.method, call.path, call.content)).or_default().push(call.at);
    }
    for (what, times) in asked {
        let is_storm =
            |window: &[Timestamp]| window[ASKED_MAX].duration_since(window[0]) < SignedDuration::from_mins(1);
        if times.windows(ASKED_MAX + 1).any(is_storm) {
            books.broken("I21", format!("{what} was asked for more than {ASKED_MAX} times in a minute"));
            return;
        }
    }
}

/// I21: our own ledger agrees with what the providers heard: no call is forgotten, and none is made up, but for those
/// that never arrived.
pub(super) async fn ledger_agrees(books: &Books<'_>) {
    let Some(tally) = &books.tally else { return };
    let stumbles = books.stumbled.len() as u64;
    for (account, provider) in
        [("circle", Provider::Circle), ("kit", Provider::Kit), ("source", Provider::Stripe)]
    {
        let Ok(counted) = books.store.calls_counted(account, Timestamp::MIN).await else { continue };
        let counted = u64::try_from(counted.values().sum::<i64>()).unwrap_or(0);
        // Pages of one answer are one call of ours.
        let calls = books.heard.iter().enumerate().filter(|(_, call)| call.provider == provider);
        let calls = calls.map(|(nth, call)| call.request.clone().unwrap_or_else(|| nth.to_string()));
        let heard = calls.collect::<BTreeSet<_>>().len() as u64;
        let Tally { unheard, failed } = tally.get(&provider).copied().unwrap_or_default();
        // The source's line is written with its answer: a process that dies over that has forgotten the call.
        let forgotten = if provider == Provider::Stripe { stumbles } else { 0 };
        if counted + failed + forgotten < heard {
            let what =
                format!("{account} heard {heard} calls, failed at {failed}, and the ledger has {counted}");
            books.broken("I21", what);
        }
        // At the source, what it failed at counts as well.
        if provider == Provider::Stripe {
            continue;
        }
        if counted > heard + unheard + stumbles {
            let what = format!(
                "the ledger has {counted} calls to {account}, which heard {heard}; {unheard} never came, and processes \
                 stumbled {stumbles} times"
            );
            books.broken("I21", what);
        }
    }
}
