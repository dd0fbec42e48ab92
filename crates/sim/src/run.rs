//! One run from its seed: safety under faults, then the faults stop and it must converge, then a day of silence, then
//! the books are opened.

mod deliver;
mod drive;
mod prepare;

pub(crate) use drive::block;
pub(crate) use prepare::{LARGE_MONTH, Scratch, have_month_of, settings};

use crate::customers::{GRACE, live, live_in_the_crowd, live_on};
use crate::executor::{Executor, Node};
use crate::fault::{Fault, Marks, Plan};
use crate::oracle::Told;
use crate::past;
use crate::ports::SimPorts;
use crate::rng::Rng;
use crate::truth::{Truth, later};
use crate::work::WORK_MAX;
use crate::world::{Broken, Stage, epoch};
use drive::Drive;
use frontdesk_core::catalogue::{self, Catalogue, Good, Meaning, Policy};
use frontdesk_core::id::{EntitlementId, PlanId, SourceId};
use frontdesk_core::target::{Item, Target};
use frontdesk_engine::Engine;
use frontdesk_engine::settings::{Mode, Settings};
use frontdesk_sandbox::Provider;
use frontdesk_store::{SqliteMode, SqliteSettings, Store};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

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
/// How often processes look by themselves at most in a long life, which would take too much of a processor else.
const LONG_LOOKS_EVERY: SignedDuration = SignedDuration::from_mins(15);
/// How often the source's list is read at most in a long life.
const LONG_POLLS_EVERY: SignedDuration = SignedDuration::from_mins(30);
/// How long a run with a limit of new members a day is at least: whoever has to wait is let in on the next one.
const CAPPED_SPAN: Duration = Duration::from_hours(20);
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
    /// Calls of a small month that may be spent on anything; what is beyond is its reserve.
    pub(crate) reserve: Option<u64>,
    /// Rings when every target was gone live with.
    pub(crate) adopted: Arc<Notify>,
    /// What every process is told.
    settings: Arc<Mutex<Settings>>,
    /// What was told of removals past their time, and when.
    told: Arc<Mutex<Vec<Told>>>,
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

    /// Works on what was told of removals past their time.
    pub(crate) fn told<T>(&self, work: impl FnOnce(&mut Vec<Told>) -> T) -> T {
        work(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
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

    /// So many thousandths of the time in which people live.
    pub(crate) fn part(&self, thousandths: u64) -> Duration {
        let millis = u64::try_from(self.span.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(millis / 1000 * thousandths)
    }

    /// When the faults stop.
    pub(crate) fn ends_at(&self) -> Timestamp {
        later(epoch(), SignedDuration::try_from(self.span).unwrap_or(SignedDuration::MAX))
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
    let adopts = plan.has(Fault::Import);
    let is_capped = plan.has(Fault::DailyCap) && !adopts && !is_crowded;
    let span = if is_capped { setup.profile.span().max(CAPPED_SPAN) } else { setup.profile.span() };
    let scratch = Scratch::new(setup.seed).expect("room for a temporary database");
    let mut executor = Executor::new(rng.fork("executor"));
    let stage = Stage::new(executor.clock(), setup.seed, plan.clone(), &rng, setup.bug);
    stage.with(|shared| shared.trace.keep_all = setup.keep_trace);
    let mut settings = settings(&mut knobs, node_count);
    if setup.profile == Profile::Long {
        settings.look_every = settings.look_every.max(LONG_LOOKS_EVERY);
        settings.source.poll_every = settings.source.poll_every.max(Some(LONG_POLLS_EVERY));
    }
    if adopts {
        settings.targets.values_mut().for_each(|target| target.mode = Mode::Shadow);
        stage.with(|shared| shared.shadowed.extend([Provider::Circle, Provider::Kit]));
    }
    // Who takes up Frontdesk reads lists, and so does whoever puts back who was put out.
    let is_short = plan.has(Fault::Reserve) && !adopts && !is_crowded;
    let reserve = is_short.then(|| {
        let calls = u32::try_from(rng.fork("reserve").between(6, 36)).expect("few calls");
        u64::from(have_month_of(&mut settings, calls).usable())
    });
    let sqlite = SqliteSettings {
        path: scratch.path().join("frontdesk.db"),
        mode: SqliteMode::InThread { vfs: Some(SYSTEMS_OWN.to_owned()) },
        now: epoch(),
    };
    let store = Store::open_sqlite(&sqlite).expect("a fresh database opens");
    let run = Run {
        stage: stage.clone(),
        span,
        sender: Arc::new(Notify::new()),
        store,
        adopts,
        reserve,
        adopted: Arc::new(Notify::new()),
        settings: Arc::new(Mutex::new(settings)),
        told: Arc::default(),
        dropped: setup.dropped.clone(),
        sent: Arc::default(),
        truth: Arc::default(),
        nodes: Arc::default(),
        rng: rng.clone(),
    };
    let mut going_on =
        if adopts { past::before(&run, people, &mut rng.fork("before")) } else { BTreeMap::new() };
    prepare::prepare(&run, &plan, &mut knobs, people, setup.profile);
    for node in 1..=node_count {
        run.start_node(node, 0);
    }
    stage.clock.spawn(0, run.clone().send(rng.fork("sender")));
    stage.clock.spawn(0, run.clone().disturb(rng.fork("disturb"), people));
    let all_leave_at = span / 1000 * rng.fork("crowd").between(300, 700).try_into().unwrap_or(500);
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
    if is_capped {
        stage.clock.spawn(0, run.clone().cap(rng.fork("cap")));
    }
    if plan.has(Fault::StuckRemoval) {
        stage.clock.spawn(0, run.clone().stick(rng.fork("stuck")));
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

/// Items that a run manages at a target.
pub fn managed(target: Target) -> BTreeSet<Item> {
    Run::catalogue().managed(target)
}
