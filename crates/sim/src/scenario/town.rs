//! The town that a scenario lives in: one node of the real engine, the fakes, and virtual time.

use super::document::Problem;
use super::given::Given;
use super::people::address;
use super::play::price;
use crate::executor::{Executor, Step};
use crate::fault::Plan;
use crate::hooks::{hear, listening, signature};
use crate::ports::SimPorts;
use crate::rng::Rng;
use crate::run::{SECRET, Scratch, block, settings};
use crate::world::{Stage, epoch};
use frontdesk_core::budget::Monthly;
use frontdesk_core::target::Target;
use frontdesk_engine::Engine;
use frontdesk_engine::import::Turn;
use frontdesk_engine::ingest::Answer;
use frontdesk_engine::settings::Settings;
use frontdesk_engine::sweep::Awaited;
use frontdesk_sandbox::{Delivery, Provider};
use frontdesk_store::{SqliteMode, SqliteSettings, Store};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// All scenarios run from one seed: a file is one run, always the same.
const SEED: u64 = 0x005C_E7A1;
/// How long nothing may happen before everything counts as having come to rest. Longer than any look that waits for a
/// provider's reads to catch up, shorter than the time between two polls.
const QUIET: Duration = Duration::from_mins(5);
/// A town that is busy for longer than this will not come to rest.
const BUSY_MAX: Duration = Duration::from_hours(24);
/// How long before the beginning people bought of whom nobody told.
const BOUGHT_BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How soon an import is asked for its next turn.
const TURNS_EVERY: Duration = Duration::from_secs(1);
/// The node's number.
const NODE: usize = 1;

/// What a person bought, by the ids of the payment source.
#[derive(Clone, Debug)]
pub(super) struct Purchase {
    pub(super) plan: String,
    /// What the sandbox told of it.
    pub(super) told: Value,
}

type Door = Arc<Mutex<Option<Engine<SimPorts>>>>;

/// See the module.
pub(super) struct Town {
    pub(super) stage: Stage,
    pub(super) store: Store,
    pub(super) purchases: BTreeMap<String, Vec<Purchase>>,
    pub(super) disputes: BTreeMap<String, Value>,
    /// How events travel where an act does not say.
    pub(super) webhooks: String,
    executor: Executor,
    /// What the process is told when it starts.
    pub(super) settings: Settings,
    door: Door,
    sender: Arc<Notify>,
    rng: Rng,
    lives: u64,
    /// When the beginning was, on the monotonic clock.
    began: Duration,
    _scratch: Scratch,
}

impl Town {
    /// Opens the town as `given` says.
    pub(super) fn open(given: &Given) -> Result<Self, Problem> {
        let could_not = |what: String| Problem::new(given.line, what);
        let rng = Rng::new(SEED);
        let executor = Executor::new(rng.fork("executor"));
        let stage = Stage::new(executor.clock(), SEED, Plan::default(), &rng, None);
        let scratch =
            Scratch::new(SEED).map_err(|why| could_not(format!("no room for a database: {why}")))?;
        let sqlite = SqliteSettings {
            path: scratch.path().join("frontdesk.db"),
            mode: SqliteMode::InThread { vfs: None },
            now: epoch(),
        };
        let store = Store::open_sqlite(&sqlite)
            .map_err(|why| could_not(format!("the database does not open: {why}")))?;
        let mut town = Self {
            stage,
            store,
            purchases: BTreeMap::new(),
            disputes: BTreeMap::new(),
            webhooks: given.webhooks.clone(),
            executor,
            settings: told(given),
            door: Arc::default(),
            sender: Arc::new(Notify::new()),
            rng,
            lives: 0,
            began: Duration::ZERO,
            _scratch: scratch,
        };
        let bought_at = epoch().saturating_sub(BOUGHT_BEFORE).unwrap_or(epoch());
        for (line, plan, people) in &given.bought_before {
            for who in people {
                let body = json!({ "email": address(who), "name": who, "price": price(plan) });
                let done = town.stage.with(|shared| shared.world.act("stripe", "checkout", &body, bought_at));
                let told =
                    done.map_err(|what| Problem::new(*line, format!("{who} cannot have bought: {what}")))?;
                let bought = Purchase { plan: plan.clone(), told };
                town.purchases.entry(who.clone()).or_default().push(bought);
            }
        }
        let endpoint = json!({ "url": "https://members.northwind.example/webhooks/stripe", "secret": SECRET, "enabled_events": ["*"] });
        town.act(given.line, "stripe", "endpoint", &endpoint)?;
        for (target, place) in &given.targets {
            let action = if *target == Target::Circle { "member" } else { "subscriber" };
            for person in &place.people {
                let body = json!({ "email": address(person), "state": "active" });
                town.act(given.line, target.as_str(), action, &body)?;
            }
            if place.tells {
                let (action, body) = listening(*target);
                town.act(given.line, target.as_str(), action, &body)?;
            }
            for (line, name, value) in &place.switches {
                town.switch(*line, target.as_str(), name, value)?;
            }
        }
        town.stage.clock.spawn(0, send(town.stage.clone(), town.door.clone(), town.sender.clone()));
        town.start();
        town.rest(given.line)?;
        town.began = town.stage.clock.now();
        Ok(town)
    }

