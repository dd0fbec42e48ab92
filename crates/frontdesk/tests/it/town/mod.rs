//! A town to test in: a sandbox of the providers, and a Frontdesk beside it that is wired as `serve` wires it. Both
//! listen on this machine; everything between them goes over HTTP.
//!
//! A test lets people act at the providers, waits for what must be seen, and ends with [`Town::rest`]: everything that
//! it did not mention is as it should be.

mod database;
mod rest;
mod served;
mod settings;
mod sight;

pub(crate) use database::Backend;
pub(crate) use rest::Rest;
pub(crate) use served::Served;
pub(crate) use settings::Settings;
pub(crate) use sight::text;

use crate::process::Folder;
use database::Database;
use frontdesk::config::{self, Config, Environment};
use frontdesk::live::{LivePorts, Trust};
use frontdesk::{assemble, errors::Failure};
use frontdesk_engine::ports::NoAnswer;
use frontdesk_engine::{Engine, Ports};
use frontdesk_sandbox::{SandboxConfig, Server};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::borrow::Borrow;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The longest that anything is waited for, on a machine that does other work as well.
const SEEN_WITHIN: Duration = Duration::from_mins(3);
/// How often a condition is looked at again when no customer changed: what a provider saw is not announced.
const RECHECK: Duration = Duration::from_millis(20);
/// The longest jump towards what is due next: retries and looks are nearer than that, renewals and grace are not.
const JUMP_MAX: SignedDuration = frontdesk_core::sync::BACKOFF_MAX;
/// What is due sooner than this is waited for.
const JUMP_OVER: SignedDuration = SignedDuration::from_millis(400);
/// How long a Frontdesk that is taken down may take for what it is in the middle of.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A Frontdesk that runs in this process, on threads of its own.
struct Desk {
    engine: Engine<LivePorts>,
    runtime: Runtime,
}

/// The sandbox and the Frontdesk.
pub(crate) struct Town {
    pub(crate) settings: Settings,
    pub(crate) folder: Folder,
    database: Database,
    /// Where Frontdesk listens, also while none runs.
    address: SocketAddr,
    desk: Option<Desk>,
    /// The ports of the test itself, on the sandbox's clock.
    ports: LivePorts,
    sandbox: Server,
    runtime: Runtime,
}

fn runtime(threads: usize) -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
}

