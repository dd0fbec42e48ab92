//! What a person does with Frontdesk itself while a run goes on: asks, freezes and thaws, grants and revokes, releases a
//! brake.

use crate::customers::{Plan, address, billing_address};
use crate::executor::Node;
use crate::fault::Fault;
use crate::ports::SimPorts;
use crate::rng::Rng;
use crate::run::{CONVERGES_WITHIN, LARGE_MONTH, Run, have_month_of};
use crate::truth::{Covered, Frozen, Released, Ruled};
use crate::world::provider_of;
use frontdesk_core::email::Email;
use frontdesk_core::freeze::Scope;
use frontdesk_core::id::{CustomerId, EntitlementId, PlanId};
use frontdesk_core::ruling::Verdict;
use frontdesk_core::sync::{Hold, State};
use frontdesk_core::target::{Holder, Target};
use frontdesk_engine::Engine;
use frontdesk_engine::ruling::{Order, Whom};
use frontdesk_engine::settings::Settings;
use frontdesk_store::SyncFilter;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::oneshot;

/// Who does all this.
pub(crate) const PERSON: &str = "ops@example.com";
/// How long somebody waits before trying again when no process answers.
const TRIES_EVERY: Duration = Duration::from_secs(1);
/// How often somebody looks whether a brake is engaged.
const LOOKS_EVERY: Duration = Duration::from_secs(30);
/// Rows that are read at once.
const PAGE: u32 = 10_000;

impl Run {
    /// The first process that is up.
    fn anybody(&self) -> Option<Engine<SimPorts>> {
        self.nodes(|nodes| nodes.values().flatten().next().cloned())
    }

    /// The processes that are up, with their numbers.
    pub(crate) fn living_nodes(&self) -> Vec<(Node, Engine<SimPorts>)> {
        self.nodes(|nodes| {
            nodes.iter().filter_map(|(node, engine)| engine.clone().map(|engine| (*node, engine))).collect()
        })
    }

    /// Asks a living process, and asks again when it dies over the answer or its store does not answer.
    pub(crate) async fn ask<T: Send + 'static, F: Future<Output = Option<T>> + Send + 'static>(
        &self,
        rng: &mut Rng,
        question: impl Fn(Engine<SimPorts>) -> F,
    ) -> T {
        loop {
            let living = self.living_nodes();
            if !living.is_empty() {
                let (node, engine) = rng.pick(&living).clone();
                let (tell, hear) = oneshot::channel();
                let answer = question(engine);
                self.stage.clock.spawn(node, async move {
                    // Whoever asked may be gone.
                    let _ = tell.send(answer.await);
                });
                if let Ok(Some(answer)) = hear.await {
                    return answer;
                }
            }
            self.stage.clock.sleep(TRIES_EVERY).await;
        }
    }

    /// The one record that a person has, as anybody would look it up; `None`: none, or several.
    async fn record_of(&self, person: usize) -> Option<CustomerId> {
        let addresses = [address(person), billing_address(person)];
        let addresses = addresses.iter().filter_map(|email| Email::parse(email)).collect();
        let known = self.store.records_sharing(&BTreeSet::new(), &addresses).await.ok()?;
        let mut known = known.into_iter();
        known.next().filter(|_| known.next().is_none())
    }

    /// Somebody freezes a target, what is not essential, a plan or a person, and thaws it after a while.
    pub(crate) async fn freeze_for_a_while(&self, rng: &mut Rng, person: usize) {
        let plan = *rng.pick(&Plan::ALL);
        let target = *rng.pick(&Target::ALL);
        let span = Duration::from_secs(rng.between(60, 1800));
        let record = self.record_of(person).await;
        let (scope, covered) = match (rng.below(5), record) {
            (0, _) => (Scope::Marketing, Covered::Target(Target::Kit)),
            (1, _) => (Scope::Plan(PlanId::new(plan.name())), Covered::Plan(plan)),
            (2 | 3, Some(record)) => (Scope::Person(record), Covered::Person(person)),
            _ => (Scope::Target(target), Covered::Target(target)),
        };
        let Some(engine) = self.anybody() else { return };
        let until = self.stage.true_now().saturating_add(SignedDuration::from_hours(12));
        let Ok(until) = until else { return };
        let Ok(freeze) = engine.freeze(scope, until, PERSON, "a launch").await else { return };
        let since = self.stage.true_now();
        self.stage.trace(0, format!("world: {} is frozen for {} s", freeze.scope, span.as_secs()));
        self.stage.with(|shared| {
            shared.marks.hit(Fault::Freeze);
            if let Covered::Target(target) = covered {
                shared.frozen_since.insert(provider_of(target), self.stage.clock.now());
            }
        });
        let nth = self.truth(|truth| {
            truth.frozen.push(Frozen { covered, since, until: None });
            truth.frozen.len() - 1
        });
        self.stage.clock.sleep(span).await;
        self.thaw(&freeze.name, nth).await;
    }

