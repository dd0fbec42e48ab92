//! What a person froze is left alone, and what is thawed is written once: I25.

use super::access::{Ledger, kit_address, person_of, subscribers};
use super::{Books, UNDER_WAY};
use crate::customers::{address, billing_address};
use crate::truth::{Covered, Frozen, later};
use frontdesk_sandbox::Provider;
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// For how long after a thaw nobody is moved twice, when nothing about them changed for as long before.
const COALESCES_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// I25: nothing is written for whom a freeze of a plan or a person covers. Freezes of a target are watched at each call.
pub(super) fn frozen_is_left_alone(books: &Books<'_>) {
    let subscribers = subscribers(books);
    let writes = books.heard.iter().filter(|call| call.method != "GET");
    for call in writes {
        let address = match call.provider {
            Provider::Kit => kit_address(call, &subscribers),
            Provider::Circle => named_in(&call.content, books.people),
            Provider::Stripe => None,
        };
        let Some(person) = address.and_then(|email| person_of(&email, books.people)) else { continue };
        let covers = |frozen: &&Frozen| {
            let since = later(frozen.since, UNDER_WAY);
            let is_theirs = match frozen.covered {
                Covered::Target(_) => false,
                Covered::Person(covered) => covered == person,
                Covered::Plan(plan) => books.truth.purchases.iter().any(|bought| {
                    bought.person == person
                        && bought.plan == plan
                        && bought.known_at.is_some_and(|known| later(known, UNDER_WAY) < call.at)
                }),
            };
            is_theirs && since < call.at && frozen.until.is_none_or(|until| call.at < until)
        };
        if let Some(frozen) = books.truth.frozen.iter().find(covers) {
            let what = format!(
                "{} {} was sent at {} under the freeze of {:?}",
                call.method, call.path, call.at, frozen.covered
            );
            books.broken("I25", what);
            return;
        }
    }
}

/// The address of a person of the run that a call names.
fn named_in(content: &str, people: usize) -> Option<String> {
    let content = content.replace("%40", "@");
    let addresses = (0..people).flat_map(|person| [address(person), billing_address(person)]);
    // `person1@` is no part of `person11@`: addresses are told apart by what stands before the `@`.
    addresses.into_iter().find(|email| content.contains(email.as_str()))
}

/// I25: on thaw only the final state is written, once.
pub(super) fn thawed_once(books: &Books<'_>, circle: &Ledger) {
    for thawed in books.truth.frozen.iter().filter_map(|frozen| frozen.until) {
        let until = later(thawed, COALESCES_WITHIN);
        let mut written: BTreeMap<(&str, u64), u32> = BTreeMap::new();
        let changes = circle.by_us("added to group").chain(circle.by_us("removed from group"));
        for change in changes.filter(|change| thawed <= change.at && change.at < until) {
            let Some(group) = change.group else { continue };
            let quiet_since = thawed.saturating_sub(COALESCES_WITHIN).unwrap_or(thawed);
            let person = person_of(&change.email, books.people);
            if person.is_none_or(|person| books.truth.changes(person, quiet_since, until)) {
                continue;
            }
            *written.entry((change.email.as_str(), group)).or_default() += 1;
        }
        if let Some(((email, group), times)) = written.into_iter().find(|(_, times)| *times > 1) {
            let what =
                format!("{email} was moved {times} times in and out of {group} after the thaw at {thawed}");
            books.broken("I25", what);
        }
    }
}
