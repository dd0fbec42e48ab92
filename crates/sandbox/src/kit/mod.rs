//! A fake of the Kit API v4: one account, its subscribers, tags and custom fields.
//!
//! A pure state machine. It keeps what Kit makes easy to get wrong: lists that lag behind writes and hide
//! everyone who is not active, plain-text `429`s, writes that look the same whether or not they changed
//! anything. Start with [`Kit::handle`]; the endpoints are in `subscribers`, `tags` and `fields`.
//!
//! Sources: Kit API v4 OpenAPI document, copies of about May and of October 2026; Kit developer
//! documentation, pages on authentication, rate limits, pagination and eventual consistency (read in
//! autumn 2026); the official PHP SDK and its tests.

mod account;
mod asked;
mod control;
mod endpoints;
mod fields;
mod listing;
mod refusals;
mod subscribers;
mod switches;
mod tags;
#[cfg(test)]
mod tests;
mod webhooks;

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Answer, Call, Handled};
use crate::history::Lagged;
use crate::post::Delivery;

use account::{Account, iso};
use asked::Asked;
use switches::{Lag, Switches};
use webhooks::Sender;

pub(crate) use webhooks::FIRST_DELIVERY;

/// The API key that the fake accepts from the start.
pub const API_KEY: &str = "kit_sandbox_key";
/// The OAuth access token that the fake accepts from the start.
pub const OAUTH_TOKEN: &str = "kit_sandbox_oauth";

/// The window of the rate limit.
const LIMIT_WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// How a caller proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CredentialKind {
    ApiKey,
    OAuth,
}

impl CredentialKind {
    /// Requests in a rolling minute. Source: Kit developer documentation, *Rate limits*.
    fn limit(self) -> u64 {
        match self {
            Self::ApiKey => 120,
            Self::OAuth => 600,
        }
    }
}

/// A credential that the account has, or had.
#[derive(Clone, Debug)]
struct Credential {
    kind: CredentialKind,
    is_expired: bool,
    /// The calls of the last minute.
    admitted: VecDeque<Timestamp>,
}

impl Credential {
    fn new(kind: CredentialKind) -> Self {
        Self { kind, is_expired: false, admitted: VecDeque::new() }
    }

    /// Whether one more call fits into the rolling minute. One that does not fit is not remembered.
    fn admit(&mut self, now: Timestamp, limit: u64) -> bool {
        while self.admitted.front().is_some_and(|at| now.duration_since(*at) >= LIMIT_WINDOW) {
            self.admitted.pop_front();
        }
        let fits = (self.admitted.len() as u64) < limit;
        if fits {
            self.admitted.push_back(now);
        }
        fits
    }
}

/// Who changed something: a call, or a person in Kit's own pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Api,
    Person,
}

/// Field values that were accepted and are applied later.
#[derive(Clone, Debug)]
struct Pending {
    apply_at: Timestamp,
    subscriber: u64,
    /// By the id of the custom field.
    values: Vec<(u64, Option<String>)>,
}

/// The fake account.
#[derive(Debug)]
pub struct Kit {
    account: Lagged<Account>,
    switches: Switches,
    credentials: BTreeMap<String, Credential>,
    access_lost: bool,
    pending: Vec<Pending>,
    sender: Sender,
    /// Every start that an automation could have had, oldest first.
    automations: Vec<Value>,
    /// Every opt-out of a whole address, with its author.
    unsubscribes: Vec<Value>,
    /// Writes that changed nothing, by kind.
    no_op_writes: BTreeMap<&'static str, u64>,
    calls: BTreeMap<String, u64>,
    by_status: BTreeMap<u16, u64>,
    seed: u64,
    /// Draws taken from the seed so far.
    draws: u64,
}

impl Kit {
    /// Makes the account "Northwind Makers" with four tags, two custom fields and no subscribers.
    ///
    /// The seed decides request ids and, with the lag profile, how far each list read lags.
    pub fn new(seed: u64) -> Self {
        Self {
            account: Lagged::new(Account::northwind()),
            switches: Switches::default(),
            credentials: BTreeMap::from([
                (API_KEY.to_owned(), Credential::new(CredentialKind::ApiKey)),
                (OAUTH_TOKEN.to_owned(), Credential::new(CredentialKind::OAuth)),
            ]),
            access_lost: false,
            pending: Vec::new(),
            sender: Sender::new(seed),
            automations: Vec::new(),
            unsubscribes: Vec::new(),
            no_op_writes: BTreeMap::new(),
            calls: BTreeMap::new(),
            by_status: BTreeMap::new(),
            seed,
            draws: 0,
        }
    }