    /// Thaws a freeze: the one of this number in the truth.
    async fn thaw(&self, name: &str, nth: usize) {
        let now = self.stage.true_now();
        self.truth(|truth| {
            if let Some(frozen) = truth.frozen.get_mut(nth) {
                frozen.until = frozen.until.or(Some(now));
            }
        });
        let since = self.truth(|truth| truth.frozen.get(nth).map(|frozen| frozen.since));
        self.stage.trouble(None, since.unwrap_or(now), SignedDuration::ZERO);
        // Asked at once, so that what it covers is not thawed in one book and frozen in the other.
        self.stage.with(|shared| shared.frozen_since.clear());
        loop {
            if let Some(engine) = self.anybody()
                && engine.thaw(name, PERSON).await.is_ok()
            {
                self.stage.trace(0, format!("world: {name} is thawed"));
                return;
            }
            self.stage.clock.sleep(TRIES_EVERY).await;
        }
    }

    /// What a person does when the trouble is over: thaws what is frozen, lets go what a brake holds, and has both
    /// lists swept at once instead of waiting for their time.
    pub(crate) async fn tidy_up(self, mut rng: Rng) {
        for freeze in self.store.freezes(self.stage.true_now()).await.unwrap_or_default() {
            // There is one at a time.
            let last = self.truth(|truth| truth.frozen.len().saturating_sub(1));
            self.thaw(&freeze.name, last).await;
        }
        if self.adopts {
            self.adopted.notified().await;
        }
        if self.reserve.is_some() {
            self.raise_allowance().await;
        }
        for target in Target::ALL {
            self.ask(&mut rng, move |engine| async move { engine.want_sweep(target, true).await.ok() }).await;
        }
        while self.is_watched() {
            self.release(&mut rng).await;
            self.stage.clock.sleep(LOOKS_EVERY).await;
        }
    }

    /// Looks after brakes as people do: at some time after one engaged, it is released.
    pub(crate) async fn look_after_brakes(self, mut rng: Rng) {
        while self.is_watched() {
            self.stage.clock.sleep(LOOKS_EVERY).await;
            if !self.store.brakes().await.unwrap_or_default().is_empty() {
                self.stage.with(|shared| shared.marks.hit(Fault::MassEnd));
                let pause = Duration::from_secs(rng.between(60, 2400));
                self.stage.clock.sleep(pause).await;
                self.release(&mut rng).await;
            }
        }
    }

    /// Every process takes up what the file says.
    pub(crate) async fn take_up(&self, settings: Settings) {
        for (_, engine) in self.living_nodes() {
            let settings = Settings { node: engine.settings().node.clone(), ..settings.clone() };
            if let Err(error) = engine.take_up_settings(settings).await {
                self.stage.broken("I30", format!("a process does not take up its settings: {error}"));
            }
        }
    }

    /// Somebody takes a larger plan at Circle, and writes it into the file that all processes read.
    async fn raise_allowance(&self) {
        let settings = self.settings(|settings| {
            have_month_of(settings, LARGE_MONTH);
            settings.clone()
        });
        self.take_up(settings).await;
    }

    /// Whether it is before the silent day, in which nobody does anything.
    fn is_watched(&self) -> bool {
        self.stage.clock.now() < self.span + CONVERGES_WITHIN
    }

