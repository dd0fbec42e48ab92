//! The promises, one function each. What they compare with are the fakes' own ledgers and the [`crate::truth`].
//!
//! Numbers are those of `docs/testing.md`.

use crate::customers::{address, billing_address};
use crate::fault::Fault;
use crate::run::{Run, managed};
use crate::truth::{Covered, Frozen, Truth, later};
use crate::world::{Broken, Heard, Tally, Trouble};
use frontdesk_core::brake;
use frontdesk_core::id::SourceId;
use frontdesk_core::sync::{ATTEMPTS_MAX, Hold, State};
use frontdesk_core::target::{Item, Target};
use frontdesk_sandbox::Provider;
use frontdesk_store::{EntryFilter, Outcome, Store, SyncFilter};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// How long a purchase must have been known before taking what it gives is a broken promise.
const SETTLED: SignedDuration = SignedDuration::from_mins(30);
/// How much earlier than the file's `live` a purchase may lie that counts as later: the source's times are its own.
const BOUGHT_SLACK: SignedDuration = SignedDuration::from_mins(6);
/// What the catalogue of a run promises for a removal: the default of a plan.
const REVOKE_WITHIN: SignedDuration = SignedDuration::from_mins(15);
/// How long after an end something may still pass for given.
const SUPPORTED_FOR: SignedDuration = SignedDuration::from_secs(62);
/// How much more than its interval a poll may take to bring in an event: one that is younger than two minutes is left to
/// its webhook, and the list takes a moment.
const POLLED_WITHIN: SignedDuration = SignedDuration::from_mins(4);
/// How long a write may have been under way.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(30);
/// For how long after a thaw nobody is moved twice, when nothing about them changed for as long before.
const COALESCES_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// The time in which the brake counts, less what a call may take between its intent and its arrival.
const BRAKED_WITHIN: SignedDuration = SignedDuration::from_mins(9);
/// How often one object may be asked for in a minute: every ten seconds by each of three processes, each of which may
/// have died once meanwhile.
const ASKED_MAX: usize = 36;
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
    /// How calls went, by provider, and how often a process died or stood still; `None`: nobody counted.
    pub tally: Option<(BTreeMap<Provider, Tally>, u64)>,
    /// How many people there were.
    pub people: usize,
    /// The true time.
    pub now: Timestamp,
    /// What was seen broken.
    pub seen: Mutex<Vec<Broken>>,
}

/// What was out of order when, and what is promised to happen how often.
pub struct Times {
    /// Times in which something was out of order.
    pub troubles: Vec<Trouble>,
    /// How often the source's list of events is read.
    pub poll_every: Option<SignedDuration>,
}

