//! A stateful fake of Stripe: an account with a catalogue, customers and money, its REST reads and its
//! webhook sender.
//!
//! The account changes through control actions (`checkout`, `refund`, `renew` …), each of which changes the
//! objects and emits the events that the real change emits, in the shapes of the chosen API version. Nothing
//! happens by the passing of time alone, except that deliveries come due.
//!
//! Begin with `checkout`, the commonest action; `reads` is the REST API.

mod actions;
mod bank_debits;
mod body;
mod catalogue;
mod checkout;
mod endpoints;
mod errors;
mod event;
mod expand;
mod hostile;
mod ids;
mod keys;
mod ledger;
mod lists;
mod money_back;
mod objects;
mod order;
mod people;
mod reads;
mod records;
mod render;
mod render_billing;
mod renewals;
mod subscriptions;
mod version;
mod webhooks;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Call, Handled};
use crate::switch;

use crate::post::Manner;
use body::Body;
use event::{Content, Event};
use ids::Ids;
use keys::Keys;
use ledger::Ledger;
use reads::SESSION_PERMISSION;
use records::{Kind, Record};
use webhooks::Sender;

pub use crate::post::Delivery;
pub use version::ApiVersion;

/// How the account behaves beyond what it holds.
#[derive(Debug)]
struct Switches {
    read_lag: SignedDuration,
    /// Calls per second, key and endpoint; absent for no limit.
    rate_limit: Option<u64>,
    rate_limited_reason: bool,
    session_permission: &'static str,
    delivery: Manner,
    page_drift: u64,
    /// The next calls fail so, and how many of them.
    trouble: Option<(Trouble, u64)>,
}

/// A failure of Stripe's own, in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    LockTimeout,
    RateLimit,
    ApiError,
    BadGateway,
    Unavailable,
}

/// Every switch and what it takes.
const SWITCHES: &[(&str, &str)] = &[
    ("api_version", "the account's default version"),
    ("livemode", "true or false: the mode of new objects"),
    ("read_lag_s", "seconds, 0 to 600"),
    ("rate_limit", "calls per second, key and endpoint, or null"),
    ("rate_limited_reason", "true or false"),
    ("session_permission", "rak_checkout_session_read or rak_bucket_checkout_read"),
    ("delivery", "as `deliver` of an action"),
    ("page_drift", "how many pages of customers are followed by a new customer"),
    (
        "trouble",
        "{\"kind\": lock_timeout, rate_limit, api_error, bad_gateway or unavailable, \"times\": n} or null",
    ),
];

/// The fake account.
#[derive(Debug)]
pub struct Stripe {
    ids: Ids,
    version: ApiVersion,
    livemode: bool,
    ledger: Ledger,
    events: BTreeMap<String, Event>,
    event_order: Vec<String>,
    sender: Sender,
    keys: Keys,
    switches: Switches,
    calls_of_second: (i64, BTreeMap<String, u64>),
    /// Answers to requests with an idempotency key: the request's fingerprint and the answer.
    idempotent: BTreeMap<String, (String, crate::call::Answer)>,
    /// The events of the action under way.
    batch: Vec<String>,
    /// The version that the action under way is made in.
    batch_version: ApiVersion,
}

impl Stripe {
    /// An account with the seeded catalogue and nothing else; ids follow from the seed.
    pub fn new(seed: u64) -> Self {
        let mut stripe = Self {
            ids: Ids::new(seed),
            version: ApiVersion::Clover,
            livemode: true,
            ledger: Ledger::default(),
            events: BTreeMap::new(),
            event_order: Vec::new(),
            sender: Sender::default(),
            keys: Keys::default(),
            switches: Switches {
                read_lag: SignedDuration::ZERO,
                // Source: Stripe docs, "Rate limits": 25 per second and named endpoint.
                rate_limit: Some(25),
                rate_limited_reason: true,
                session_permission: SESSION_PERMISSION,
                delivery: Manner::Normal,
                page_drift: 0,
                trouble: None,
            },
            calls_of_second: (0, BTreeMap::new()),
            idempotent: BTreeMap::new(),
            batch: Vec::new(),
            batch_version: ApiVersion::Clover,
        };
        stripe.seed_catalogue();
        stripe
    }

