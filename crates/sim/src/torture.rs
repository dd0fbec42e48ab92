//! The kill loop: the real process over SQLite, killed at random moments and started again, judged by the same books.
//!
//! The sandbox runs in this process, over HTTP on loopback; several threads buy and cancel, and its sender delivers
//! signed webhooks. A seed fixes the plan (what is bought, when it is killed), not how the two meet: this finds, the
//! simulator explains.

use crate::customers::{Plan, address};
use crate::oracle::{Books, open};
use crate::rng::Rng;
use crate::truth::{Purchase, Truth};
use crate::world::{Broken, Heard};
use frontdesk_sandbox::{Provider, SandboxConfig, Server};
use frontdesk_store::{SqliteMode, SqliteSettings, Store};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Threads that buy and cancel.
const BUYERS: usize = 3;
/// People who come in one loop for all that pass: the published limits of calls hold here too.
const PEOPLE_PER_LOOP: usize = 2;
/// People whose purchase is ended: fewer than the brake lets through.
const ENDED_MAX: usize = 8;
/// The longest that a process is left alive.
const LIFE_MAX_MS: u64 = 700;
/// How long everything may take to come in line at the end, with the sandbox's clock helped along; and for each person more.
const CONVERGES_WITHIN: Duration = Duration::from_secs(90);
const CONVERGES_WITHIN_EACH: Duration = Duration::from_millis(500);
/// The signing secret.
const SECRET: &str = "whsec_sandbox_frontdesk";

/// How a kill loop ended.
#[derive(Debug)]
pub struct Tortured {
    /// Times that the process was killed.
    pub kills: u64,
    /// Deliveries that were acknowledged.
    pub acknowledged: usize,
    /// People who bought.
    pub people: usize,
    /// Promises seen broken.
    pub broken: Vec<Broken>,
}

/// A directory that goes with its owner.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is in a directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The process under torture; it dies with its owner.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The world, and what is true of it.
struct Town {
    server: Server,
    truth: Mutex<Truth>,
    people: AtomicUsize,
    ended: AtomicUsize,
}

impl Town {
    fn act(&self, provider: &str, action: &str, body: &Value) -> Result<Value, String> {
        let world = self.server.world();
        let done = world.lock().unwrap_or_else(PoisonError::into_inner).act(provider, action, body, wall());
        self.server.wake();
        done
    }

    fn truth<T>(&self, work: impl FnOnce(&mut Truth) -> T) -> T {
        work(&mut self.truth.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> Timestamp {
        self.server.world().lock().unwrap_or_else(PoisonError::into_inner).now(wall())
    }

    /// One person comes, buys, and perhaps ends it again.
    fn one_life(&self, rng: &mut Rng, quiet: impl Fn(u64)) -> Result<(), String> {
        let person = self.people.fetch_add(1, Ordering::Relaxed);
        let plan = *rng.pick(&[Plan::Community, Plan::Pro, Plan::Course]);
        let body =
            json!({ "email": address(person), "name": format!("Person {person}"), "price": plan.price() });
        let at = self.now();
        // The truth is noted before an acknowledgement can be: both are read at the end alone.
        let done = self.act("stripe", "checkout", &body)?;
        let nth = self.truth(|truth| {
            truth.purchases.push(Purchase {
                person,
                plan,
                from: at,
                untold: events(&done).into_iter().collect(),
                known_at: None,
                until: None,
                end_known_at: None,
                end_events: BTreeSet::new(),
            });
            truth.purchases.len() - 1
        });
        quiet(rng.below(400));
        if rng.hits(400) && self.ended.fetch_add(1, Ordering::Relaxed) < ENDED_MAX {
            let at = self.now();
            let told = if plan == Plan::Course {
                self.act("stripe", "refund", &json!({ "charge": done["charge"] }))?
            } else {
                self.act("stripe", "cancel", &json!({ "subscription": done["subscription"], "when": "now" }))?
            };
            self.truth(|truth| truth.end(nth, at, &events(&told)));
        }
        Ok(())
    }

    /// When each event was first acknowledged, by the sender's own list.
    fn acknowledged(&self) -> BTreeMap<String, Timestamp> {
        let world = self.server.world();
        let deliveries = world.lock().unwrap_or_else(PoisonError::into_inner).stripe.deliveries();
        let mut first: BTreeMap<String, Timestamp> = BTreeMap::new();
        for delivery in deliveries.as_array().into_iter().flatten() {
            for attempt in delivery["attempts"].as_array().into_iter().flatten() {
                let is_good = attempt["status"].as_u64().is_some_and(|status| (200..300).contains(&status));
                let at = attempt["at"].as_str().and_then(|at| at.parse().ok());
                if let (true, Some(event), Some(at)) = (is_good, delivery["event"].as_str(), at) {
                    let known = first.entry(event.to_owned()).or_insert(at);
                    *known = at.min(*known);
                }
            }
        }
        first
    }

    /// Asks the sender for every event that was never acknowledged. Returns how many there are.
    fn resend(&self) -> Result<usize, String> {
        let known = self.acknowledged();
        let now = self.now();
        let state = {
            let world = self.server.world();
            world.lock().unwrap_or_else(PoisonError::into_inner).stripe.state(now)
        };
        let ids = state["events"].as_array().into_iter().flatten().filter_map(|event| event["id"].as_str());
        let missing: Vec<&str> = ids.filter(|id| !known.contains_key(*id)).collect();
        for id in &missing {
            self.act("stripe", "redeliver", &json!({ "event": id }))?;
        }
        Ok(missing.len())
    }

    /// The books, once the process is gone.
    fn books<'a>(&self, store: &'a Store) -> Books<'a> {
        let now = self.now();
        let mut truth = self.truth(|truth| truth.clone());
        let mut order: Vec<(Timestamp, String)> =
            self.acknowledged().into_iter().map(|(id, at)| (at, id)).collect();
        order.sort();
        for (at, event) in order {
            truth.acknowledge(&event, at);
        }
        let world = self.server.world();
        let world = world.lock().unwrap_or_else(PoisonError::into_inner);
        let heard =
            Provider::ALL.iter().flat_map(|provider| heard(*provider, &world.requests(*provider))).collect();
        Books {
            store,
            heard,
            circle: world.circle.state(now),
            kit: world.kit.state(now),
            truth,
            times: None,
            tally: None,
            stumbled: Vec::new(),
            jumped: Vec::new(),
            reserve: None,
            people: self.people.load(Ordering::Relaxed),
            now,
            seen: Mutex::default(),
        }
    }
}