impl Times {
    /// By when something is promised that was known at `from` and may take `within`, when nothing is out of order at
    /// `with` or the source: a trouble puts it off until it is over, and so does the next one.
    fn deadline(&self, with: Provider, from: Timestamp, within: SignedDuration) -> Timestamp {
        let concerns = |trouble: &&Trouble| {
            trouble.with.is_none_or(|provider| provider == with || provider == Provider::Stripe)
        };
        let mut free = from;
        loop {
            let by = later(free, within);
            let felt = |trouble: &&Trouble| concerns(trouble) && trouble.from <= by && trouble.until > free;
            match self.troubles.iter().filter(felt).map(|trouble| trouble.until).max() {
                Some(until) => free = until,
                None => return by,
            }
        }
    }
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
    grants_have_evidence(books, &circle);
    nothing_old_before_go_live(books, &circle);
    removals_are_demanded(books, &circle);
    holds_what_is_true(books).await;
    removed_in_time(books, &circle);
    healed_in_time(books).await;
    frozen_is_left_alone(books);
    thawed_once(books, &circle);
    ledger_agrees(books).await;
    invited_once(books, &circle);
    intents_before_acts(books).await;
    budgets_kept(books);
    nothing_hammered(books);
    braked(books, &circle);
    braked_tags(books);
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

/// What changed at Circle, by its own account.
struct Ledger {
    changes: Vec<Change>,
    invitations: BTreeMap<String, usize>,
}

struct Change {
    at: Timestamp,
    by_api: bool,
    what: String,
    email: String,
    group: Option<u64>,
}

impl Ledger {
    fn of(books: &Books<'_>) -> Self {
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
    fn holds(&self, person: usize, group: u64, at: Timestamp) -> bool {
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

    fn by_us<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a Change> {
        self.changes.iter().filter(move |change| change.by_api && change.what == what)
    }
}

/// Whether an address is the person's: the one of their checkouts, or the one that they later gave for bills. Where the
/// word of the change came first, access was given under that one, and stays there: a changed address moves mail, not
/// access, and a member stays linked by their id.
fn is_of(person: usize, email: &str) -> bool {
    email == address(person) || email == billing_address(person)
}

fn person_of(email: &str, people: usize) -> Option<usize> {
    (0..people).find(|person| is_of(*person, email))
}

/// I8: whoever was let in had paid, as far as could be known.
fn grants_have_evidence(books: &Books<'_>, circle: &Ledger) {
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
fn nothing_old_before_go_live(books: &Books<'_>, circle: &Ledger) {
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
fn removals_are_demanded(books: &Books<'_>, circle: &Ledger) {
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
    for row in books.store.sync_list(&filter, None, u32::MAX).await.unwrap_or_default() {
        let records = books.store.records(std::slice::from_ref(&row.customer)).await.unwrap_or_default();
        let address = records.first().and_then(|loaded| loaded.record.access_address());
        if address.is_some_and(|address| is_of(person, address.as_str())) {
            noted.push(format!("{row:?}"));
        }
    }
    if noted.is_empty() { "nothing".to_owned() } else { noted.join(" and ") }
}

/// I9, I14, I40's ground: at the end everybody holds what they are entitled to, and nothing else that is ours.
async fn holds_what_is_true(books: &Books<'_>) {
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
fn invited_once(books: &Books<'_>, circle: &Ledger) {
    for (email, count) in &circle.invitations {
        if *count > 1 && person_of(email, books.people).is_some() {
            books.broken("I15", format!("{email} was invited {count} times"));
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

/// I21: no provider gets more calls in a window than its published limit.
fn budgets_kept(books: &Books<'_>) {
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
fn nothing_hammered(books: &Books<'_>) {
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

/// I24: no more people lose access within ten minutes than the brake lets through, but for those who waited behind one
/// when somebody released it.
fn braked(books: &Books<'_>, circle: &Ledger) {
    let removals = circle.by_us("removed from group").map(|change| (change.at, change.email.clone()));
    let_through(books, Target::Circle, removals.collect());
}

/// I24, at Kit.
fn braked_tags(books: &Books<'_>) {
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
        let window = removals[nth..].iter().take_while(|(at, _)| at.duration_since(*from) < BRAKED_WITHIN);
        let people: BTreeSet<&str> = window.map(|(_, email)| email.as_str()).collect();
        if people.len() as u64 > brake::ALWAYS {
            books.broken(
                "I24",
                format!("{} people lost what they had at {target} within ten minutes", people.len()),
            );
            return;
        }
    }
}

/// I9: once something is known to have ended, and nothing else gives the same, it is taken within the time that is
/// promised, counted from when nothing was out of order.
fn removed_in_time(books: &Books<'_>, circle: &Ledger) {
    let Some(times) = &books.times else { return };
    let groups: BTreeSet<u64> = managed(Target::Circle)
        .iter()
        .filter_map(|item| if let Item::CircleGroup(group) = item { Some(*group) } else { None })
        .collect();
    for person in 0..books.people {
        for group in &groups {
            let item = Item::CircleGroup(*group);
            // What was given by hand before the run may never have been seen to be held.
            if books.truth.by_hand.contains(&(person, item.clone())) {
                continue;
            }
            for known in books.truth.ends(person, &item) {
                let braked = books.truth.released.iter().filter(|released| {
                    released.target == Target::Circle
                        && released.waiting.iter().any(|email| is_of(person, email.as_str()))
                });
                let free = braked.map(|released| released.at).chain([known]).max().unwrap_or(known);
                let by = times.deadline(Provider::Circle, free, REVOKE_WITHIN);
                let is_out = by >= books.now
                    || books.truth.supports(person, &item, later(known, SUPPORTED_FOR))
                    || books.truth.changes(person, later(known, SignedDuration::from_secs(1)), by);
                if !is_out && circle.holds(person, *group, by) {
                    let what = format!(
                        "{} was known at {known} to have lost {item}, and had it at {by}",
                        address(person)
                    );
                    books.broken("I9", what);
                }
            }
        }
    }
}

/// I7: an event that never came by webhook is known one poll later, counted from when the source could be asked.
async fn healed_in_time(books: &Books<'_>) {
    let Some(times) = &books.times else { return };
    let Some(every) = times.poll_every else { return };
    let within = every.saturating_add(POLLED_WITHIN);
    for (event, lost_at) in &books.truth.lost {
        let Ok(Some(entry)) = books.store.journal_by_key(&SourceId::new("stripe"), event).await else {
            continue;
        };
        let by = times.deadline(Provider::Stripe, *lost_at, within);
        if entry.received_at > by {
            let what =
                format!("{event} was lost at {lost_at} and known at {}, not by {by}", entry.received_at);
            books.broken("I7", what);
        }
    }
}

/// Addresses of Kit's subscribers by their id.
fn subscribers(books: &Books<'_>) -> BTreeMap<String, String> {
    let found = books.kit["subscribers"].as_array().into_iter().flatten();
    let found = found.filter_map(|found| {
        Some((found["id"].as_u64()?.to_string(), found["email_address"].as_str()?.to_owned()))
    });
    found.collect()
}

/// Whom a call to Kit is about.
fn kit_address(call: &Heard, subscribers: &BTreeMap<String, String>) -> Option<String> {
    let body = call.content.find('{').and_then(|at| serde_json::from_str::<Value>(&call.content[at..]).ok());
    let named = body.and_then(|body| body["email_address"].as_str().map(str::to_owned));
    named.or_else(|| call.path.split('/').find_map(|part| subscribers.get(part).cloned()))
}

/// I25: nothing is written for whom a freeze of a plan or a person covers. Freezes of a target are watched at each call.
fn frozen_is_left_alone(books: &Books<'_>) {
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
fn thawed_once(books: &Books<'_>, circle: &Ledger) {
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

/// I21: our own ledger agrees with what the providers heard: no call is forgotten, and none is made up, but for those
/// that never arrived.
async fn ledger_agrees(books: &Books<'_>) {
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
