//! What all nodes and the world outside share: the fakes, the network with its faults, the clocks, the trace.

mod answers;

use crate::executor::{Clock, Node};
use crate::fault::{Fault, Marks, Plan};
use crate::rng::Rng;
use crate::work::Work;
use answers::{error, is_daily_limit, nonsense, refusal, throttle};
use frontdesk_core::target::Target;
use frontdesk_engine::ports::NoAnswer;
use frontdesk_sandbox::{Answer, Call, Provider, Reply, World};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// When every run begins.
pub fn epoch() -> Timestamp {
    Timestamp::from_second(1_793_000_000).expect("a second in 2026")
}

/// Lines of the trace that are kept for a failure.
const TRACE_KEPT: usize = 50;
/// Characters of a call's body that a line of the trace shows.
const TRACED_MAX: usize = 160;
/// How long the client of a simulated call waits.
const CLIENT_WAITS: Duration = Duration::from_secs(20);

/// How long after a freeze a write may still arrive: it was under way.
const UNDER_WAY: Duration = Duration::from_secs(30);
/// How long the death or standstill of a process is felt: it starts again within a minute, a lease of two ends, and
/// another looks every five.
const STUMBLE_FELT: SignedDuration = SignedDuration::from_mins(10);
/// How long a call that failed is felt: the longest wait before the next try, and a little.
const FAILURE_FELT: SignedDuration = SignedDuration::from_mins(16);
/// How many failures in a row may pass for an outage: fewer than stop the calls to a target, because an outage that was lived
/// through in part is one as well.
const OUTAGE_FROM: u32 = 3;
/// How long a refused credential is felt: it is tried once an hour.
const REFUSAL_FELT: SignedDuration = SignedDuration::from_mins(66);
/// How long a target is left alone after it said that it is over its limit.
const LEFT_ALONE_FOR: Duration = Duration::from_mins(1);
/// How much sooner than that a call may come: clocks are read before and after an answer.
const LEFT_ALONE_SLACK: Duration = Duration::from_secs(1);
/// The longest wait that is believed.
const LEFT_ALONE_MAX: Duration = Duration::from_mins(15);
/// How soon after an invitation without an answer another one is sent blindly: reads may lag for so long.
const BLIND_FOR: Duration = Duration::from_secs(30);

/// The running digest of everything that happened, and its last lines.
#[derive(Debug, Default)]
pub struct Trace {
    hash: Sha256,
    last: VecDeque<String>,
    /// Whether to keep every line.
    pub keep_all: bool,
}

impl Trace {
    fn line(&mut self, line: String) {
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        if !self.keep_all && self.last.len() == TRACE_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// The digest so far.
    pub fn digest(&self) -> String {
        hex::encode(&self.hash.clone().finalize()[..8])
    }

    /// The last lines.
    pub fn tail(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}

/// One call as it was seen at the provider's door.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When.
    pub at: Timestamp,
    /// Which provider.
    pub provider: Provider,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query and the body: what the call says.
    pub content: String,
    /// Our effect id, when the call carried one.
    pub effect: Option<String>,
    /// Our id of the request: the pages of one answer share it.
    pub request: Option<String>,
    /// Whether the fake's state changed.
    pub writes: bool,
}

/// A promise that was seen broken while the run went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its number, such as `I15`.
    pub promise: &'static str,
    /// What was seen.
    pub what: String,
}

/// A time in which something could not be done as it should, and why nobody can be blamed for it.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// With which provider; `None`: with our own processes.
    pub with: Option<Provider>,
    /// From when.
    pub from: Timestamp,
    /// Until when it may still be felt.
    pub until: Timestamp,
    /// Whether nothing could be asked of the provider at all, as far as can be told from outside.
    pub is_away: bool,
}

/// How a provider's calls went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Calls of which the provider never heard, or that it refused at the door.
    pub unheard: u64,
    /// Calls that it served and answered as its own failure.
    pub failed: u64,
}