impl Town {
    /// A town whose Frontdesk runs.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, Settings::default())
    }

    /// A town whose Frontdesk runs and was told something else than usual.
    pub(crate) fn with(name: &str, settings: Settings) -> Self {
        let mut town = Self::closed(name, settings);
        town.open();
        town
    }

    /// The same on another database; `None` where that was left out on purpose.
    pub(crate) fn on(name: &str, backend: Backend) -> Option<Self> {
        let mut town = Self::build(name, Settings::default(), backend)?;
        town.open();
        Some(town)
    }

    /// A town in which no Frontdesk runs yet. Its Stripe knows where one will listen.
    pub(crate) fn closed(name: &str, settings: Settings) -> Self {
        Self::build(name, settings, Backend::Sqlite).expect("SQLite is always there")
    }

    fn build(name: &str, settings: Settings, backend: Backend) -> Option<Self> {
        let runtime = runtime(1);
        let database = runtime.block_on(Database::make(backend))?;
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let sandbox = runtime.block_on(Server::start(SandboxConfig { listen, seed: 1 })).unwrap();
        let ports = runtime.block_on(async {
            let ports = LivePorts::new(Trust::Nobody).unwrap();
            ports.follow_clock(&format!("{}/_sandbox/clock", sandbox.url())).await.unwrap();
            ports
        });
        // A port that was given back goes to nobody else for a while.
        let address = std::net::TcpListener::bind(listen).unwrap().local_addr().unwrap();
        let folder = Folder::new(name);
        let town = Self { settings, folder, database, address, desk: None, ports, sandbox, runtime };
        town.hand_out_secrets();
        Some(town)
    }

    /// Makes the providers know the secrets that Frontdesk is given.
    fn hand_out_secrets(&self) {
        let secret = |name| self.settings.secret(name);
        self.act("stripe", "keys", json!({ "key": secret("STRIPE_API_KEY") }));
        self.act("circle", "token", json!({ "add": secret("CIRCLE_TOKEN") }));
        self.act("kit", "token", json!({ "add_key": secret("KIT_API_KEY") }));
        let endpoint = json!({ "url": self.webhooks(), "secret": secret("STRIPE_SIGNING_SECRET"), "enabled_events": ["*"] });
        self.act("stripe", "endpoint", endpoint);
    }

    /// Starts a Frontdesk.
    pub(crate) fn open(&mut self) {
        self.try_open().unwrap_or_else(|failure| panic!("{failure:?}"));
    }

    /// Starts a Frontdesk, unless it refuses to.
    pub(crate) fn try_open(&mut self) -> Result<(), Failure> {
        assert!(self.desk.is_none(), "one runs already");
        let config = self.config();
        let runtime = runtime(2);
        let engine = runtime.block_on(opened(&config, self.address))?;
        self.desk = Some(Desk { engine, runtime });
        Ok(())
    }

    /// Takes the Frontdesk down in the middle of whatever it does.
    pub(crate) fn shut(&mut self) {
        let Desk { engine, runtime } = self.desk.take().expect("one runs");
        drop(engine);
        runtime.shutdown_timeout(STOP_WITHIN);
    }

    /// Takes the Frontdesk down and starts one that was told something else.
    pub(crate) fn reopen(&mut self, change: impl FnOnce(&mut Settings)) {
        self.shut();
        change(&mut self.settings);
        self.open();
    }

    fn config(&self) -> Config {
        let text = self.toml();
        let loaded = config::check(&text, "frontdesk.toml", &self.folder.path(""), &self.environment());
        loaded.unwrap_or_else(|failure| panic!("{failure:?}")).config
    }

    fn environment(&self) -> Environment {
        self.settings.environment(&self.database.url())
    }

    /// The configuration as text.
    pub(crate) fn toml(&self) -> String {
        self.settings.toml(&self.site(), &self.sandbox.url())
    }

    /// Where Frontdesk's pages are.
    pub(crate) fn site(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where Frontdesk takes webhooks.
    pub(crate) fn webhooks(&self) -> String {
        format!("{}{}", self.site(), self.settings.path)
    }

    /// The engine of the Frontdesk that runs.
    pub(crate) fn engine(&self) -> &Engine<LivePorts> {
        &self.desk.as_ref().expect("one runs").engine
    }

    /// Waits for an answer of the engine or its store.
    pub(crate) fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        self.runtime.block_on(question)
    }

    /// The time that all share.
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.now_wall()
    }

    /// One HTTP request to anybody.
    pub(crate) fn http(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> http::Response<Vec<u8>> {
        self.try_http(method, url, headers, body).unwrap_or_else(|error| panic!("{method} {url}: {error}"))
    }

    /// The same, which may get no answer.
    pub(crate) fn try_http(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<http::Response<Vec<u8>>, NoAnswer> {
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.as_bytes().to_vec()).unwrap();
        self.ask(self.ports.http(request))
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/_sandbox/{path}", self.sandbox.url());
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.http(method, &url, &[("content-type", "application/json")], &body);
        let said = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(answer.status().is_success(), "{method} {path} {body}: {said}");
        serde_json::from_str(&said).unwrap()
    }

    /// Lets somebody do something at a provider; gives the sandbox's answer.
    pub(crate) fn act(&self, provider: &str, action: &str, body: impl Borrow<Value>) -> Value {
        self.control("POST", &format!("{provider}/{action}"), body.borrow())
    }

    /// Somebody buys one thing with a card.
    pub(crate) fn buys(&self, email: &str, price: &str) -> Value {
        self.act("stripe", "checkout", json!({ "email": email, "price": price }))
    }

    /// Injects a fault, or sets a switch of a fake.
    pub(crate) fn fault(&self, rule: impl Borrow<Value>) {
        self.control("POST", "faults", rule.borrow());
    }

    /// Takes every fault back.
    pub(crate) fn heal(&self) {
        self.control("DELETE", "faults", &Value::Null);
    }

    /// Everything that the fakes hold, were asked and sent.
    pub(crate) fn state(&self) -> Value {
        self.control("GET", "state", &Value::Null)
    }

    /// Jumps the clock forwards and waits until everybody reads it: a webhook that is signed before that would come
    /// from the future.
    pub(crate) fn jump(&self, span: SignedDuration) {
        let until = self.now().saturating_add(span).unwrap();
        self.control("POST", "clock", &json!({ "to": until.to_string() }));
        self.ask(self.ports.sleep_until(until));
        if let Some(desk) = &self.desk {
            self.ask(desk.engine.ports().sleep_until(until));
        }
    }

    /// Waits until `check` finds something. Waits of more than a moment are jumped over where `jumps`.
    fn wait<T>(&self, what: &str, jumps: bool, mut check: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = self.ports.now_mono() + SEEN_WITHIN;
        loop {
            if let Some(found) = check(self) {
                return found;
            }
            assert!(
                self.ports.now_mono() < deadline,
                "not seen within {} s: {what}\n{}",
                SEEN_WITHIN.as_secs(),
                self.described()
            );
            if jumps {
                self.jump_to_next();
            }
            let change = async {
                match &self.desk {
                    Some(desk) => drop(desk.engine.changes().recv().await),
                    None => std::future::pending().await,
                }
            };
            self.ask(async {
                tokio::select! {
                    biased;
                    () = change => {}
                    () = self.ports.sleep(RECHECK) => {}
                }
            });
        }
    }

    /// Waits until `check` finds something, in the time that it takes.
    pub(crate) fn until<T>(&self, what: &str, check: impl FnMut(&Self) -> Option<T>) -> T {
        self.wait(what, false, check)
    }

    /// Waits until `check` finds something, and jumps over what would only be waiting.
    pub(crate) fn soon<T>(&self, what: &str, check: impl FnMut(&Self) -> Option<T>) -> T {
        self.wait(what, true, check)
    }

    /// Jumps to what Frontdesk does next, unless it does that within a moment or has nothing to do.
    fn jump_to_next(&self) {
        let Some(next) = self.desk.as_ref().and_then(|_| self.next_due()) else { return };
        if next.duration_since(self.now()) <= JUMP_MAX {
            self.jump_to(next);
        }
    }

    /// Jumps to an instant that is more than a moment away.
    fn jump_to(&self, at: Timestamp) {
        let span = at.duration_since(self.now());
        if span > JUMP_OVER {
            self.jump(span);
        }
    }
}

/// A Frontdesk over its configuration, answering at an address. Everything that it does stays on the current runtime.
async fn opened(config: &Config, address: SocketAddr) -> Result<Engine<LivePorts>, Failure> {
    let ports = assemble::ports(config).await?;
    let store = assemble::store(config, &ports).await?;
    let engine = assemble::engine(config, ports.clone(), store).await?;
    let web = assemble::web(config, &Environment::default(), engine.clone())?;
    let listener = TcpListener::bind(address).await.unwrap();
    engine.start();
    ports.spawn("serve", async move {
        let service = web.router().into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).await.unwrap();
    });
    Ok(engine)
}

impl Drop for Town {
    fn drop(&mut self) {
        if let Some(Desk { engine, runtime }) = self.desk.take() {
            drop(engine);
            runtime.shutdown_timeout(STOP_WITHIN);
        }
        self.runtime.block_on(self.database.remove());
    }
}