    /// Answers one REST call.
    pub fn handle(&mut self, call: &Call, now: Timestamp) -> Handled {
        let mut handled = match self.take_trouble() {
            Some(Trouble::LockTimeout) => Handled::read(errors::lock_timeout()),
            Some(Trouble::RateLimit) => Handled::read(errors::rate_limited(
                self.switches.rate_limited_reason.then_some("global-rate"),
            )),
            Some(Trouble::ApiError) => Handled::read(errors::api_error()),
            Some(Trouble::BadGateway) => Handled::read(errors::proxy(502)),
            Some(Trouble::Unavailable) => Handled::read(errors::proxy(503)),
            None => self.route(call, now),
        };
        let version = call.headers.get("stripe-version").map_or(self.version.name(), String::as_str);
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let request = format!("req_{}", self.ids.token(14));
        handled.answer = errors::with_log_url(handled.answer, &request, now.as_second())
            .header("request-id", &request)
            .header("date", &date)
            .header("stripe-version", version);
        if let (Some(key), "POST") = (call.headers.get("idempotency-key"), call.method.as_str()) {
            handled.answer = handled.answer.header("idempotency-key", key);
        }
        handled
    }

    /// What the account holds and what was sent, for a person or a test to look at.
    pub fn state(&self, now: Timestamp) -> Value {
        let mut state = json!({
            "account": keys::ACCOUNT, "livemode": self.livemode, "api_version": self.version.name(),
            "endpoints": self.sender.endpoints.values().map(|it| it.render(false)).collect::<Vec<_>>(),
        });
        for (name, kind) in [
            ("products", "product"),
            ("prices", "price"),
            ("customers", "customer"),
            ("sessions", "checkout.session"),
            ("subscriptions", "subscription"),
            ("invoices", "invoice"),
            ("payment_intents", "payment_intent"),
            ("charges", "charge"),
            ("refunds", "refund"),
            ("disputes", "dispute"),
            ("entitlements", "entitlements.active_entitlement"),
        ] {
            let records = self.ledger.list(kind, now, SignedDuration::ZERO);
            state[name] =
                records.iter().map(|record| render::render(record, self.version, self.livemode)).collect();
        }
        state["events"] = self
            .event_order
            .iter()
            .map(|id| &self.events[id])
            .map(|event| {
                json!({
                    "id": event.id, "type": event.kind, "created": event.at.as_second(),
                    "livemode": event.livemode, "pending": self.sender.pending(&event.id),
                })
            })
            .collect();
        state
    }

    /// Every delivery of the webhook sender, oldest first.
    pub fn deliveries(&self) -> Value {
        self.sender.state()
    }

    /// Changes the account as its owner or a buyer would. The answer names the objects concerned and, under
    /// `events`, what was emitted.
    pub fn control(&mut self, action: &str, body: &Value, now: Timestamp) -> Result<Value, String> {
        let body = Body::new(body)?;
        let manner = match body.get("deliver") {
            Some(deliver) => Manner::parse(deliver)?,
            None => self.switches.delivery.clone(),
        };
        self.batch_version = match body.text("api_version")? {
            Some(name) if action != "endpoint" => version(&name)?,
            _ => self.version,
        };
        self.batch.clear();
        let mut answer = self.act(action, &body, now)?;
        let batch: Vec<&Event> = self.batch.iter().map(|id| &self.events[id]).collect();
        self.sender.ship(&batch, &manner, now);
        if answer.get("events").is_none() {
            answer["events"] = json!(self.batch);
        }
        Ok(answer)
    }

    /// Sets a behaviour switch.
    pub fn switch(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let switches = &mut self.switches;
        match name {
            "api_version" => {
                self.version =
                    version(value.as_str().ok_or("switch `api_version` takes the name of a version")?)?;
            }
            "livemode" => self.livemode = switch::flag(name, value)?,
            "read_lag_s" => {
                let seconds = i64::try_from(switch::count(name, value)?).unwrap_or(i64::MAX);
                let lag = SignedDuration::from_secs(seconds);
                if lag > ledger::LAG_MAX {
                    return Err(format!("switch `read_lag_s` takes at most {}", ledger::LAG_MAX.as_secs()));
                }
                switches.read_lag = lag;
            }
            "rate_limit" => switches.rate_limit = switch::count_or_null(name, value)?,
            "rate_limited_reason" => switches.rate_limited_reason = switch::flag(name, value)?,
            "session_permission" => {
                let other = "rak_bucket_checkout_read";
                switches.session_permission =
                    switch::one_of(name, value, &[(SESSION_PERMISSION, SESSION_PERMISSION), (other, other)])?;
            }
            "delivery" => switches.delivery = Manner::parse(value)?,
            "page_drift" => switches.page_drift = switch::count(name, value)?,
            "trouble" if value.is_null() => switches.trouble = None,
            "trouble" => {
                let kinds = [
                    ("lock_timeout", Trouble::LockTimeout),
                    ("rate_limit", Trouble::RateLimit),
                    ("api_error", Trouble::ApiError),
                    ("bad_gateway", Trouble::BadGateway),
                    ("unavailable", Trouble::Unavailable),
                ];
                let trouble = switch::one_of(name, &value["kind"], &kinds)?;
                let times = value.get("times").map_or(Ok(1), |times| switch::count(name, times))?;
                switches.trouble = Some((trouble, times));
            }
            _ => return Err(switch::unknown(name, SWITCHES)),
        }
        Ok(())
    }

