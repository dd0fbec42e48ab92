//! One run from its seed: safety under faults, then the faults stop and it must converge, then a day of silence, then
//! the books are opened.

use crate::customers::{GRACE, address, live, live_in_the_crowd, live_on};
use crate::executor::{Executor, Node, Step};
use crate::fault::{Fault, Marks, Plan};
use crate::hooks;
use crate::oracle;
use crate::past;
use crate::ports::SimPorts;
use crate::rng::Rng;
use crate::truth::Truth;
use crate::work::{UsedUp, WORK_MAX};
use crate::world::{Broken, Stage, epoch};
use frontdesk_core::budget::{Limits, Monthly};
use frontdesk_core::catalogue::{self, Catalogue, Good, Meaning, Policy};
use frontdesk_core::id::{EntitlementId, PlanId, SourceId};
use frontdesk_core::target::{Item, Target};
use frontdesk_engine::Engine;
use frontdesk_engine::ingest::{Answer, Standing};
use frontdesk_engine::settings::{Connection, Mode, Settings, Source, TargetSettings};
use frontdesk_providers::call::Base;
use frontdesk_providers::secret::Secret;
use frontdesk_providers::{circle, kit, stripe};
use frontdesk_sandbox::{Delivery, Provider};
use frontdesk_store::{SqliteMode, SqliteSettings, Store};
use jiff::SignedDuration;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// The signing secret of every run.
pub(crate) const SECRET: &str = "whsec_simulatedSecret0001";
/// How long after the last fault everything must be in line (I19).
pub const CONVERGES_WITHIN: Duration = Duration::from_mins(30);
/// How long nothing may be written after that (I20).
pub const SILENCE: Duration = Duration::from_hours(24);
/// How often processes look by themselves in that silence. Nobody makes anything due that another would have to find, and
/// looking as often as before was half of the work of a run.
const SILENT_LOOKS_EVERY: SignedDuration = SignedDuration::from_mins(30);
/// The operating system's own files, as SQLite calls them. With a file system that is named, a store keeps the locks that it
/// took: asking the kernel for them at each statement was a tenth of a run's work.
const SYSTEMS_OWN: &str = "unix";
/// How often a fault may strike, in a thousandth of its occasions, where there is a crowd: it must come to something before
/// it can lose it.
const CROWD_FAULTS: u64 = 30;

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Six hours with up to five people.
    Short,
    /// Ten days with up to twenty.
    Long,
}

impl Profile {
    /// The profile of this name.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "short" => Some(Self::Short),
            "long" => Some(Self::Long),
            _ => None,
        }
    }

    /// The inverse of [`Profile::parse`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Long => "long",
        }
    }

    const fn span(self) -> Duration {
        match self {
            Self::Short => Duration::from_hours(6),
            Self::Long => Duration::from_hours(240),
        }
    }
}

/// What is fixed before a run begins.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The seed.
    pub seed: u64,
    /// How long it is.
    pub profile: Profile,
    /// The faults, if not the seed's own: for shrinking.
    pub plan: Option<Plan>,
    /// How many people, if not the seed's own: for shrinking.
    pub people: Option<usize>,
    /// Deliveries that never arrive, by number: for shrinking.
    pub dropped: BTreeSet<u64>,
    /// People who stay away, by number: for shrinking.
    pub absent: BTreeSet<u64>,
    /// A planted bug.
    pub bug: Option<&'static str>,
    /// Whether to keep the whole trace.
    pub keep_trace: bool,
}

