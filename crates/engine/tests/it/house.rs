//! A Frontdesk without threads: a test moves the clock, lets people act, and says when the loops look.

use frontdesk_core::budget::{Limits, Monthly};
use frontdesk_core::catalogue::{Catalogue, Good, Meaning, Plan, Policy};
use frontdesk_core::id::{CustomerId, EntitlementId, PlanId, SourceId};
use frontdesk_core::sync::Sync;
use frontdesk_core::target::{Item, Target};
use frontdesk_engine::ports::{Mail, NoAnswer};
use frontdesk_engine::settings::{Connection, Mode, Settings, Source, TargetSettings};
use frontdesk_engine::{Engine, Ports};
use frontdesk_providers::call::Base;
use frontdesk_providers::secret::Secret;
use frontdesk_providers::{circle, kit, stripe};
use frontdesk_sandbox::{Answer, Call, Provider, World};
use frontdesk_store::{SqliteMode, SqliteSettings, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECRET: &str = "whsec_engineTestSecret0001";
/// What signs Kit's webhooks.
pub(crate) const KIT_SECRET: &str = "whsec_engineTestSecretOfKit";
/// What calls of Circle's workflows carry.
pub(crate) const CIRCLE_HOOK_SECRET: &str = "engineTestSecretOfCircle";
/// The access group that the plan gives.
pub(crate) const GROUP: u64 = 4012;
/// How often the house sweeps.
pub(crate) const EVERY: SignedDuration = SignedDuration::from_hours(12);

/// What the ports of all processes of a test share.
struct Outside {
    world: World,
    now: Timestamp,
    /// How far the wall clock is from the time that passed.
    lie: SignedDuration,
    chance: u64,
    /// Called instead of the world; `None` passes the call on.
    stand_in: Option<StandIn>,
    heard: Vec<Heard>,
}

/// A call that a provider heard.
#[derive(Clone)]
pub(crate) struct Heard {
    pub(crate) provider: Provider,
    pub(crate) at: Timestamp,
    /// Its method and its whole path with the query.
    pub(crate) line: String,
    /// What was answered; `None`: nothing was.
    pub(crate) status: Option<u16>,
}

#[derive(Clone)]
pub(crate) struct TestPorts(Arc<Mutex<Outside>>);

impl TestPorts {
    fn with<T>(&self, work: impl FnOnce(&mut Outside) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }
}

impl Ports for TestPorts {
    fn now_wall(&self) -> Timestamp {
        self.with(|outside| outside.now.saturating_add(outside.lie).unwrap())
    }

    fn now_mono(&self) -> Duration {
        Duration::try_from(self.with(|outside| outside.now).duration_since(start())).unwrap_or_default()
    }

    fn random(&self, buffer: &mut [u8]) {
        self.with(|outside| {
            for byte in buffer {
                outside.chance = outside.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = outside.chance.to_be_bytes()[1];
            }
        });
    }

    async fn sleep(&self, _span: Duration) {}

    async fn sleep_until(&self, _until: Timestamp) {}

    async fn http(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, NoAnswer> {
        let target = request.uri().path_and_query().unwrap().as_str();
        let mut call = Call::new(request.method().as_str(), target);
        for (name, value) in request.headers() {
            call = call.header(name.as_str(), value.to_str().unwrap());
        }
        call.body.clone_from(request.body());
        let answer = self.with(|outside| {
            let provider = Provider::of(&call.path).unwrap();
            // A call takes a moment, so that what it shows is newer than what was known.
            outside.now = outside.now.saturating_add(SignedDuration::from_millis(20)).unwrap();
            let now = outside.now;
            let stood_in = outside.stand_in.and_then(|stand_in| stand_in(&call));
            let answer = stood_in.or_else(|| outside.world.handle(&call, now).answer());
            let status = answer.as_ref().map(|answer| answer.status);
            let line = format!("{} {target}", call.method);
            outside.heard.push(Heard { provider, at: now, line, status });
            answer
        });
        let answer = answer.ok_or(NoAnswer::TimedOut)?;
        let mut response = http::Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        Ok(response.body(answer.body).unwrap())
    }

    fn spawn(&self, _name: &'static str, _task: impl Future<Output = ()> + Send + 'static) {}

    async fn mail(&self, _message: Mail) -> Result<(), NoAnswer> {
        Err(NoAnswer::NotSent)
    }

    async fn crash_point(&self, _step: &'static str) {}
}

fn start() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Answers some calls in a provider's place.
pub(crate) type StandIn = fn(&Call) -> Option<Answer>;

/// See the module.
pub(crate) struct House {
    pub(crate) engine: Engine<TestPorts>,
    ports: TestPorts,
    settings: Settings,
    runtime: tokio::runtime::Runtime,
    store: Store,
    _folder: Folder,
}

impl House {
    /// A house that writes, with a monthly allowance at Circle.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    pub(crate) fn with(name: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let folder =
            Folder(std::env::temp_dir().join(format!("frontdesk-engine-{name}-{}", std::process::id())));
        std::fs::create_dir_all(&folder.0).unwrap();
        let path = folder.0.join("frontdesk.db");
        let sqlite = SqliteSettings { path, mode: SqliteMode::InThread { vfs: None }, now: start() };
        let store = Store::open_sqlite(&sqlite).unwrap();
        let outside = Outside {
            world: World::new(7),
            now: start(),
            lie: SignedDuration::ZERO,
            chance: 1,
            stand_in: None,
            heard: Vec::new(),
        };
        let ports = TestPorts(Arc::new(Mutex::new(outside)));
        let mut settings = settings();
        change(&mut settings);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let engine = runtime.block_on(Engine::open(ports.clone(), store.clone(), settings.clone())).unwrap();
        let house = Self { engine, ports, settings, runtime, store, _folder: folder };
        let endpoint = json!({ "url": "https://members.northwind.example/webhooks/stripe", "secret": SECRET, "enabled_events": ["*"] });
        house.act("stripe/endpoint", &endpoint);
        house.look();
        house
    }

    /// Another process over the same store: whatever was only in memory is gone.
    pub(crate) fn restart(&mut self) {
        self.restart_with(|_| {});
    }

    /// The same, told something else.
    pub(crate) fn restart_with(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        let opened = Engine::open(self.ports.clone(), self.store.clone(), self.settings.clone());
        self.engine = self.runtime.block_on(opened).unwrap();
    }

    /// Another process over the same store, with another catalogue.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Catalogue)) {
        change(&mut self.settings.catalogue);
        self.restart();
    }

    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.now_wall()
    }

    /// The same for what a provider may well refuse, such as ending a subscription twice: whether it was done.
    pub(crate) fn attempt(&self, path: &str, body: &Value) -> bool {
        let call = Call::new("POST", &format!("/_sandbox/{path}")).json(body);
        let answer = self.ports.with(|outside| outside.world.handle(&call, outside.now)).answer().unwrap();
        answer.status < 300
    }

    /// Lets a person or another program act at a provider.
    pub(crate) fn act(&self, path: &str, body: &Value) -> Value {
        let call = Call::new("POST", &format!("/_sandbox/{path}")).json(body);
        let answer = self.ports.with(|outside| outside.world.handle(&call, outside.now)).answer().unwrap();
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        assert!(answer.status < 300, "the sandbox refused {path} {body}: {} {value}", answer.status);
        value
    }

    /// Answers in a provider's place from now on.
    pub(crate) fn stand_in(&self, stand_in: Option<StandIn>) {
        self.ports.with(|outside| outside.stand_in = stand_in);
    }

    /// The calls since the last time that somebody asked, to one provider.
    pub(crate) fn heard(&self, provider: Provider) -> Vec<String> {
        self.calls(provider).into_iter().map(|heard| heard.line).collect()
    }

    /// The same, with when they came and what was answered.
    pub(crate) fn calls(&self, provider: Provider) -> Vec<Heard> {
        let heard = self.ports.with(|outside| std::mem::take(&mut outside.heard));
        heard.into_iter().filter(|heard| heard.provider == provider).collect()
    }

    /// All that the sandbox holds.
    pub(crate) fn state(&self) -> Value {
        self.ports.with(|outside| outside.world.state(outside.now))
    }

    /// Takes all faults away.
    pub(crate) fn heal(&self) {
        let call = Call::new("DELETE", "/_sandbox/faults");
        let answer = self.ports.with(|outside| outside.world.handle(&call, outside.now)).answer().unwrap();
        assert_eq!(answer.status, 200);
    }

    /// Moves the clock.
    pub(crate) fn clock(&self, span: SignedDuration) {
        self.ports.with(|outside| outside.now = outside.now.saturating_add(span).unwrap());
    }

    /// Lets the wall clock be that far from the time that passed.
    pub(crate) fn lie(&self, lie: SignedDuration) {
        self.ports.with(|outside| outside.lie = lie);
    }

    /// Moves the clock, and lets every loop look.
    pub(crate) fn pass(&self, span: SignedDuration) {
        self.clock(span);
        self.look();
    }

    /// Lets time go by for so long: from each instant at which a loop is due to the next.
    pub(crate) fn run(&self, span: SignedDuration) {
        let until = self.now().saturating_add(span).unwrap();
        loop {
            let sent = self.ports.with(|outside| outside.world.next_due());
            let next = [self.rest(), sent].into_iter().flatten().filter(|next| *next < until).min();
            let Some(next) = next else { break };
            self.ports.with(|outside| outside.now = next.max(outside.now));
        }
        self.ports.with(|outside| outside.now = until.max(outside.now));
        self.look();
    }

    /// Lets every loop look until nothing is due.
    pub(crate) fn look(&self) {
        self.rest();
    }

    /// The same; returns when one is due next.
    fn rest(&self) -> Option<Timestamp> {
        self.wait(async {
            for _ in 0..50 {
                let delivered = self.deliver().await;
                let now = self.now();
                let due = [
                    self.engine.apply_due().await.unwrap(),
                    self.engine.read_due().await.unwrap(),
                    self.engine.reconcile(Target::Circle).await.unwrap(),
                    self.engine.reconcile(Target::Kit).await.unwrap(),
                ]
                .into_iter()
                .flatten();
                let next = due.min();
                if !delivered && next.is_none_or(|at| at > now) {
                    return next;
                }
            }
            panic!("the loops do not come to rest");
        })
    }

    async fn deliver(&self) -> bool {
        let due = self.ports.with(|outside| outside.world.due_deliveries(outside.now));
        let any = !due.is_empty();
        for delivery in due {
            let is_signature = |name: &str| name.to_ascii_lowercase().ends_with("-signature");
            let signature = delivery.headers.iter().find(|(name, _)| is_signature(name));
            let signature = signature.map(|(_, value)| value.clone().into_bytes());
            if delivery.url.ends_with("/kit") {
                self.engine.hear_kit(signature.as_deref(), &delivery.body).await;
            } else if let Some((_, secret)) = delivery.url.split_once("/circle/") {
                self.engine.hear_circle(Some(secret.as_bytes()), &delivery.body).await;
            } else {
                self.engine.ingest(signature.as_deref(), &delivery.body).await;
            }
            self.ports.with(|outside| outside.world.delivered(delivery.id, Ok(200), outside.now));
        }
        any
    }

    /// Somebody buys the plan, accepts the invitation, and everything has settled.
    pub(crate) fn buys(&self, email: &str) -> Value {
        let body = json!({ "email": email, "name": "A buyer", "price": "price_1Community" });
        let done = self.act("stripe/checkout", &body);
        self.pass(SignedDuration::from_secs(1));
        self.pass(SignedDuration::from_mins(2));
        done
    }

    /// The row of whoever has this address.
    pub(crate) fn row(&self, email: &str, target: Target) -> Sync {
        let customer = self.customer(email);
        self.wait(self.store.syncs(&customer)).unwrap().remove(&target).unwrap()
    }

    pub(crate) fn customer(&self, email: &str) -> CustomerId {
        self.wait(self.store.find_customers(email, 2)).unwrap().remove(0)
    }

    /// Whether the address is in the access group.
    pub(crate) fn is_in(&self, email: &str) -> bool {
        let call =
            Call::new("GET", &format!("/api/admin/v2/access_groups/{GROUP}/community_member?email={email}"))
                .header("authorization", "Token circle_sandbox_token");
        self.ports.with(|outside| outside.world.handle(&call, outside.now)).answer().unwrap().status == 200
    }
}