/// Everything that is shared.
#[derive(Debug)]
pub struct Shared {
    /// The fakes.
    pub world: World,
    /// What may go wrong.
    pub plan: Plan,
    /// What did.
    pub marks: Marks,
    /// What happened.
    pub trace: Trace,
    /// Every call that reached a provider.
    pub heard: Vec<Heard>,
    /// Times in which something was out of order.
    pub troubles: Vec<Trouble>,
    /// How calls went, by provider.
    pub tally: BTreeMap<Provider, Tally>,
    /// Deaths and standstills of processes: what was intended then may never have left.
    pub stumbled: Vec<Timestamp>,
    /// When the wall clock jumped, there or back.
    pub jumped: Vec<Timestamp>,
    /// Until when a provider asked to be left alone, as somebody heard.
    pub left_alone_until: BTreeMap<Provider, Duration>,
    /// Promises seen broken.
    pub broken: Vec<Broken>,
    /// Nodes that are to die once the task that runs has been put down.
    pub dying: Vec<Node>,
    /// A lie about the wall clock, on top of the true time.
    pub clock_lie: SignedDuration,
    /// Until when each provider is out as a whole.
    pub out_until: BTreeMap<Provider, Duration>,
    /// Who was told that Circle takes no more new members, and until when that is so.
    capped: BTreeMap<Node, Timestamp>,
    /// Until when Circle fails at removals.
    pub stuck_until: Option<Duration>,
    /// Calls that each provider failed at, since it last answered one.
    failed_in_a_row: BTreeMap<Provider, u32>,
    /// Until when each provider refuses our credential.
    pub refuses_until: BTreeMap<Provider, Duration>,
    /// Providers whose target is in shadow mode: nothing may be written there.
    pub shadowed: BTreeSet<Provider>,
    /// Since when a person holds each provider's writes back.
    pub frozen_since: BTreeMap<Provider, Duration>,
    /// Invitations whose outcome nobody heard, by address, and when they left (I17).
    unheard: BTreeMap<String, Duration>,
    /// Who has a call under way, by provider.
    in_flight: BTreeMap<Provider, BTreeMap<u64, Node>>,
    next_flight: u64,
    chance: Rng,
    /// Which planted bug is on.
    pub bug: Option<&'static str>,
}

/// A handle to all of it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Virtual time.
    pub clock: Clock,
    /// How much the run has worked.
    pub(crate) work: Arc<Work>,
    shared: Arc<Mutex<Shared>>,
}

/// A call under way; gone when the call ends, or its node dies.
struct Flight {
    stage: Stage,
    provider: Provider,
    id: u64,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.stage.with(|shared| {
            if let Some(flights) = shared.in_flight.get_mut(&self.provider) {
                flights.remove(&self.id);
            }
        });
    }
}

/// What the network does to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Served,
    NotSent,
    LostBefore,
    LostAfter,
    ErrorBefore,
    ErrorAfter,
    Nonsense,
    Throttled,
    Refused,
    Stuck,
}

impl Stage {
    /// A stage for one run.
    pub fn new(clock: Clock, seed: u64, plan: Plan, rng: &Rng, bug: Option<&'static str>) -> Self {
        let shared = Shared {
            world: World::new(seed),
            plan,
            marks: Marks::default(),
            trace: Trace::default(),
            heard: Vec::new(),
            troubles: Vec::new(),
            tally: BTreeMap::new(),
            stumbled: Vec::new(),
            jumped: Vec::new(),
            left_alone_until: BTreeMap::new(),
            broken: Vec::new(),
            dying: Vec::new(),
            clock_lie: SignedDuration::ZERO,
            out_until: BTreeMap::new(),
            capped: BTreeMap::new(),
            stuck_until: None,
            failed_in_a_row: BTreeMap::new(),
            refuses_until: BTreeMap::new(),
            shadowed: BTreeSet::new(),
            frozen_since: BTreeMap::new(),
            unheard: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            next_flight: 0,
            chance: rng.fork("network"),
            bug,
        };
        Self { clock, work: Arc::new(Work::begin()), shared: Arc::new(Mutex::new(shared)) }
    }