    /// Takes the deliveries that are due, signed with `now`. Each must be reported with
    /// [`Stripe::delivered`]; until then it is not due again.
    pub fn due_deliveries(&mut self, now: Timestamp) -> Vec<Delivery> {
        self.sender.due(&self.events, now)
    }

    /// Records how a delivery went: the status, or why there was none.
    pub fn delivered(&mut self, id: u64, outcome: Result<u16, String>, now: Timestamp) {
        self.sender.delivered(id, outcome, now);
    }

    /// When a delivery is due next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.sender.next_due()
    }

    fn take_trouble(&mut self) -> Option<Trouble> {
        let (trouble, times) = self.switches.trouble.as_mut()?;
        let trouble = *trouble;
        *times = times.saturating_sub(1);
        if *times == 0 {
            self.switches.trouble = None;
        }
        Some(trouble)
    }

    /// Emits an event with the object as it stands and, for a change, as it stood before.
    fn emit(
        &mut self,
        kind: &str,
        object: impl Into<Record>,
        before: Option<Record>,
        by_request: bool,
        now: Timestamp,
    ) {
        let object = object.into();
        let lead = match object {
            Record::Charge(_) | Record::PaymentIntent(_) | Record::Refund(_) | Record::Dispute(_) => "3",
            _ => "1",
        };
        let event = Event {
            id: format!("evt_{lead}Q{}Nw4kR2vT0n", self.ids.token(12)),
            kind: kind.to_owned(),
            at: now,
            version: self.batch_version,
            livemode: object.livemode().unwrap_or(self.livemode),
            content: Content::Snapshot { object: Box::new(object), before: before.map(Box::new) },
            request: by_request.then(|| (format!("req_{}", self.ids.token(14)), self.ids.uuid())),
            account: None,
        };
        self.record_event(event);
    }

    fn record_event(&mut self, event: Event) {
        self.batch.push(event.id.clone());
        self.event_order.push(event.id.clone());
        self.events.insert(event.id.clone(), event);
    }

    /// Stores an object and emits an event with it.
    fn put_and_emit(&mut self, kind: &str, object: impl Into<Record>, by_request: bool, now: Timestamp) {
        let object = object.into();
        self.ledger.put(object.clone(), now);
        self.emit(kind, object, None, by_request, now);
    }

    /// Changes an object and stores it; gives the state before and after.
    fn change<T: Kind>(
        &mut self,
        id: &str,
        now: Timestamp,
        change: impl FnOnce(&mut T),
    ) -> Result<(T, T), String> {
        let before = self.find::<T>(id)?;
        let mut after = before.clone();
        change(&mut after);
        self.ledger.put(after.clone(), now);
        Ok((before, after))
    }

    /// Changes an object and emits an event that shows what changed.
    fn change_and_emit<T: Kind>(
        &mut self,
        kind: &str,
        id: &str,
        by_request: bool,
        now: Timestamp,
        change: impl FnOnce(&mut T),
    ) -> Result<T, String> {
        let (before, after) = self.change(id, now, change)?;
        self.emit(kind, after.clone(), Some(before.into()), by_request, now);
        Ok(after)
    }

    fn find<T: Kind>(&self, id: &str) -> Result<T, String> {
        self.ledger.get::<T>(id).cloned().ok_or_else(|| format!("the account holds no such object: `{id}`"))
    }
}

fn version(name: &str) -> Result<ApiVersion, String> {
    ApiVersion::parse(name).ok_or_else(|| {
        let names: Vec<&str> = ApiVersion::ALL.iter().map(|version| version.name()).collect();
        format!("api_version is one of {}, not `{name}`", names.join(", "))
    })
}