    /// Time since the beginning.
    pub(super) fn since(&self) -> Duration {
        self.stage.clock.now().saturating_sub(self.began)
    }

    /// An act of the world outside.
    pub(super) fn act(
        &mut self,
        line: usize,
        place: &str,
        action: &str,
        body: &Value,
    ) -> Result<Value, Problem> {
        let now = self.stage.true_now();
        let done = self.stage.with(|shared| shared.world.act(place, action, body, now));
        self.sender.notify_one();
        done.map_err(|what| Problem::new(line, format!("the sandbox cannot do `{place}/{action}`: {what}")))
    }

    /// Sets a switch of a fake, or adds a fault to it.
    pub(super) fn fault(&mut self, line: usize, rule: &Value) -> Result<(), Problem> {
        self.stage.with(|shared| shared.world.add_faults(rule)).map_err(|what| Problem::new(line, what))
    }

    fn switch(&mut self, line: usize, place: &str, name: &str, value: &Value) -> Result<(), Problem> {
        self.fault(line, &json!({ "provider": place, "switch": name, "value": value }))
    }

    /// Ends all faults after a while.
    pub(super) fn heal_after(&self, span: Duration) {
        let stage = self.stage.clone();
        self.stage.clock.spawn(0, async move {
            stage.clock.sleep(span).await;
            let now = stage.true_now();
            let clear = frontdesk_sandbox::Call::new("DELETE", "/_sandbox/faults");
            stage.with(|shared| shared.world.handle(&clear, now));
        });
    }

    /// The engine, if it is up.
    pub(super) fn engine(&self, line: usize) -> Result<Engine<SimPorts>, Problem> {
        let engine = self.door.lock().unwrap_or_else(PoisonError::into_inner).clone();
        engine.ok_or_else(|| Problem::new(line, "Frontdesk is down at this time"))
    }

    /// Has the past of the source taken in, or a target's lists read, by the process that is up: with its end it is cut
    /// off, and asking again goes on there.
    pub(super) fn import(&self, engine: Engine<SimPorts>, from: &str) {
        let target = Target::parse(from);
        let clock = self.stage.clock.clone();
        self.stage.clock.spawn(NODE, async move {
            let since = match target {
                Some(target) => engine.await_sweep(target).await.ok(),
                None => engine.import_begin().await.ok().map(|imported| imported.began_at),
            };
            let Some(since) = since else { return };
            loop {
                let is_over = match target {
                    None => matches!(engine.import_turn().await, Ok(Turn::Done | Turn::Stopped { .. })),
                    Some(target) => {
                        let turns = engine.sweep_turns(target, since).await;
                        matches!(turns, Ok(Awaited::Done | Awaited::Failed { .. }))
                    }
                };
                if is_over {
                    return;
                }
                clock.sleep(TURNS_EVERY).await;
            }
        });
    }

    /// Ends the process, and starts it again after a while.
    pub(super) fn down_for(&mut self, span: Duration) {
        self.executor.crash(NODE);
        *self.door.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.lives += 1;
        let started = self.starting();
        let clock = self.stage.clock.clone();
        self.stage.clock.spawn(0, async move {
            clock.sleep(span).await;
            clock.spawn(NODE, started);
        });
    }

    fn start(&self) {
        self.stage.clock.spawn(NODE, self.starting());
    }

