//! A community that was there before Frontdesk: who bought and who has access, by hand, before any webhook could tell
//! of it; and the person who takes up Frontdesk beside it: shadow mode, import, going live.

use crate::customers::{Plan, Purchased, address};
use crate::fault::Fault;
use crate::ports::SimPorts;
use crate::rng::Rng;
use crate::run::Run;
use crate::truth::Opened;
use crate::world::{epoch, provider_of};
use frontdesk_core::target::{Item, Target};
use frontdesk_engine::Engine;
use frontdesk_engine::golive::WentLive;
use frontdesk_engine::import::{Imported, Turn};
use frontdesk_engine::settings::Mode;
use frontdesk_engine::sweep::Awaited;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Who imports and goes live.
const PERSON: &str = "founder@example.com";
/// How long that person waits before asking again.
const ASKS_EVERY: Duration = Duration::from_secs(2);
/// How often an import at rest may be repeated until it finds nothing new: the first may learn of objects that only
/// its lists tell of.
const REPEATS: usize = 2;

/// Lets people buy, and be let in by hand, in the weeks before the run. Returns what of it goes on, by person.
pub(crate) fn before(run: &Run, people: usize, rng: &mut Rng) -> BTreeMap<usize, Purchased> {
    let mut going_on = BTreeMap::new();
    for person in 0..people {
        let days = i64::try_from(rng.between(2, 25)).expect("few days");
        let at = epoch().saturating_sub(SignedDuration::from_hours(24 * days)).unwrap_or(epoch());
        let over_at = at.saturating_add(SignedDuration::from_hours(24)).unwrap_or(at);
        let plan = match rng.below(6) {
            0 => None,
            1..=3 => Some(Plan::Community),
            4 => Some(Plan::Course),
            _ => Some(Plan::Pro),
        };
        let is_over = rng.hits(300);
        if let Some(plan) = plan {
            let purchased = buy(run, person, plan, at);
            if is_over {
                let (action, body) = match plan {
                    Plan::Course => ("refund", json!({ "charge": purchased.done["charge"] })),
                    Plan::Community | Plan::Pro => {
                        ("cancel", json!({ "subscription": purchased.done["subscription"], "when": "now" }))
                    }
                };
                act(run, action, &body, over_at);
                run.truth(|truth| truth.end_before(purchased.nth, over_at));
            } else {
                going_on.insert(person, purchased);
            }
        }
        let lets_in = rng.hits(if plan.is_some() { 700 } else { 400 });
        if lets_in {
            let_in(run, person, plan.unwrap_or(Plan::Community), rng);
        }
    }
    going_on
}

/// An act of the payment account whose events nobody is told.
fn act(run: &Run, action: &str, body: &serde_json::Value, at: Timestamp) -> serde_json::Value {
    let done = run.stage.control_at(&format!("stripe/{action}"), body, at);
    run.stage.trace(0, format!("world, before: {action} {body}"));
    let events = done["events"].as_array().into_iter().flatten();
    let events = events.filter_map(|event| event.as_str().map(str::to_owned));
    run.truth(|truth| truth.before.extend(events));
    done
}

fn buy(run: &Run, person: usize, plan: Plan, at: Timestamp) -> Purchased {
    let body = json!({ "email": address(person), "name": format!("Person {person}"), "price": plan.price() });
    let done = act(run, "checkout", &body, at);
    Purchased { nth: run.begin(person, plan, at, &[]), plan, done }
}

/// Somebody has a person in the community and on the list, as they did by hand so far: in part, at times.
fn let_in(run: &Run, person: usize, plan: Plan, rng: &mut Rng) {
    let email = address(person);
    for item in plan.items() {
        if rng.hits(200) {
            continue;
        }
        match &item {
            Item::CircleGroup(group) => {
                if !run.is_member(&email) {
                    let body = json!({ "email": email, "name": "Of old", "state": "active" });
                    run.stage.control("circle/member", &body);
                }
                run.stage.control("circle/add", &json!({ "email": email, "group": group }));
            }
            Item::KitTag(tag) => {
                if !run.is_subscriber(&email) {
                    run.stage.control("kit/subscriber", &json!({ "email": email, "state": "active" }));
                }
                run.stage.control("kit/tag", &json!({ "email": email, "tag": tag }));
            }
            Item::CircleSpace(_) => continue,
        }
        run.truth(|truth| truth.by_hand.insert((person, item.clone())));
    }
}

impl Run {
    /// Whether anybody of this address is a member.
    pub(crate) fn is_member(&self, email: &str) -> bool {
        let now = self.stage.true_now();
        let state = self.stage.with(|shared| shared.world.circle.state(now));
        state["members"].as_array().into_iter().flatten().any(|member| member["email"] == email)
    }

    pub(crate) fn is_subscriber(&self, email: &str) -> bool {
        let now = self.stage.true_now();
        let state = self.stage.with(|shared| shared.world.kit.state(now));
        state["subscribers"].as_array().into_iter().flatten().any(|found| found["email_address"] == email)
    }

    /// Watches for a while, imports, reads the targets' lists, and goes live with one target after the other.
    pub(crate) async fn adopt(self, mut rng: Rng) {
        let share = |rng: &mut Rng| self.part(rng.below(150));
        self.stage.clock.sleep(share(&mut rng)).await;
        self.import(&mut rng).await;
        for target in Target::ALL {
            self.read_lists(target, &mut rng).await;
        }
        self.until_applied(&mut rng).await;
        let now = self.stage.true_now();
        self.truth(|truth| truth.imported(now));
        self.stage.with(|shared| shared.marks.hit(Fault::Import));
        let mut targets = Target::ALL;
        if rng.hits(500) {
            targets.reverse();
        }
        for target in targets {
            self.pause(share(&mut rng)).await;
            self.write_live(target).await;
            // Looks at the plan first, for a minute or for an hour.
            self.pause(Duration::from_secs(rng.between(1, 3600))).await;
            self.go_live(target, &mut rng).await;
        }
        self.adopted.notify_one();
    }