    /// Answers one call. Paths begin with `/v4`. Every answer carries an `X-Request-Id` and no rate headers.
    pub fn handle(&mut self, call: &Call, now: Timestamp) -> Handled {
        self.apply_pending(now);
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut handled = match self.refusal(call, &parts, now) {
            Some(answer) => Handled::read(answer),
            None => self.route(call, &parts, now),
        };
        *self.calls.entry(operation(&call.method, &parts)).or_default() += 1;
        *self.by_status.entry(handled.answer.status).or_default() += 1;
        let request_id = format!("{:016x}", self.draw());
        handled.answer = handled.answer.header("x-request-id", &request_id);
        handled
    }

    /// Everything the fake holds: subscribers, tags, fields, automations, calls and switches.
    pub fn state(&self, now: Timestamp) -> Value {
        let mut state = self.account.current().state();
        let in_window = |credential: &Credential| {
            credential.admitted.iter().filter(|at| now.duration_since(**at) < LIMIT_WINDOW).count()
        };
        let used: BTreeMap<&str, usize> = self
            .credentials
            .iter()
            .map(|(name, credential)| (name.as_str(), in_window(credential)))
            .collect();
        let by_status: BTreeMap<String, u64> =
            self.by_status.iter().map(|(status, calls)| (status.to_string(), *calls)).collect();
        state["automations"] = json!(self.automations);
        state["unsubscribes"] = json!(self.unsubscribes);
        state["no_op_writes"] = json!(self.no_op_writes);
        state["calls"] = json!({
            "total": self.by_status.values().sum::<u64>(), "by_status": by_status,
            "by_operation": self.calls, "in_this_minute": used,
        });
        state["fields_waiting"] = json!(self.pending.len());
        state["webhooks"] = self.sender.state();
        state["access_lost"] = json!(self.access_lost);
        state["switches"] = self.switches.state();
        state
    }

    /// Sets a switch of the provider's behaviour. The error lists what is allowed.
    pub fn switch(&mut self, name: &str, value: &Value) -> Result<(), String> {
        self.switches.set(name, value)
    }

    /// Takes the deliveries that are due, signed with `now`. Each must be reported with [`Kit::delivered`]; until
    /// then it is not due again.
    pub fn due_deliveries(&mut self, now: Timestamp) -> Vec<Delivery> {
        self.sender.due(now)
    }

    /// Records how a delivery went: the status, or why there was none, and how long the receiver asked to be left alone.
    pub fn delivered(
        &mut self,
        id: u64,
        outcome: Result<u16, String>,
        retry_after: Option<SignedDuration>,
        now: Timestamp,
    ) {
        self.sender.delivered(id, outcome, retry_after, now);
    }

