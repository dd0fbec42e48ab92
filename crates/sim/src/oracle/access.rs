//! Who was let in and put out, by the providers' own accounts: I8, I9, I10, I15, I24.

use super::{Books, PAGE};
use crate::customers::{address, billing_address};
use crate::run::managed;
use crate::truth::{Truth, later};
use crate::world::Heard;
use frontdesk_core::target::{Item, Target};
use frontdesk_store::SyncFilter;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How long a purchase must have been known before taking what it gives is a broken promise.
const SETTLED: SignedDuration = SignedDuration::from_mins(30);
/// How much earlier than the file's `live` a purchase may lie that counts as later: the source's times are its own.
const BOUGHT_SLACK: SignedDuration = SignedDuration::from_mins(6);

/// What changed at Circle, by its own account.
pub(super) struct Ledger {
    pub(super) changes: Vec<Change>,
    pub(super) invitations: BTreeMap<String, usize>,
}

pub(super) struct Change {
    pub(super) at: Timestamp,
    pub(super) by_api: bool,
    pub(super) what: String,
    pub(super) email: String,
    pub(super) group: Option<u64>,
}

impl Ledger {
    pub(super) fn of(books: &Books<'_>) -> Self {
        let state = &books.circle;
        let listed = |name: &str| state[name].as_array().cloned().unwrap_or_default();
        let emails: BTreeMap<u64, String> = listed("members")
            .iter()
            .chain(&listed("gone"))
            .filter_map(|member| Some((member["id"].as_u64()?, member["email"].as_str()?.to_owned())))
            .collect();
        let change = |entry: &Value| {
            let id = entry["member_id"].as_u64()?;
            Some(Change {
                at: entry["at"].as_str()?.parse().ok()?,
                by_api: entry["by"] == "api",
                what: entry["change"].as_str()?.to_owned(),
                email: emails.get(&id)?.clone(),
                group: entry["group_id"].as_u64(),
            })
        };
        let mut invitations = BTreeMap::new();
        for invitation in listed("invitations") {
            *invitations.entry(invitation["email"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        Self { changes: listed("log").iter().filter_map(change).collect(), invitations }
    }

    /// Whether a person was in a group at an instant, under any of their addresses.
    pub(super) fn holds(&self, person: usize, group: u64, at: Timestamp) -> bool {
        let mut holding: BTreeSet<&str> = BTreeSet::new();
        let theirs =
            self.changes.iter().filter(|change| change.group == Some(group) && is_of(person, &change.email));
        for change in theirs.filter(|change| change.at <= at) {
            match change.what.as_str() {
                "added to group" => holding.insert(&change.email),
                "removed from group" => holding.remove(change.email.as_str()),
                _ => false,
            };
        }
        !holding.is_empty()
    }

    pub(super) fn by_us<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a Change> {
        self.changes.iter().filter(move |change| change.by_api && change.what == what)
    }
}

/// Whether an address is the person's: the one of their checkouts, or the one that they later gave for bills. Where the
/// word of the change came first, access was given under that one, and stays there: a changed address moves mail, not
/// access, and a member stays linked by their id.
pub(super) fn is_of(person: usize, email: &str) -> bool {
    email == address(person) || email == billing_address(person)
}

pub(super) fn person_of(email: &str, people: usize) -> Option<usize> {
    (0..people).find(|person| is_of(*person, email))
}

/// Addresses of Kit's subscribers by their id.
pub(super) fn subscribers(books: &Books<'_>) -> BTreeMap<String, String> {
    let found = books.kit["subscribers"].as_array().into_iter().flatten();
    let found = found.filter_map(|found| {
        Some((found["id"].as_u64()?.to_string(), found["email_address"].as_str()?.to_owned()))
    });
    found.collect()
}

/// Whom a call to Kit is about.
pub(super) fn kit_address(call: &Heard, subscribers: &BTreeMap<String, String>) -> Option<String> {
    let body = call.content.find('{').and_then(|at| serde_json::from_str::<Value>(&call.content[at..]).ok());
    let named = body.and_then(|body| body["email_address"].as_str().map(str::to_owned));
    named.or_else(|| call.path.split('/').find_map(|part| subscribers.get(part).cloned()))
}

/// I8: whoever was let in had paid, as far as could be known.
pub(super) fn grants_have_evidence(books: &Books<'_>, circle: &Ledger) {
    for grant in circle.by_us("added to group") {
        let (Some(person), Some(group)) = (person_of(&grant.email, books.people), grant.group) else {
            books.broken("I8", format!("{} was let into {:?} and bought nothing", grant.email, grant.group));
            continue;
        };
        let item = Item::CircleGroup(group);
        if !books.truth(|truth| truth.supports(person, &item, grant.at)) {
            books.broken(
                "I8",
                format!("{} was let into {item} at {} without having paid", grant.email, grant.at),
            );
        }
    }
}

/// I24: between the file's `live` and the word of a person, nobody is let in for what they paid before.
pub(super) fn nothing_old_before_go_live(books: &Books<'_>, circle: &Ledger) {
    let opened = books.truth(|truth| truth.opened.get(&Target::Circle).copied());
    let Some(opened) = opened.filter(|opened| !opened.under_a_lie) else { return };
    let is_between = |grant: &&Change| opened.file_at <= grant.at && opened.at.is_none_or(|at| grant.at < at);
    for grant in circle.by_us("added to group").filter(is_between) {
        let bought_since = |truth: &Truth| {
            let bought = truth.purchases.iter().map(|bought| (bought.person, bought.from));
            let ruled = truth.rulings.iter().map(|ruled| (ruled.person, ruled.from));
            let renewed = truth.renewals.iter().copied();
            let mut theirs =
                bought.chain(renewed).chain(ruled).filter(|(person, _)| is_of(*person, &grant.email));
            theirs.any(|(_, from)| later(from, BOUGHT_SLACK) >= opened.file_at)
        };
        if !books.truth(bought_since) {
            let what =
                format!("{} was let in at {} for what they bought before go-live", grant.email, grant.at);
            books.broken("I24", what);
        }
    }
}

/// I10: whoever was put out was no longer entitled.
pub(super) fn removals_are_demanded(books: &Books<'_>, circle: &Ledger) {
    for removal in circle.by_us("removed from group") {
        let (Some(person), Some(group)) = (person_of(&removal.email, books.people), removal.group) else {
            books.broken(
                "I10",
                format!("{} was put out of {:?} and was none of ours", removal.email, removal.group),
            );
            continue;
        };
        let item = Item::CircleGroup(group);
        if books.truth(|truth| truth.is_theirs(person, &item)) {
            books.broken(
                "I10",
                format!("{} was put out of {item}, where they were before, without a payment", removal.email),
            );
        }
        if books.truth(|truth| truth.forbids_removal(person, &item, removal.at, SETTLED)) {
            books.broken(
                "I10",
                format!("{} was put out of {item} at {} while entitled", removal.email, removal.at),
            );
        }
    }
}

/// What our own books say of a person at a target, for whoever has to find out why they are wrong.
async fn rows_of(books: &Books<'_>, person: usize, target: Target) -> String {
    let filter = SyncFilter { target: Some(target), ..SyncFilter::default() };
    let mut noted = Vec::new();
    for row in books.store.sync_list(&filter, None, PAGE).await.unwrap_or_default() {
        let records = books.store.records(std::slice::from_ref(&row.customer)).await.unwrap_or_default();
        let address = records.first().and_then(|loaded| loaded.record.access_address());
        if address.is_some_and(|address| is_of(person, address.as_str())) {
            noted.push(format!("{row:?}"));
        }
    }
    if noted.is_empty() { "nothing".to_owned() } else { noted.join(" and ") }
}

/// I9, I14, I40's ground: at the end everybody holds what they are entitled to, and nothing else that is ours.
pub(super) async fn holds_what_is_true(books: &Books<'_>) {
    let now = books.now;
    let (circle, kit) = (&books.circle, &books.kit);
    for person in 0..books.people {
        let entitled = books.truth(|truth| truth.items(person, now));
        let email = address(person);
        let mut held = BTreeSet::new();
        for member in circle["members"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|member| member["email"].as_str().is_some_and(|email| is_of(person, email)))
        {
            for group in circle["groups"].as_array().into_iter().flatten() {
                let is_in = group["members"].as_array().into_iter().flatten().any(|id| *id == member["id"]);
                held.extend(group["id"].as_u64().filter(|_| is_in).map(Item::CircleGroup));
            }
        }
        let names: BTreeMap<String, String> = kit["tags"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tag| Some((tag["id"].as_u64()?.to_string(), tag["name"].as_str()?.to_owned())))
            .collect();
        for found in kit["subscribers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|found| found["email_address"].as_str().is_some_and(|email| is_of(person, email)))
        {
            let tags = found["tags"].as_object().into_iter().flatten();
            held.extend(tags.filter_map(|(id, _)| names.get(id)).map(|name| Item::kit_tag(name)));
        }
        for target in Target::ALL {
            let ours = managed(target);
            let should: BTreeSet<_> = entitled.iter().filter(|item| item.target() == target).collect();
            let is_left = |item: &Item| {
                let is_by_hand = |truth: &Truth| {
                    truth.by_hand.contains(&(person, item.clone())) && !truth.is_revoked(person, item, now)
                };
                !entitled.contains(item) && books.truth(is_by_hand)
            };
            let does: BTreeSet<_> =
                held.iter().filter(|item| ours.contains(*item) && !is_left(item)).collect();
            if should != does {
                let promise = if should.is_subset(&does) { "I9" } else { "I19" };
                let noted = rows_of(books, person, target).await;
                books.broken(
                    promise,
                    format!(
                        "{email} should hold {should:?} at {target} and holds {does:?}; noted is {noted}"
                    ),
                );
            }
        }
    }
}

/// I15, I17: nobody is invited twice.
pub(super) fn invited_once(books: &Books<'_>, circle: &Ledger) {
    for (email, count) in &circle.invitations {
        if *count > 1 && person_of(email, books.people).is_some() {
            books.broken("I15", format!("{email} was invited {count} times"));
        }
    }
}