    /// Waits, but no longer than until the faults stop: whoever is late then goes on at once.
    async fn pause(&self, span: Duration) {
        let left = self.span.saturating_sub(self.stage.clock.now());
        self.stage.clock.sleep(span.min(left)).await;
    }

    /// An import from the source, turn by turn, by whichever process answers.
    pub(crate) async fn import(&self, rng: &mut Rng) -> Imported {
        let crashes = self.stage.with(|shared| shared.plan.has(Fault::CrashImporting));
        let mut may_crash = crashes;
        loop {
            self.ask(rng, |engine| async move { engine.import_begin().await.ok() }).await;
            // The process that is asked may die in the middle: whoever is asked next goes on at the cursor.
            let dies = may_crash && self.stage.with(|shared| !shared.plan.rates.is_empty()) && rng.hits(300);
            if dies {
                may_crash = false;
                self.die_importing(rng).await;
                continue;
            }
            match self.ask(rng, |engine| async move { engine.import_turn().await.ok() }).await {
                Turn::Done => break,
                Turn::Read | Turn::Applies | Turn::Waits { .. } | Turn::Stopped { .. } => {
                    self.stage.clock.sleep(ASKS_EVERY).await;
                }
            }
        }
        let imported = self.ask(rng, |engine| async move { engine.imported().await.ok().flatten() }).await;
        self.stage.trace(0, format!("world: the import is done: {:?}", imported.counts));
        imported
    }

    /// Begins a turn in one process, and lets that process die while it is under way.
    async fn die_importing(&self, rng: &mut Rng) {
        let living: Vec<_> = self.living_nodes();
        if living.is_empty() {
            self.stage.clock.sleep(ASKS_EVERY).await;
            return;
        }
        let (node, engine) = rng.pick(&living).clone();
        self.stage.clock.spawn(node, async move {
            // Nobody is there to hear what came of it.
            let _ = engine.import_turn().await;
        });
        self.stage.clock.sleep(Duration::from_millis(rng.between(1, 400))).await;
        self.stage.die(node, Fault::CrashImporting);
        self.stage.clock.sleep(ASKS_EVERY).await;
    }

    /// Has the lists of a target read, as `frontdesk import circle` does.
    async fn read_lists(&self, target: Target, rng: &mut Rng) {
        loop {
            let since =
                self.ask(rng, move |engine| async move { engine.await_sweep(target).await.ok() }).await;
            loop {
                let turns = move |engine: Engine<SimPorts>| async move {
                    engine.sweep_turns(target, since).await.ok()
                };
                match self.ask(rng, turns).await {
                    Awaited::Done => return,
                    Awaited::Failed { .. } => break,
                    Awaited::Goes | Awaited::Waits { .. } => {}
                }
                self.stage.clock.sleep(ASKS_EVERY).await;
                // What began under a clock that was ahead is never reached: another one is asked for.
                if since > self.stage.told_now() {
                    break;
                }
            }
            self.stage.clock.sleep(ASKS_EVERY).await;
        }
    }

    /// Waits until everything that was read is applied.
    async fn until_applied(&self, rng: &mut Rng) {
        let waits = |engine: Engine<SimPorts>| async move {
            let balance = engine.store().balance().await.ok()?;
            Some(balance.pending > 0 || balance.failed > 0)
        };
        while self.ask(rng, waits).await {
            self.stage.clock.sleep(ASKS_EVERY).await;
        }
    }

    /// Writes `mode = "live"` into the file that all processes read.
    async fn write_live(&self, target: Target) {
        let settings = self.settings(|settings| {
            if let Some(target) = settings.targets.get_mut(&target) {
                target.mode = Mode::Live;
            }
            settings.clone()
        });
        let now = self.stage.true_now();
        let under_a_lie = self.stage.with(|shared| !shared.clock_lie.is_zero());
        let opened = Opened { file_at: now, at: None, under_a_lie };
        self.truth(|truth| truth.opened.insert(target, opened));
        self.stage.with(|shared| shared.shadowed.remove(&provider_of(target)));
        self.stage.trace(0, format!("world: the file says live for {target}"));
        self.take_up(settings).await;
    }

    async fn go_live(&self, target: Target, rng: &mut Rng) {
        let goes = move |engine: Engine<SimPorts>| async move { engine.go_live(target, PERSON).await.ok() };
        let went = self.ask(rng, goes).await;
        let now = self.stage.true_now();
        self.stage.trace(0, format!("world: {target} goes live: {went:?}"));
        if matches!(went, WentLive::InShadow | WentLive::NotConfigured) {
            self.stage.broken("I24", format!("{target} cannot go live although the file says so: {went:?}"));
        }
        self.truth(|truth| {
            if let Some(opened) = truth.opened.get_mut(&target) {
                opened.at = Some(now);
            }
        });
        self.stage.trouble(Some(provider_of(target)), epoch(), SignedDuration::ZERO);
    }

    /// When everything is at rest: an import that is repeated finds nothing new.
    pub(crate) async fn import_again(self, mut rng: Rng) {
        let mut new = 0;
        for _ in 0..REPEATS {
            let done = self.import(&mut rng).await;
            self.until_applied(&mut rng).await;
            new = done.counts.values().map(|count| count.new).sum();
        }
        if new > 0 {
            self.stage.broken("I20", format!("an import that was repeated found {new} objects that are new"));
        }
    }
}