    /// Works on what is shared. Never held across a wait.
    pub fn with<T>(&self, work: impl FnOnce(&mut Shared) -> T) -> T {
        work(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The true wall time.
    pub fn true_now(&self) -> Timestamp {
        let since = SignedDuration::try_from(self.clock.now()).unwrap_or(SignedDuration::MAX);
        epoch().saturating_add(since).unwrap_or(Timestamp::MAX)
    }

    /// The wall time as nodes read it.
    pub fn told_now(&self) -> Timestamp {
        let lie = self.with(|shared| shared.clock_lie);
        self.true_now().saturating_add(lie).unwrap_or(Timestamp::MAX)
    }

    /// Notes that from `from` until now something was out of order, and is felt for so long.
    pub fn trouble(&self, with: Option<Provider>, from: Timestamp, felt_for: SignedDuration) {
        self.note_trouble(with, from, felt_for, true);
    }

    fn note_trouble(&self, with: Option<Provider>, from: Timestamp, felt_for: SignedDuration, is_away: bool) {
        let until = self.true_now().saturating_add(felt_for).unwrap_or(Timestamp::MAX);
        self.with(|shared| shared.troubles.push(Trouble { with, from, until, is_away }));
    }

    /// Notes that a process died or stood still: what it was told to wait for, nobody may know any more.
    pub fn stumbled(&self, from: Timestamp) {
        self.trouble(None, from, STUMBLE_FELT);
        let now = self.true_now();
        self.with(|shared| shared.stumbled.push(now));
        self.forgets_limits();
    }

    /// Nobody can be asked any more to leave a provider alone for as long as it said: who heard that may be gone.
    pub(crate) fn forgets_limits(&self) {
        self.with(|shared| {
            shared.left_alone_until.clear();
            shared.capped.clear();
        });
    }

    /// Adds a line to the trace.
    pub fn trace(&self, node: Node, line: impl AsRef<str>) {
        let at = self.clock.now().as_millis();
        self.with(|shared| shared.trace.line(format!("{at:>10} n{node} {}", line.as_ref())));
    }

    /// Notes a promise that is seen broken.
    pub fn broken(&self, promise: &'static str, what: String) {
        self.trace(0, format!("BROKEN {promise}: {what}"));
        self.with(|shared| shared.broken.push(Broken { promise, what }));
    }

    /// One of the world's own acts: no faults.
    pub fn control(&self, path: &str, body: &serde_json::Value) -> serde_json::Value {
        self.control_at(path, body, self.true_now())
    }

    /// The same, at a time of its own: what was before the run.
    pub fn control_at(&self, path: &str, body: &serde_json::Value, now: Timestamp) -> serde_json::Value {
        let call = Call::new("POST", &format!("/_sandbox/{path}")).json(body);
        let answer = self.with(|shared| shared.world.handle(&call, now)).answer();
        let answer = answer.expect("the control surface always answers");
        let value: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        assert!(answer.status < 300, "the sandbox refused {path} {body}: {} {value}", answer.status);
        value
    }

    /// Carries one call to its provider and the answer back, or not.
    pub async fn carry(
        &self,
        node: Node,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, NoAnswer> {
        let call = as_call(&request);
        let Some(provider) = Provider::of(&call.path) else { return Err(NoAnswer::NotSent) };
        let flight = self.take_off(node, provider);
        let now = self.clock.now();
        if self.with(|shared| shared.left_alone_until.get(&provider).is_some_and(|until| now < *until)) {
            let what =
                format!("{} {} was sent although the limit was told to be reached", call.method, call.path);
            self.broken("I21", what);
        }
        let invited = invited(provider, &call);
        if let Some(address) = &invited {
            self.never_blindly(address);
            let now = self.true_now();
            if self.with(|shared| shared.capped.get(&node).is_some_and(|until| now < *until)) {
                self.broken(
                    "I21",
                    format!("{address} was invited again on a day that takes no more new members"),
                );
            }
        }
        let (fate, out, back) = self.with(|shared| {
            let (out, back) = (shared.chance.between(5, 150), shared.chance.between(5, 250));
            (shared.fate(provider, &call, self.clock.now()), out, back)
        });
        self.took_note(provider, fate);
        let said: String = String::from_utf8_lossy(&call.body).chars().take(TRACED_MAX).collect();
        let name = format!("{} {} {} {said}", provider.name(), call.method, call.path);
        if fate == Fate::NotSent {
            self.outcome_heard(invited.as_deref());
            self.clock.sleep(Duration::from_secs(3)).await;
            self.trace(node, format!("{name}: not sent"));
            return Err(NoAnswer::NotSent);
        }
        self.clock.sleep(Duration::from_millis(out)).await;
        let done = !matches!(
            fate,
            Fate::LostBefore | Fate::ErrorBefore | Fate::Throttled | Fate::Refused | Fate::Stuck
        );
        let reply = if done { self.serve(provider, &call) } else { Reply::Hang };
        self.trace(node, format!("{name}: {fate:?}"));
        if self.with(|shared| shared.plan.strikes(Fault::CrashInCall, &mut shared.chance)) && node != 0 {
            self.die(node, Fault::CrashInCall);
            std::future::pending::<()>().await;
        }
        self.clock.sleep(Duration::from_millis(back)).await;
        drop(flight);
        if let Reply::Answer { answer, .. } = &reply
            && fate == Fate::Served
            && is_daily_limit(answer)
        {
            let tomorrow = next_day(self.true_now());
            self.with(|shared| {
                shared.marks.hit(Fault::DailyCap);
                if !shared.plan.has(Fault::ClockJump) {
                    shared.capped.insert(node, tomorrow);
                }
            });
        }
        let answer = match (fate, reply) {
            (Fate::LostBefore | Fate::LostAfter, _) => {
                let broke = self.with(|shared| shared.chance.hits(300));
                if broke {
                    return Err(NoAnswer::Broken);
                }
                self.clock.sleep(CLIENT_WAITS).await;
                return Err(NoAnswer::TimedOut);
            }
            (Fate::ErrorBefore | Fate::ErrorAfter | Fate::Stuck, _) => {
                self.with(|shared| error(&mut shared.chance))
            }
            (Fate::Throttled | Fate::Refused, _) => {
                self.outcome_heard(invited.as_deref());
                if fate == Fate::Refused {
                    refusal(provider)
                } else {
                    let answer = self.with(|shared| throttle(provider, &mut shared.chance));
                    self.is_left_alone(provider, &answer);
                    answer
                }
            }
            (Fate::Nonsense, Reply::Answer { answer, .. }) => {
                let answer = self.with(|shared| nonsense(answer, &mut shared.chance));
                // Half of a refusal is one: its status says so.
                if (400..500).contains(&answer.status) {
                    self.outcome_heard(invited.as_deref());
                }
                answer
            }
            (_, Reply::Answer { answer, .. }) => {
                self.outcome_heard(invited.as_deref());
                answer
            }
            (_, Reply::Reset) => return Err(NoAnswer::Broken),
            (_, Reply::Hang) => {
                self.clock.sleep(CLIENT_WAITS).await;
                return Err(NoAnswer::TimedOut);
            }
        };
        Ok(as_response(answer))
    }

    /// Notes how a call goes, for whoever asks later whether it could be done and whether the ledger agrees.
    fn took_note(&self, provider: Provider, fate: Fate) {
        let felt_for = match fate {
            Fate::Served => {
                self.with(|shared| shared.failed_in_a_row.remove(&provider));
                return;
            }
            Fate::Refused => REFUSAL_FELT,
            _ => FAILURE_FELT,
        };
        let in_a_row = self.with(|shared| {
            let in_a_row = shared.failed_in_a_row.entry(provider).or_default();
            *in_a_row += u32::from(fate != Fate::Stuck);
            *in_a_row
        });
        let is_away = matches!(fate, Fate::Refused | Fate::Throttled) || in_a_row >= OUTAGE_FROM;
        self.note_trouble(Some(provider), self.true_now(), felt_for, is_away);
        self.with(|shared| {
            let tally = shared.tally.entry(provider).or_default();
            match fate {
                Fate::ErrorAfter => tally.failed += 1,
                Fate::NotSent | Fate::LostBefore | Fate::Throttled | Fate::Refused => tally.unheard += 1,
                Fate::Served | Fate::LostAfter | Fate::ErrorBefore | Fate::Nonsense | Fate::Stuck => {}
            }
        });
    }

    /// I21: whoever hears that a target is over its limit leaves it alone for a while.
    fn is_left_alone(&self, provider: Provider, answer: &Answer) {
        let asked = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
        let asked = asked.and_then(|(_, text)| text.parse().ok()).map_or(LEFT_ALONE_FOR, Duration::from_secs);
        // The source is asked again sooner: it answers so for single objects as well.
        if provider != Provider::Stripe && self.with(|shared| !shared.plan.has(Fault::ClockJump)) {
            let span = asked.clamp(LEFT_ALONE_FOR, LEFT_ALONE_MAX).saturating_sub(LEFT_ALONE_SLACK);
            let until = self.clock.now() + span;
            self.with(|shared| shared.left_alone_until.insert(provider, until));
        }
    }

    /// I17: an invitation whose outcome nobody heard is not sent again before a look can be trusted.
    fn never_blindly(&self, address: &str) {
        let now = self.clock.now();
        let before = self.with(|shared| shared.unheard.insert(address.to_owned(), now));
        if before.is_some_and(|before| now.saturating_sub(before) < BLIND_FOR) {
            self.broken(
                "I17",
                format!("{address} was invited again without a look, the first outcome unknown"),
            );
        }
    }

    /// Notes that it is known what came of a call: of an invitation, if it was one (I17).
    fn outcome_heard(&self, invited: Option<&str>) {
        self.with(|shared| invited.map(|address| shared.unheard.remove(address)));
    }

    /// Lets a node die at a fault.
    pub fn die(&self, node: Node, fault: Fault) {
        self.trace(node, format!("dies: {}", fault.name()));
        self.stumbled(self.true_now());
        self.with(|shared| {
            shared.marks.hit(fault);
            shared.capped.remove(&node);
            if !shared.dying.contains(&node) {
                shared.dying.push(node);
            }
        });
    }

    fn take_off(&self, node: Node, provider: Provider) -> Flight {
        let (id, others) = self.with(|shared| {
            let id = shared.next_flight;
            shared.next_flight += 1;
            let flights = shared.in_flight.entry(provider).or_default();
            let others: Vec<Node> = flights.values().copied().filter(|other| *other != node).collect();
            flights.insert(id, node);
            (id, others)
        });
        if let Some(other) = others.first() {
            self.broken(
                "I18",
                format!("nodes {node} and {other} have calls to {} under way at once", provider.name()),
            );
        }
        Flight { stage: self.clone(), provider, id }
    }

    fn serve(&self, provider: Provider, call: &Call) -> Reply {
        let now = self.true_now();
        let frozen_for = self.with(|shared| {
            let since = shared.frozen_since.get(&provider)?;
            (call.method != "GET").then(|| self.clock.now().saturating_sub(*since))
        });
        if frozen_for.is_some_and(|span| span > UNDER_WAY) {
            self.broken("I25", format!("{} {} was sent under a freeze", call.method, call.path));
        }
        if call.method != "GET" && self.with(|shared| shared.shadowed.contains(&provider)) {
            self.broken("I24", format!("{} {} was sent in shadow mode", call.method, call.path));
        }
        self.with(|shared| {
            let reply = shared.world.handle(call, now);
            let writes = shared.world.last_did();
            let query: Vec<String> =
                call.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let query = query.join("&");
            shared.heard.push(Heard {
                at: now,
                provider,
                method: call.method.clone(),
                path: call.path.clone(),
                content: format!("{query}{}", String::from_utf8_lossy(&call.body)),
                effect: call.headers.get("frontdesk-effect").cloned(),
                request: call.headers.get("x-request-id").cloned(),
                writes,
            });
            reply
        })
    }
}

impl Shared {
    fn fate(&mut self, provider: Provider, call: &Call, now: Duration) -> Fate {
        let Self { plan, chance, marks, .. } = self;
        if self.out_until.get(&provider).is_some_and(|until| now < *until) {
            return *chance.pick(&[Fate::NotSent, Fate::LostBefore, Fate::ErrorBefore]);
        }
        if self.refuses_until.get(&provider).is_some_and(|until| now < *until) {
            return Fate::Refused;
        }
        let is_removal = provider == Provider::Circle && call.method == "DELETE";
        if is_removal && self.stuck_until.is_some_and(|until| now < until) {
            marks.hit(Fault::StuckRemoval);
            return Fate::Stuck;
        }
        let mut strike = |fault| {
            let strikes = plan.strikes(fault, chance);
            if strikes {
                marks.hit(fault);
            }
            strikes
        };
        if strike(Fault::ErrorBefore) {
            return Fate::ErrorBefore;
        }
        if strike(Fault::ErrorAfter) {
            return Fate::ErrorAfter;
        }
        if strike(Fault::NoAnswer) {
            return *chance.pick(&[Fate::NotSent, Fate::LostBefore, Fate::LostAfter]);
        }
        if strike(Fault::Nonsense) {
            return Fate::Nonsense;
        }
        // A refused call still counts; one in a few is enough.
        if call.method != "DELETE" && strike(Fault::Throttle) {
            return Fate::Throttled;
        }
        Fate::Served
    }
}

/// Whom a call invites, if it is an invitation: the one kind of call that must not simply be repeated.
fn invited(provider: Provider, call: &Call) -> Option<String> {
    let is_invitation = provider == Provider::Circle
        && call.method == "POST"
        && call.path == "/api/admin/v2/community_members";
    let body: serde_json::Value = is_invitation.then(|| serde_json::from_slice(&call.body).ok())??;
    body["email"].as_str().map(str::to_owned)
}

/// When the day ends, UTC.
pub(crate) fn next_day(at: Timestamp) -> Timestamp {
    const DAY: i64 = 86_400;
    Timestamp::from_second((at.as_second().div_euclid(DAY) + 1) * DAY).unwrap_or(Timestamp::MAX)
}

fn as_call(request: &http::Request<Vec<u8>>) -> Call {
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut call = Call::new(request.method().as_str(), target);
    for (name, value) in request.headers() {
        call = call.header(name.as_str(), value.to_str().unwrap_or_default());
    }
    call.body.clone_from(request.body());
    call
}

fn as_response(answer: Answer) -> http::Response<Vec<u8>> {
    let mut response = http::Response::new(answer.body);
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) =
            (http::HeaderName::from_bytes(name.as_bytes()), http::HeaderValue::from_str(&value))
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// The provider of a target.
pub(crate) const fn provider_of(target: Target) -> Provider {
    match target {
        Target::Circle => Provider::Circle,
        Target::Kit => Provider::Kit,
    }
}