fn events(done: &Value) -> Vec<String> {
    let listed = done["events"].as_array().into_iter().flatten();
    listed.filter_map(|event| event.as_str().map(str::to_owned)).collect()
}

fn heard(provider: Provider, requests: &Value) -> Vec<Heard> {
    let read = |request: &Value| {
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        Some(Heard {
            at: request["at"].as_str()?.parse().ok()?,
            provider,
            method: text("method"),
            path: text("path"),
            content: format!("{}{}", request["query"], text("body")),
            request: None,
            effect: request["headers"]["frontdesk-effect"].as_str().map(str::to_owned),
            writes: request["did"] == true,
        })
    };
    requests.as_array().into_iter().flatten().filter_map(read).collect()
}

/// Kills `frontdesk serve` `loops` times under load, lets it come in line, and opens the books.
pub fn torture(frontdesk: &Path, loops: u64, seed: u64) -> Result<Tortured, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let config = SandboxConfig { listen: ([127, 0, 0, 1], 0).into(), seed };
    let server = runtime.block_on(Server::start(config)).map_err(|error| error.to_string())?;
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let site = bound.map_err(|error| format!("no free port: {error}"))?;
    let scratch =
        Scratch(std::env::temp_dir().join(format!("frontdesk-torture-{}-{seed:x}", std::process::id())));
    std::fs::create_dir_all(&scratch.0).map_err(|error| format!("no temporary directory: {error}"))?;
    let file = scratch.0.join("frontdesk.toml");
    std::fs::write(&file, configuration(&server.url(), &site.to_string()))
        .map_err(|error| error.to_string())?;
    let town =
        Town { server, truth: Mutex::default(), people: AtomicUsize::new(0), ended: AtomicUsize::new(0) };
    let hook =
        json!({ "url": format!("http://{site}/webhooks/stripe"), "secret": SECRET, "enabled_events": ["*"] });
    town.act("stripe", "endpoint", &hook)?;
    // It is started from a folder of its own.
    let frontdesk =
        std::fs::canonicalize(frontdesk).map_err(|error| format!("`{}`: {error}", frontdesk.display()))?;
    let mut rng = Rng::new(seed);
    let mut kills = 0;
    for nth in 0..loops {
        let serving = start(&frontdesk, &scratch.0)?;
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for buyer in 0..BUYERS.min(PEOPLE_PER_LOOP) {
                let (mut rng, town, is_over) = (rng.fork(&format!("buyer{nth}.{buyer}")), &town, &is_over);
                scope.spawn(move || {
                    pause(rng.below(LIFE_MAX_MS / 2));
                    // A refusal is the world's answer to a life that makes no sense there; the next one is another.
                    if !is_over.load(Ordering::Relaxed) {
                        let _ = town.one_life(&mut rng, pause);
                    }
                });
            }
            pause(rng.between(5, LIFE_MAX_MS));
            drop(serving);
            is_over.store(true, Ordering::Relaxed);
        });
        kills += 1;
        town.resend()?;
    }
    let serving = start(&frontdesk, &scratch.0)?;
    let is_in_line = settle(&town);
    stop(serving)?;
    let mut broken = Vec::new();
    if let Err(why) = is_in_line {
        broken.push(Broken { promise: "I19", what: why });
    }
    let settings = SqliteSettings {
        path: scratch.0.join("frontdesk.db"),
        mode: SqliteMode::InThread { vfs: None },
        now: town.now(),
    };
    let store =
        Store::open_sqlite(&settings).map_err(|error| format!("the database does not open: {error}"))?;
    let books = town.books(&store);
    runtime.block_on(open(&books));
    broken.extend(std::mem::take(&mut *books.seen.lock().unwrap_or_else(PoisonError::into_inner)));
    let acknowledged = books.truth.acknowledged.len();
    let people = books.people;
    runtime.block_on(town.server.stop());
    Ok(Tortured { kills, acknowledged, people, broken })
}