fn settings() -> Settings {
    let key = Secret::new("sources.stripe.api_key", "rk_live_sandbox_frontdesk".to_owned());
    let circle = circle::Account {
        base: Base::parse("https://app.circle.so").unwrap(),
        token: Secret::new("targets.circle.token", "circle_sandbox_token".to_owned()),
        scheme: circle::Scheme::Token,
    };
    let kit_key = Secret::new("targets.kit.api_key", "kit_sandbox_key".to_owned());
    let kit = kit::Account {
        base: Base::parse("https://api.kit.com").unwrap(),
        credential: kit::Credential::ApiKey(kit_key),
    };
    let limits =
        |calls, seconds, monthly| Limits { calls, window: SignedDuration::from_secs(seconds), monthly };
    let target = |connection, limits, hook_secret: &str| TargetSettings {
        mode: Mode::Live,
        connection,
        limits,
        hook_secrets: vec![Secret::new("targets.hook_secret", hook_secret.to_owned())],
        sweep_every: Some(EVERY),
    };
    let monthly = Some(Monthly { calls: 5000, renews_day: 1 });
    Settings {
        node: "house".to_owned(),
        source: Source {
            id: SourceId::new("stripe"),
            signing_secrets: vec![Secret::new("sources.stripe.signing_secrets[0]", SECRET.to_owned())],
            livemode: true,
            account: None,
            api: stripe::read::Account::new("https://api.stripe.com", key).unwrap(),
            limits: limits(15, 1, None),
            poll_every: None,
        },
        targets: [
            (
                Target::Circle,
                target(Connection::Circle(circle), limits(1500, 300, monthly), CIRCLE_HOOK_SECRET),
            ),
            (Target::Kit, target(Connection::Kit(kit), limits(10_000, 60, None), KIT_SECRET)),
        ]
        .into(),
        catalogue: catalogue(),
        lease: SignedDuration::from_secs(60),
        look_every: SignedDuration::from_secs(5),
    }
}

fn catalogue() -> Catalogue {
    let good = Good { source: SourceId::new("stripe"), id: "price_1Community".to_owned() };
    let plan = Plan {
        id: PlanId::new("community"),
        title: "Community".to_owned(),
        goods: [good].into(),
        grants: [EntitlementId::new("community")].into(),
        policy: Policy::default(),
        beneficiary: None,
    };
    let items = [Item::CircleGroup(GROUP), Item::CircleGroup(4013), Item::kit_tag("member")];
    let meaning = Meaning { title: "Community".to_owned(), items: items.into_iter().collect() };
    Catalogue {
        plans: vec![plan],
        entitlements: [(EntitlementId::new("community"), meaning)].into(),
        ..Catalogue::default()
    }
}