    /// When a delivery is due next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.sender.next_due()
    }

    /// The credential and its limit, in the order in which a call meets them.
    fn refusal(&mut self, call: &Call, parts: &[&str], now: Timestamp) -> Option<Answer> {
        let key = call.headers.get("x-kit-api-key").map(String::as_str);
        let bearer = call.headers.get("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let (token, kind) = match (key, bearer) {
            (Some(key), _) => (key, CredentialKind::ApiKey),
            (None, Some(token)) => (token, CredentialKind::OAuth),
            (None, None) => return Some(refusals::token_invalid()),
        };
        let Some(credential) = self.credentials.get_mut(token).filter(|known| known.kind == kind) else {
            return Some(refusals::token_invalid());
        };
        if !credential.admit(now, self.switches.limit_per_minute.unwrap_or(kind.limit())) {
            return Some(Answer::text(429, "Retry later"));
        }
        if credential.is_expired {
            return Some(refusals::token_expired());
        }
        if self.access_lost {
            return Some(refusals::access_lost());
        }
        // Bulk calls and purchases are for OAuth apps.
        let is_oauth_only = matches!(parts, ["v4", "bulk" | "purchases", ..]);
        if is_oauth_only && kind == CredentialKind::ApiKey {
            return Some(refusals::token_invalid());
        }
        None
    }

    fn route(&mut self, call: &Call, parts: &[&str], now: Timestamp) -> Handled {
        let Some(asked) = Asked::of(call) else {
            return Handled::read(refusals::unreadable());
        };
        match (call.method.as_str(), parts) {
            ("GET", ["v4", "account"]) => Handled::read(Answer::json(200, &Account::details())),
            ("GET", ["v4", "subscribers"]) => self.list_subscribers(&asked, now),
            ("POST", ["v4", "subscribers"]) => self.upsert(&asked, now),
            ("GET", ["v4", "subscribers", id]) => self.subscriber(id),
            ("PUT", ["v4", "subscribers", id]) => self.update(id, &asked, now),
            ("POST", ["v4", "subscribers", id, "unsubscribe"]) => self.unsubscribe(id, now),
            ("GET", ["v4", "subscribers", id, "tags"]) => self.tags_of_subscriber(id, &asked, now),
            ("GET", ["v4", "tags"]) => self.list_tags(&asked, now),
            ("POST", ["v4", "tags"]) => self.create_tag(&asked, now),
            ("GET", ["v4", "tags", tag, "subscribers"]) => self.list_tagged(tag, &asked, now),
            ("POST", ["v4", "tags", tag, "subscribers"]) => self.tag_by_email(tag, &asked, now),
            ("DELETE", ["v4", "tags", tag, "subscribers"]) => self.untag_by_email(tag, &asked, now),
            ("POST", ["v4", "tags", tag, "subscribers", id]) => self.tag_by_id(tag, id, now),
            ("DELETE", ["v4", "tags", tag, "subscribers", id]) => self.untag_by_id(tag, id, now),
            ("GET", ["v4", "custom_fields"]) => self.list_fields(&asked, now),
            ("POST", ["v4", "custom_fields"]) => self.create_field(&asked, now),
            (method, ["v4", "webhook_endpoints", rest @ ..]) => {
                let by = if call.headers.contains_key("x-kit-api-key") {
                    CredentialKind::ApiKey
                } else {
                    CredentialKind::OAuth
                };
                self.webhook_endpoints(method, rest, &asked, by, now)
            }
            _ => Handled::read(refusals::not_found()),
        }
    }

    /// The account as a list sees it. With the lag profile each read lags by its own draw.
    fn listed(&mut self, now: Timestamp) -> &Account {
        let lag = match self.switches.list_lag {
            Lag::Fixed(lag) => lag,
            Lag::Profile => {
                let draw = self.draw();
                Lag::profile(draw)
            }
        };
        self.account.read(now, lag)
    }

    fn write(&mut self, now: Timestamp) -> &mut Account {
        self.account.write(now, self.switches.list_lag.longest())
    }

    /// The next number from the seed (SplitMix64).
    fn draw(&mut self) -> u64 {
        self.draws += 1;
        let mut mixed = self.seed.wrapping_add(self.draws.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn no_op(&mut self, kind: &'static str) {
        *self.no_op_writes.entry(kind).or_default() += 1;
    }

    /// Notes that an automation could have started.
    fn automation(&mut self, now: Timestamp, by: By, trigger: &str, subscriber: u64, about: Value) {
        let by = if by == By::Api { "api" } else { "person" };
        let mut entry = json!({ "at": iso(now), "by": by, "trigger": trigger, "subscriber_id": subscriber });
        if let (Some(entry), Value::Object(about)) = (entry.as_object_mut(), about) {
            entry.extend(about);
        }
        match trigger {
            "tag_added" | "tag_removed" => {
                let tag = json!({ "id": entry["tag_id"], "name": entry["tag"] });
                self.tell(&format!("subscriber.{trigger}"), subscriber, json!({ "tag": tag }), now);
            }
            "field_changed" => {
                let field = json!({ "id": entry["field_id"], "key": entry["key"], "value": entry["after"] });
                let kind = "subscriber.custom_field_value_updated";
                self.tell(kind, subscriber, json!({ "custom_field": field }), now);
            }
            _ => {}
        }
        self.automations.push(entry);
    }

    /// Tells the webhook endpoints of something that happened to a subscriber. Our own writes come back this way too.
    fn tell(&mut self, kind: &str, subscriber: u64, mut data: Value, now: Timestamp) {
        let account = self.account.current();
        let Some(found) = account.subscribers.get(&subscriber) else { return };
        data["subscriber"] = account.subscriber_json(found, self.switches.unset_fields_shown);
        self.sender.emit(kind, &data, &self.switches.webhook_delivery, now);
    }
}

/// A call without its ids, such as `POST /v4/tags/{id}/subscribers/{id}`.
fn operation(method: &str, parts: &[&str]) -> String {
    let mut text = method.to_owned();
    text.push(' ');
    for part in parts {
        text.push('/');
        text.push_str(if part.parse::<u64>().is_ok() { "{id}" } else { part });
    }
    text
}