/// Waits until every event is acknowledged and nothing was written for a while, helping the clock along.
fn settle(town: &Town) -> Result<(), String> {
    let people = u32::try_from(town.people.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
    let within = CONVERGES_WITHIN + CONVERGES_WITHIN_EACH * people;
    let begun = instant();
    let mut quiet_since = instant();
    let mut last = usize::MAX;
    while begun.elapsed() < within {
        let missing = town.resend()?;
        let world = town.server.world();
        let asked: usize = {
            let world = world.lock().unwrap_or_else(PoisonError::into_inner);
            Provider::ALL
                .iter()
                .map(|provider| world.requests(*provider).as_array().map_or(0, Vec::len))
                .sum()
        };
        if missing > 0 || asked != last {
            (last, quiet_since) = (asked, instant());
        } else if quiet_since.elapsed() > Duration::from_secs(8) {
            return Ok(());
        }
        pause(500);
        // Waits of the product are in minutes; half a minute at a time keeps signatures young.
        let step = json!({ "advance": "20s" });
        let call = frontdesk_sandbox::Call::new("POST", "/_sandbox/clock").json(&step);
        world.lock().unwrap_or_else(PoisonError::into_inner).handle(&call, wall());
    }
    Err(format!("not in line within {} s of the last kill", within.as_secs()))
}

fn start(frontdesk: &Path, folder: &Path) -> Result<Serving, String> {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .map_err(|error| error.to_string())?;
    let mut command = Command::new(frontdesk);
    command.args(["serve", "--log-filter", "warn"]).current_dir(folder).env_clear().envs([
        ("STRIPE_SIGNING_SECRET", SECRET),
        ("STRIPE_API_KEY", "rk_live_sandbox_frontdesk"),
        ("CIRCLE_TOKEN", frontdesk_sandbox::circle::TOKEN),
        ("KIT_API_KEY", frontdesk_sandbox::kit::API_KEY),
    ]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
    child.map(Serving).map_err(|error| format!("`{}` does not start: {error}", frontdesk.display()))
}

/// Asks the process to stop; it must do so by itself, with success (I31).
fn stop(mut serving: Serving) -> Result<(), String> {
    let id = serving.0.id().to_string();
    Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .map_err(|error| format!("could not send SIGTERM: {error}"))?;
    let status = serving.0.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("after SIGTERM the process ended with {status}")) }
}

#[expect(clippy::disallowed_methods, reason = "the kill loop lives in real time, beside the simulator")]
fn wall() -> Timestamp {
    Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "the kill loop lives in real time, beside the simulator")]
fn instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the kill loop lives in real time, beside the simulator")]
fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

fn configuration(sandbox: &str, site: &str) -> String {
    format!(
        r#"[site]
name = "Northwind Makers"
url = "http://{site}"
listen = "{site}"

[store]
url = "sqlite:frontdesk.db"

[sources.stripe]
signing_secrets = ["${{STRIPE_SIGNING_SECRET}}"]
api_key = "${{STRIPE_API_KEY}}"
base_url = "{sandbox}"

[targets.circle]
token = "${{CIRCLE_TOKEN}}"
base_url = "{sandbox}"
mode = "live"

[targets.kit]
api_key = "${{KIT_API_KEY}}"
base_url = "{sandbox}"
mode = "live"

[dev]
clock = "{sandbox}/_sandbox/clock"

[[plans]]
id = "community"
title = "Community"
prices = ["stripe:price_1Community"]
grants = ["community"]

[[plans]]
id = "pro"
title = "Pro"
prices = ["stripe:price_1Pro"]
grants = ["community", "pro"]

[[plans]]
id = "course"
title = "Course"
prices = ["stripe:price_1Course"]
grants = ["course"]

[entitlements.community]
title = "The community"
circle.access_groups = [4012]
kit.tags = ["member"]

[entitlements.pro]
title = "Pro"
circle.access_groups = [4013]
kit.tags = ["pro"]

[entitlements.course]
title = "The course"
circle.access_groups = [4014]
kit.tags = ["course"]
"#
    )
}
