//! How much is asked of a provider, and what our own ledger says of it: I21.

use super::Books;
use crate::world::Tally;
use frontdesk_sandbox::Provider;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How often one object may be asked for in a minute: every ten seconds by each of three processes, each of which may
/// have died once meanwhile.
const ASKED_MAX: usize = 36;

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
    let Some((tally, stumbles)) = &books.tally else { return };
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
        let forgotten = if provider == Provider::Stripe { *stumbles } else { 0 };
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
