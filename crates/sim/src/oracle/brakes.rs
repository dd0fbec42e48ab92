//! How many people lose what they had at once: I24.

use super::Books;
use super::access::{Ledger, is_of, kit_address, person_of, subscribers};
use crate::truth::later;
use frontdesk_core::brake;
use frontdesk_core::target::Target;
use frontdesk_sandbox::Provider;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// The time in which the brake counts, less what a call may take between its intent and its arrival.
const BRAKED_WITHIN: SignedDuration = SignedDuration::from_mins(9);

/// I24: no more people lose access within ten minutes than the brake lets through, but for those who waited behind one
/// when somebody released it.
pub(super) fn braked(books: &Books<'_>, circle: &Ledger) {
    let removals = circle.by_us("removed from group").map(|change| (change.at, change.email.clone()));
    let_through(books, Target::Circle, removals.collect());
}

/// I24, at Kit.
pub(super) fn braked_tags(books: &Books<'_>) {
    let subscribers = subscribers(books);
    let removals = books.heard.iter().filter(|call| {
        call.provider == Provider::Kit
            && call.method == "DELETE"
            && call.writes
            && call.path.contains("/tags/")
    });
    let removals = removals.filter_map(|call| Some((call.at, kit_address(call, &subscribers)?)));
    let_through(books, Target::Kit, removals.collect());
}

fn let_through(books: &Books<'_>, target: Target, mut removals: Vec<(Timestamp, String)>) {
    let is_released = |(at, email): &(Timestamp, String)| {
        let person = person_of(email, books.people);
        let is_theirs =
            |waiting: &str| waiting == email || person.is_some_and(|person| is_of(person, waiting));
        books.truth.released.iter().any(|released| {
            released.target == target
                && released.at <= *at
                && (released.waiting.iter().any(|email| is_theirs(email.as_str()))
                    // Who came while it was released is let go with the others.
                    || person.is_some_and(|person| {
                        let since = released.at.saturating_sub(SignedDuration::from_secs(60)).unwrap_or(*at);
                        books.truth.changes(person, since, later(released.at, SignedDuration::from_secs(60)))
                    }))
        })
    };
    removals.retain(|removal| !is_released(removal));
    for (nth, (from, _)) in removals.iter().enumerate() {
        let window: Vec<_> =
            removals[nth..].iter().take_while(|(at, _)| at.duration_since(*from) < BRAKED_WITHIN).collect();
        let people: BTreeSet<&str> = window.iter().map(|(_, email)| email.as_str()).collect();
        // What a process took it knows by the time that passed, others by the wall clock alone: one that jumped before another
        // process went on leaves it without a count.
        let until = window.last().map_or(*from, |(at, _)| *at);
        let is_within = |at: &Timestamp| *from <= *at && *at <= until;
        if books.jumped.iter().any(is_within) && books.stumbled.iter().any(is_within) {
            continue;
        }
        if people.len() as u64 > brake::ALWAYS {
            books.broken(
                "I24",
                format!("{} people lost what they had at {target} within ten minutes", people.len()),
            );
            return;
        }
    }
}