    fn starting(&self) -> impl Future<Output = ()> + Send + 'static {
        let name = format!("node{}", self.lives);
        let ports = SimPorts::new(self.stage.clone(), NODE, self.rng.fork(&name));
        let settings = Settings { node: name, ..self.settings.clone() };
        let (door, store, stage) = (self.door.clone(), self.store.clone(), self.stage.clone());
        async move {
            match Engine::open(ports, store, settings).await {
                Ok(engine) => {
                    engine.start();
                    *door.lock().unwrap_or_else(PoisonError::into_inner) = Some(engine);
                }
                Err(error) => stage.broken("I30", format!("Frontdesk does not start: {error}")),
            }
        }
    }

    /// Lives until so long after the beginning.
    pub(super) fn live_until(&mut self, since: Duration) {
        let until = self.began.saturating_add(since);
        while self.executor.step(until) != Step::Idle {}
    }

    /// Lives until everything has come to rest.
    pub(super) fn rest(&mut self, line: usize) -> Result<(), Problem> {
        let from = self.stage.clock.now();
        let (mut seen, mut since) = (self.activity(line)?, from);
        loop {
            let now = self.stage.clock.now();
            if now.saturating_sub(since) >= QUIET {
                return Ok(());
            }
            if now.saturating_sub(from) > BUSY_MAX {
                let last = self.stage.with(|shared| shared.trace.tail());
                let last = last.last().cloned().unwrap_or_default();
                let what =
                    format!("a day later it has not come to rest; the last thing that happened: {last}");
                return Err(Problem::new(line, what));
            }
            let until = now + Duration::from_secs(30);
            while self.executor.step(until) != Step::Idle {}
            let active = self.activity(line)?;
            if active != seen {
                (seen, since) = (active, self.stage.clock.now());
            }
        }
    }

    /// What changes while anything happens: requests, and what the journal holds.
    fn activity(&self, line: usize) -> Result<(usize, i64, i64), Problem> {
        let heard = self.stage.with(|shared| shared.heard.len());
        let balance = block(self.store.balance())
            .map_err(|why| Problem::new(line, format!("the journal cannot be read: {why}")))?;
        Ok((heard, balance.rows, balance.pending))
    }
}

fn told(given: &Given) -> Settings {
    let signed = |span: Duration| SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    let mut settings = settings(&mut Rng::new(SEED), 1);
    settings.source.poll_every = given.poll_every.map(signed);
    for plan in &mut settings.catalogue.plans {
        plan.policy.grace = signed(given.grace);
    }
    for (target, place) in &given.targets {
        let Some(target) = settings.targets.get_mut(target) else { continue };
        target.mode = place.mode;
        target.sweep_every = given.sweep_every.map(signed);
        target.limits.monthly = place
            .quota
            .map(|calls| Monthly { calls: u32::try_from(calls).unwrap_or(u32::MAX), renews_day: 14 });
    }
    settings
}

/// The webhook sender: hands what is due to the node, and tells the fake what came back.
async fn send(stage: Stage, door: Door, bell: Arc<Notify>) {
    loop {
        let now = stage.true_now();
        for delivery in stage.with(|shared| shared.world.due_deliveries(now)) {
            stage.clock.spawn(0, deliver(stage.clone(), door.clone(), bell.clone(), delivery));
        }
        let next = stage.with(|shared| shared.world.next_due());
        let wait = next.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
        let wait = wait.unwrap_or(Duration::from_hours(1)).max(Duration::from_millis(1));
        tokio::select! {
            biased;
            () = bell.notified() => {}
            () = stage.clock.sleep(wait) => {}
        }
    }
}

async fn deliver(stage: Stage, door: Door, bell: Arc<Notify>, delivery: Delivery) {
    stage.clock.sleep(Duration::from_millis(200)).await;
    let engine = door.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let outcome = match engine {
        None => Err("nobody listens".to_owned()),
        Some(engine) => Ok(post(&engine, &delivery).await),
    };
    let now = stage.true_now();
    stage.with(|shared| shared.world.delivered(delivery.id, outcome, now));
    bell.notify_one();
}

/// Posts a delivery to where its URL leads; gives the status of the answer.
async fn post(engine: &Engine<SimPorts>, delivery: &Delivery) -> u16 {
    if let Some(status) = hear(engine, delivery).await {
        return status;
    }
    match engine.ingest(signature(delivery).as_deref(), &delivery.body).await {
        Answer::Stored { .. } => 200,
        Answer::Refused(_) => 401,
        Answer::NoEvent(_) => 400,
        Answer::Busy { .. } => 503,
    }
}

/// The provider of a place.
pub(super) fn provider(place: &str) -> Provider {
    match place {
        "stripe" => Provider::Stripe,
        "circle" => Provider::Circle,
        _ => Provider::Kit,
    }
}