impl Setup {
    /// The plain run of a seed.
    pub fn of(seed: u64, profile: Profile) -> Self {
        Self {
            seed,
            profile,
            plan: None,
            people: None,
            dropped: BTreeSet::new(),
            absent: BTreeSet::new(),
            bug: None,
            keep_trace: false,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Promises seen broken, the first first.
    pub broken: Vec<Broken>,
    /// Faults met.
    pub marks: Marks,
    /// The faults that were on.
    pub plan: Plan,
    /// How many people.
    pub people: usize,
    /// How many deliveries left the sender.
    pub deliveries: u64,
    /// Virtual time lived.
    pub lived: Duration,
    /// Time of a processor that it took.
    pub work: Duration,
    /// The digest of everything that happened.
    pub trace: String,
    /// The last lines of the trace.
    pub tail: Vec<String>,
}

impl Report {
    /// What is told of a run that came to no end of its own.
    pub(crate) fn without_a_run(setup: &Setup, broken: Broken) -> Self {
        Self {
            seed: setup.seed,
            broken: vec![broken],
            marks: Marks::default(),
            plan: setup.plan.clone().unwrap_or_default(),
            people: 0,
            deliveries: 0,
            lived: Duration::ZERO,
            work: Duration::ZERO,
            trace: String::new(),
            tail: Vec::new(),
        }
    }
}

/// What the tasks of a run share.
#[derive(Clone, Debug)]
pub struct Run {
    /// The world, the network, the trace.
    pub stage: Stage,
    /// How long people live in it.
    pub span: Duration,
    /// Wakes the webhook sender.
    pub sender: Arc<Notify>,
    /// The one store that all nodes share.
    pub store: Store,
    /// Whether people were there before Frontdesk, which somebody takes up beside them.
    pub(crate) adopts: bool,
    /// Rings when every target was gone live with.
    pub(crate) adopted: Arc<Notify>,
    /// What every process is told.
    settings: Arc<Mutex<Settings>>,
    dropped: BTreeSet<u64>,
    sent: Arc<AtomicU64>,
    truth: Arc<Mutex<Truth>>,
    nodes: Arc<Mutex<BTreeMap<Node, Option<Engine<SimPorts>>>>>,
    rng: Rng,
}

impl Run {
    /// Works on the truth.
    pub fn truth<T>(&self, work: impl FnOnce(&mut Truth) -> T) -> T {
        work(&mut self.truth.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works on what every process is told.
    pub(crate) fn settings<T>(&self, work: impl FnOnce(&mut Settings) -> T) -> T {
        work(&mut self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn nodes<T>(
        &self,
        work: impl FnOnce(&mut BTreeMap<Node, Option<Engine<SimPorts>>>) -> T,
    ) -> T {
        work(&mut self.nodes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The catalogue of every run.
    pub fn catalogue() -> Catalogue {
        use crate::customers::Plan as Sold;
        let sold = [("community", Sold::Community), ("pro", Sold::Pro), ("course", Sold::Course)];
        let source = SourceId::new("stripe");
        let plans = sold.iter().map(|(name, plan)| catalogue::Plan {
            id: PlanId::new(*name),
            title: (*name).to_owned(),
            goods: [Good { source: source.clone(), id: plan.price().to_owned() }].into(),
            grants: [EntitlementId::new(*name)].into(),
            policy: Policy { grace: GRACE, ..Policy::default() },
            beneficiary: None,
        });
        let entitlements = sold.iter().map(|(name, plan)| {
            (EntitlementId::new(*name), Meaning { title: (*name).to_owned(), items: plan.items() })
        });
        Catalogue { plans: plans.collect(), entitlements: entitlements.collect(), ..Catalogue::default() }
    }

    /// Has every process look by itself as seldom as is enough once everything is in line.
    fn look_less_often(&self) {
        let amend = |settings: &mut Settings| settings.look_every = SILENT_LOOKS_EVERY;
        self.settings(amend);
        self.nodes(|nodes| nodes.values().flatten().for_each(|engine| engine.amend_settings(amend)));
    }

    fn start_node(&self, node: Node, life: u64) {
        let ports = SimPorts::new(self.stage.clone(), node, self.rng.fork(&format!("node{node}.{life}")));
        let run = self.clone();
        self.stage.trace(node, "starts");
        self.stage.clock.spawn(node, async move {
            let settings = run.settings(|settings| settings.clone());
            let settings = Settings { node: format!("node{node}.{life}"), ..settings };
            let engine = match Engine::open(ports, run.store.clone(), settings).await {
                Ok(engine) => engine,
                Err(error) => {
                    run.stage.broken("I30", format!("a node cannot start: {error}"));
                    return;
                }
            };
            engine.start();
            run.nodes(|nodes| nodes.insert(node, Some(engine)));
        });
    }

    /// Hands one delivery to a living node, as the network would, and tells the sender what came back.
    async fn deliver(self, delivery: Delivery, mut rng: Rng) {
        let plan = self.stage.with(|shared| shared.plan.clone());
        let strike = |fault, rng: &mut Rng| {
            let strikes = plan.strikes(fault, rng);
            if strikes {
                self.stage.with(|shared| shared.marks.hit(fault));
            }
            strikes
        };
        let mut wait = rng.between(1, 800);
        if strike(Fault::Reorder, &mut rng) {
            wait += rng.below(60_000);
        }
        // A signature is good for five minutes: what is later comes as the sender's own retry.
        let is_late = strike(Fault::Late, &mut rng);
        self.stage.clock.sleep(Duration::from_millis(wait)).await;
        if strike(Fault::Lost, &mut rng) {
            // The sender believes that it arrived: only the source's own list still tells of it.
            let now = self.stage.true_now();
            self.stage.trace(0, format!("delivery {} is lost for good", delivery.event));
            // What a forger or a broken sender makes is in no list.
            if delivery.event.starts_with("evt_") && !delivery.event.starts_with("evt_forged") {
                self.truth(|truth| _ = truth.lost.entry(delivery.event.clone()).or_insert(now));
            }
            self.stage.with(|shared| shared.world.delivered(delivery.id, Ok(200), now));
            self.sender.notify_one();
            return;
        }
        let copies = if strike(Fault::Duplicate, &mut rng) { rng.between(2, 5) } else { 1 };
        let mut outcome = Err("nobody listens".to_owned());
        if is_late {
            outcome = Err("lost on the way".to_owned());
        } else {
            let attempts: Vec<_> = (0..copies).map(|_| self.post(&delivery, &mut rng)).collect();
            for attempt in attempts {
                if let Ok(status) = attempt.await {
                    outcome = Ok(status);
                }
            }
        }
        if outcome.is_ok() && strike(Fault::LostAnswerToSender, &mut rng) {
            outcome = Err("no answer".to_owned());
        }
        let now = self.stage.true_now();
        self.stage.trace(0, format!("delivery {} {outcome:?}", delivery.event));
        self.stage.with(|shared| shared.world.delivered(delivery.id, outcome, now));
        self.sender.notify_one();
    }

    /// One request to a living node. The answer is lost when the node dies meanwhile.
    fn post(&self, delivery: &Delivery, rng: &mut Rng) -> oneshot::Receiver<u16> {
        let (tell, hear) = oneshot::channel();
        let living = self.living_nodes();
        if living.is_empty() {
            return hear;
        }
        let (node, engine) = rng.pick(&living).clone();
        let (run, delivery) = (self.clone(), delivery.clone());
        self.stage.clock.spawn(node, async move {
            if let Some(status) = hooks::hear(&engine, &delivery).await {
                let _ = tell.send(status);
                return;
            }
            let event =
                if delivery.event.is_empty() { id_in(&delivery.body) } else { delivery.event.clone() };
            let answer = engine.ingest(hooks::signature(&delivery).as_deref(), &delivery.body).await;
            let status = match &answer {
                Answer::Stored { standing, .. } => {
                    oracle::acknowledged(&run, &event, *standing == Standing::Duplicate).await;
                    200
                }
                Answer::Refused(_) => 401,
                Answer::NoEvent(_) => 400,
                Answer::Busy { .. } => 503,
            };
            // The sender may have given up.
            let _ = tell.send(status);
        });
        hear
    }

    /// The webhook sender: takes what is due, hands it over, sleeps until the next.
    async fn send(self, rng: Rng) {
        loop {
            let now = self.stage.true_now();
            for delivery in self.stage.with(|shared| shared.world.due_deliveries(now)) {
                let nth = self.sent.fetch_add(1, Ordering::Relaxed);
                if self.dropped.contains(&nth) {
                    self.stage
                        .with(|shared| shared.world.delivered(delivery.id, Err("left out".to_owned()), now));
                    continue;
                }
                let rng = rng.fork(&format!("delivery{nth}"));
                self.stage.clock.spawn(0, self.clone().deliver(delivery, rng));
            }
            let next = self.stage.with(|shared| shared.world.next_due());
            let wait =
                next.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::from_millis(1)));
            let wait = wait.unwrap_or(Duration::from_hours(1)).max(Duration::from_millis(1));
            tokio::select! {
                biased;
                () = self.sender.notified() => {}
                () = self.stage.clock.sleep(wait) => {}
            }
        }
    }
}

impl Run {
    /// Opens the books of a run that came to rest.
    fn open_books(&self, people: usize) {
        let now = self.stage.true_now();
        let (heard, circle, kit) = self.stage.with(|shared| {
            (std::mem::take(&mut shared.heard), shared.world.circle.state(now), shared.world.kit.state(now))
        });
        let is_true_to_time =
            self.stage.with(|shared| !shared.marks.injected.contains_key(&Fault::ClockJump));
        let troubles = self.stage.with(|shared| std::mem::take(&mut shared.troubles));
        let tally = self.stage.with(|shared| (shared.tally.clone(), shared.stumbles));
        let mut truth = self.truth(|truth| truth.clone());
        block(oracle::take_in_what_was_polled(self, &mut truth));
        let books = oracle::Books {
            store: &self.store,
            heard,
            circle,
            kit,
            truth,
            times: is_true_to_time.then(|| oracle::Times {
                troubles,
                poll_every: self.settings(|settings| settings.source.poll_every),
            }),
            tally: Some(tally),
            people,
            now,
            seen: Mutex::default(),
        };
        block(oracle::open(&books));
        for Broken { promise, what } in books.seen.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.stage.broken(promise, what);
        }
    }
}

/// A directory of a run's own, gone when the run ends. On a memory file system where there is one: what a simulated
/// power loss does to a disk is not this run's business, and a sync of a real one would take most of its time.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn new(seed: u64) -> std::io::Result<Self> {
        static NTH: AtomicU64 = AtomicU64::new(0);
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("frontdesk-sim-{}-{seed:x}-{nth}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is in a directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs one seed to its end.
///
/// # Panics
///
/// When the machine has no room for a temporary database.
pub fn run(setup: &Setup) -> Report {
    let rng = Rng::new(setup.seed);
    let mut knobs = rng.fork("knobs");
    let plan = setup.plan.clone().unwrap_or_else(|| Plan::draw(&mut rng.fork("plan")));
    let plan = plan.for_bug(setup.bug.unwrap_or_default());
    let is_crowded = plan.has(Fault::MassEnd) && !plan.has(Fault::Import) && setup.profile == Profile::Short;
    let plan = if is_crowded { plan.at_most(CROWD_FAULTS) } else { plan };
    let people = setup.people.unwrap_or_else(|| {
        let most = if setup.profile == Profile::Short { 5 } else { 20 };
        let few = knobs.between(1, most);
        usize::try_from(if is_crowded { knobs.between(18, 26) } else { few }).expect("few people")
    });
    let node_count = usize::try_from(knobs.between(1, 3)).expect("few nodes");
    let scratch = Scratch::new(setup.seed).expect("room for a temporary database");
    let mut executor = Executor::new(rng.fork("executor"));
    let stage = Stage::new(executor.clock(), setup.seed, plan.clone(), &rng, setup.bug);
    stage.with(|shared| shared.trace.keep_all = setup.keep_trace);
    let mut settings = settings(&mut knobs, node_count);
    let adopts = plan.has(Fault::Import);
    if adopts {
        settings.targets.values_mut().for_each(|target| target.mode = Mode::Shadow);
        stage.with(|shared| shared.shadowed.extend([Provider::Circle, Provider::Kit]));
    }
    let sqlite = SqliteSettings {
        path: scratch.0.join("frontdesk.db"),
        mode: SqliteMode::InThread { vfs: Some(SYSTEMS_OWN.to_owned()) },
        now: epoch(),
    };
    let store = Store::open_sqlite(&sqlite).expect("a fresh database opens");
    let run = Run {
        stage: stage.clone(),
        span: setup.profile.span(),
        sender: Arc::new(Notify::new()),
        store,
        adopts,
        adopted: Arc::new(Notify::new()),
        settings: Arc::new(Mutex::new(settings)),
        dropped: setup.dropped.clone(),
        sent: Arc::default(),
        truth: Arc::default(),
        nodes: Arc::default(),
        rng: rng.clone(),
    };
    let mut going_on =
        if adopts { past::before(&run, people, &mut rng.fork("before")) } else { BTreeMap::new() };
    prepare(&run, &plan, &mut knobs, people, setup.profile);
    for node in 1..=node_count {
        run.start_node(node, 0);
    }
    stage.clock.spawn(0, run.clone().send(rng.fork("sender")));
    stage.clock.spawn(0, run.clone().disturb(rng.fork("disturb"), people));
    let all_leave_at =
        setup.profile.span() / 1000 * rng.fork("crowd").between(300, 700).try_into().unwrap_or(500);
    for person in (0..people).filter(|person| !setup.absent.contains(&(*person as u64))) {
        let (run, rng) = (run.clone(), rng.fork(&format!("person{person}")));
        match going_on.remove(&person) {
            Some(before) => stage.clock.spawn(0, live_on(run, person, before, rng)),
            None if is_crowded => {
                stage.clock.spawn(0, live_in_the_crowd(run, person, all_leave_at, rng));
            }
            None => stage.clock.spawn(0, live(run, person, rng)),
        }
    }
    if is_crowded {
        stage.clock.spawn(0, run.clone().look_after_brakes(rng.fork("brakes")));
    }
    if plan.has(Fault::Ruling) {
        stage.clock.spawn(0, run.clone().rule(rng.fork("rule"), people));
    }
    if adopts {
        stage.clock.spawn(0, run.clone().adopt(rng.fork("adopt")));
    }
    let mut drive =
        Drive { run: &run, executor: &mut executor, lives: BTreeMap::new(), fate: rng.fork("fate") };
    if drive.play(&rng, people).is_err() {
        let what =
            format!("the run took longer than {} s of a processor: it makes no progress", WORK_MAX.as_secs());
        stage.broken("I19", what);
    }
    let lived = executor.clock().now();
    stage.with(|shared| {
        if shared.broken.is_empty() {
            let met: Vec<Fault> = shared.marks.injected.keys().copied().collect();
            shared.marks.recovered.extend(met);
        }
        Report {
            seed: setup.seed,
            broken: shared.broken.clone(),
            marks: shared.marks.clone(),
            plan,
            people,
            deliveries: run.sent.load(Ordering::Relaxed),
            lived,
            work: stage.work.done(),
            trace: shared.trace.digest(),
            tail: shared.trace.tail(),
        }
    })
}

struct Drive<'a> {
    run: &'a Run,
    executor: &'a mut Executor,
    lives: BTreeMap<Node, u64>,
    fate: Rng,
}

impl Drive<'_> {
    /// The whole run: faults, then rest, then silence, then the books.
    fn play(&mut self, rng: &Rng, people: usize) -> Result<(), UsedUp> {
        let run = self.run;
        let (stage, span) = (&run.stage, run.span);
        self.until(span)?;
        // The faults stop. Whatever the sender gave up on, it is asked for once more.
        stage.trace(0, "the faults stop");
        stage.with(|shared| {
            shared.plan = Plan::default();
            shared.out_until.clear();
            shared.refuses_until.clear();
            shared.clock_lie = SignedDuration::ZERO;
        });
        resend(run);
        stage.clock.spawn(0, run.clone().tidy_up(rng.fork("tidy")));
        self.until(span + CONVERGES_WITHIN)?;
        let settled = block(oracle::converged(run));
        let heard = stage.with(|shared| shared.heard.len());
        if run.adopts && settled {
            stage.clock.spawn(0, run.clone().import_again(rng.fork("import again")));
        }
        run.look_less_often();
        self.until(span + CONVERGES_WITHIN + SILENCE)?;
        if settled {
            oracle::silent(run, heard);
            run.open_books(people);
        }
        Ok(())
    }

    /// Lets the run live until an instant of virtual time.
    fn until(&mut self, until: Duration) -> Result<(), UsedUp> {
        while self.step(until)? != Step::Idle {
            for node in self.run.stage.with(|shared| std::mem::take(&mut shared.dying)) {
                self.executor.crash(node);
                self.run.nodes(|nodes| nodes.insert(node, None));
                let life = self.lives.entry(node).or_default();
                *life += 1;
                let (run, life) = (self.run.clone(), *life);
                let pause = Duration::from_millis(self.fate.between(50, 60_000));
                self.run.stage.clock.spawn(0, async move {
                    run.stage.clock.sleep(pause).await;
                    run.start_node(node, life);
                });
            }
            if self.run.stage.work.is_used_up() {
                return Err(UsedUp);
            }
        }
        Ok(())
    }

    /// One step, from which a task that never puts itself down is unwound.
    fn step(&mut self, until: Duration) -> Result<Step, UsedUp> {
        catch_unwind(AssertUnwindSafe(|| self.executor.step(until))).or_else(|panic| {
            panic.downcast::<UsedUp>().map_or_else(|panic| resume_unwind(panic), |used_up| Err(*used_up))
        })
    }
}

/// Runs a future that never waits: the store works in the caller's thread.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("the store answers in the caller's thread"),
    }
}

pub(crate) fn settings(knobs: &mut Rng, nodes: usize) -> Settings {
    let key = Secret::new("sources.stripe.api_key", "rk_live_sandbox_frontdesk".to_owned());
    let api = stripe::read::Account::new("https://api.stripe.com", key).expect("a good address and key");
    let circle = circle::Account {
        base: Base::parse("https://app.circle.so").expect("a good address"),
        token: Secret::new("targets.circle.token", "circle_sandbox_token".to_owned()),
        scheme: circle::Scheme::Token,
    };
    let kit = kit::Account {
        base: Base::parse("https://api.kit.com").expect("a good address"),
        credential: kit::Credential::ApiKey(Secret::new("targets.kit.api_key", "kit_sandbox_key".to_owned())),
    };
    let limits = |calls, seconds| Limits { calls, window: SignedDuration::from_secs(seconds), monthly: None };
    let sweep_every = Some(SignedDuration::from_hours(*knobs.pick(&[3, 6, 12])));
    let poll_every = Some(SignedDuration::from_mins(*knobs.pick(&[5, 10, 15])));
    let target = |connection, limits, hook_secret: &str| TargetSettings {
        mode: Mode::Live,
        connection,
        limits,
        hook_secrets: vec![Secret::new("targets.hook_secret", hook_secret.to_owned())],
        sweep_every,
    };
    let monthly = Some(Monthly { calls: 5000, renews_day: 14 });
    Settings {
        node: String::new(),
        source: Source {
            id: SourceId::new("stripe"),
            signing_secrets: vec![Secret::new("sources.stripe.signing_secrets[0]", SECRET.to_owned())],
            livemode: true,
            account: None,
            api,
            limits: limits(15, 1),
            poll_every,
        },
        targets: [
            (
                Target::Circle,
                target(
                    Connection::Circle(circle),
                    Limits { monthly, ..limits(1500, 300) },
                    hooks::CIRCLE_SECRET,
                ),
            ),
            (Target::Kit, target(Connection::Kit(kit), limits(100, 60), hooks::KIT_SECRET)),
        ]
        .into(),
        catalogue: Run::catalogue(),
        lease: SignedDuration::from_secs(i64::try_from(knobs.between(45, 120)).expect("seconds fit")),
        look_every: SignedDuration::from_secs(if nodes > 1 { *knobs.pick(&[60, 150, 300]) } else { 600 }),
    }
}

/// What is there before anybody buys: the endpoint, members and subscribers of old, how the providers behave.
fn prepare(run: &Run, plan: &Plan, knobs: &mut Rng, people: usize, profile: Profile) {
    let endpoint = json!({ "url": "https://members.northwind.example/webhooks/stripe", "secret": SECRET, "enabled_events": ["*"] });
    run.stage.control("stripe/endpoint", &endpoint);
    for person in 0..people {
        let email = address(person);
        match knobs.below(3) {
            0 if !run.is_member(&email) => {
                let body = json!({ "email": email, "name": "Of old", "state": "active" });
                run.stage.control("circle/member", &body);
            }
            1 if !run.is_subscriber(&email) => {
                run.stage.control("kit/subscriber", &json!({ "email": email, "state": "active" }));
            }
            _ => {}
        }
    }
    let switch = |provider: &str, name: &str, value: serde_json::Value| {
        run.stage.control("faults", &json!({ "provider": provider, "switch": name, "value": value }));
    };
    switch("circle", "existing_post", json!(knobs.pick(&["201", "409", "422"])));
    switch("circle", "repeat_add", json!(knobs.pick(&["201", "200", "422", "unknown_2xx"])));
    switch("circle", "id_at_top_level", json!(knobs.hits(300)));
    switch("circle", "over_allowance", json!("serve"));
    switch("kit", "untag_absent", json!(knobs.pick(&["204", "404"])));
    if plan.has(Fault::StaleReads) {
        switch("circle", "read_lag_s", json!(knobs.between(1, 30)));
        switch("kit", "list_lag_s", json!(knobs.between(1, 300)));
        run.stage.with(|shared| shared.marks.hit(Fault::StaleReads));
    }
    if plan.has(Fault::ChangingList) {
        // Short pages, so that lists have several; not so short that sweeps use up the month.
        switch("circle", "per_page_max", json!(if profile == Profile::Short { 2 } else { 10 }));
    }
    for target in Target::ALL {
        // Half of all communities let a target say by itself what changes there.
        if knobs.hits(500) {
            let (action, body) = hooks::listening(target);
            run.stage.control(&format!("{target}/{action}"), &body);
        }
    }
    if plan.has(Fault::SameSecond) {
        // Every purchase of the sandbox tells several states within one second.
        run.stage.with(|shared| shared.marks.hit(Fault::SameSecond));
    }
}

/// Asks the sender for every event that was never acknowledged, but for those that are lost for good or were before
/// there was anybody to tell.
fn resend(run: &Run) {
    let now = run.stage.true_now();
    let (known, untold) = run.truth(|truth| {
        let untold: BTreeSet<_> = truth.lost.keys().chain(&truth.before).cloned().collect();
        (truth.acknowledged.clone(), untold)
    });
    let state = run.stage.with(|shared| shared.world.stripe.state(now));
    for event in state["events"].as_array().into_iter().flatten() {
        if let Some(id) = event["id"].as_str()
            && !known.contains_key(id)
            && !untold.contains(id)
        {
            run.stage.control("stripe/redeliver", &json!({ "event": id }));
        }
    }
    run.sender.notify_one();
}

/// The id that a raw event gives itself.
fn id_in(body: &[u8]) -> String {
    let event: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    event["id"].as_str().unwrap_or_default().to_owned()
}

/// Items that a run manages at a target.
pub fn managed(target: Target) -> BTreeSet<Item> {
    Run::catalogue().managed(target)
}