    /// Releases what brakes are engaged, and notes whom the list of each showed to wait.
    async fn release(&self, rng: &mut Rng) {
        for brake in self.store.brakes().await.unwrap_or_default() {
            let waiting = self.waiting_behind(brake.target, &brake.name).await;
            let name = brake.name.clone();
            let released = self.ask(rng, move |engine| {
                let name = name.clone();
                async move { engine.release_brake(&name, PERSON).await.ok() }
            });
            let (acted, rows) = released.await;
            let at = self.stage.true_now();
            self.stage.trace(0, format!("world: {} is released: {acted:?}, {rows} waited", brake.name));
            let (target, since) = (brake.target, brake.engaged_at);
            self.truth(|truth| truth.released.push(Released { target, since, at, waiting }));
        }
    }

    /// Who waits behind a brake, as it is listed.
    async fn waiting_behind(&self, target: Target, name: &str) -> BTreeSet<Email> {
        let filter = SyncFilter { target: Some(target), ..SyncFilter::default() };
        let rows = self.store.sync_list(&filter, None, PAGE).await.unwrap_or_default();
        let held = rows
            .into_iter()
            .filter(|row| matches!(&row.state, State::Held(Hold::Brake { name: brake }) if brake == name));
        let customers: Vec<CustomerId> = held.map(|row| row.customer).collect();
        let records = self.store.records(&customers).await.unwrap_or_default();
        records.iter().filter_map(|loaded| loaded.record.access_address()).collect()
    }

    /// A person grants and revokes a few times, with an end or without.
    pub(crate) async fn rule(self, mut rng: Rng, people: usize) {
        let acts = rng.between(1, 3);
        for _ in 0..acts {
            self.stage.clock.sleep(self.part(rng.below(300))).await;
            let person = usize::try_from(rng.below(people as u64)).expect("few people");
            let plan = *rng.pick(&Plan::ALL);
            let verdict = if rng.hits(600) { Verdict::Grant } else { Verdict::Revoke };
            let minutes = i64::try_from(rng.between(10, 240)).expect("few minutes");
            // An end is judged by our clock alone: one that lies by years would end it, or begin it anew.
            let ends = rng.hits(700) && self.stage.with(|shared| !shared.plan.has(Fault::ClockJump));
            let until = self.stage.true_now().saturating_add(SignedDuration::from_mins(minutes));
            // Within the span: a day of silence is one without an end as well.
            let until = until.unwrap_or(Timestamp::MAX).min(self.ends_at());
            self.rule_once(&mut rng, person, plan, verdict, ends.then_some(until)).await;
        }
    }

    async fn rule_once(
        &self,
        rng: &mut Rng,
        person: usize,
        plan: Plan,
        verdict: Verdict,
        until: Option<Timestamp>,
    ) {
        let record = self.record_of(person).await;
        let whom = match (record, verdict, Email::parse(&address(person))) {
            (Some(record), ..) => Whom::Customer(record),
            (None, Verdict::Grant, Some(email)) => Whom::Address(email),
            // There is nothing to take from somebody whom nobody knows.
            (None, ..) => return,
        };
        let order = Order {
            whom,
            holder: Holder::Customer,
            verdict,
            entitlement: EntitlementId::new(plan.name()),
            until,
            until_bought: false,
            by: PERSON.to_owned(),
            reason: "as agreed".to_owned(),
        };
        let from = self.stage.true_now();
        let nth = self.truth(|truth| {
            truth.rulings.push(Ruled { person, plan, verdict, from, known_at: None, until });
            truth.rulings.len() - 1
        });
        self.stage.trace(
            0,
            format!("world: {} {} for person{person} until {until:?}", verdict.as_str(), plan.name()),
        );
        let ruled = self.ask(rng, move |engine| {
            let order = order.clone();
            async move { engine.rule(&order).await.ok() }
        });
        if ruled.await.is_none() {
            // The record was merged away meanwhile: nothing was ruled.
            self.truth(|truth| truth.rulings[nth].until = Some(from));
        }
        let now = self.stage.true_now();
        self.truth(|truth| truth.rulings[nth].known_at = Some(now));
        self.stage.with(|shared| shared.marks.hit(Fault::Ruling));
    }
}
