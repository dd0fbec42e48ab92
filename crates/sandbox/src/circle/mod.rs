//! A fake of the Circle Admin API v2: one community, its members, groups, spaces and tags.
//!
//! A pure state machine. It reproduces what Circle documents, and what integrations report where Circle is
//! silent; where the reports disagree, a switch picks one. Start with [`Circle::handle`], which passes a
//! call through the limits to the endpoints in `members`, `groups`, `spaces` and `tags`.
//!
//! Sources: Circle Admin API v2 OpenAPI document, copies of March and September 2026; Circle developer
//! site, *Usage and limits* and *Admin API quick start* (read in autumn 2026); public integration code.

mod community;
mod control;
mod groups;
mod hooks;
mod ledger;
mod members;
mod page;
mod parameters;
mod refusals;
mod shapes;
mod spaces;
mod switches;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Answer, Call, Handled};
use crate::history::Lagged;

use community::Community;
use hooks::Hooks;
use ledger::{Burst, Ledger};
use parameters::Parameters;
use switches::{OverAllowance, Switches, WrongType};

pub(crate) use hooks::FIRST_DELIVERY;

/// The token that the fake accepts from the start.
pub const TOKEN: &str = "circle_sandbox_token";

/// What Circle makes of a token that it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenKind {
    /// An Admin API v2 token.
    Admin,
    /// A token made for another of Circle's APIs.
    WrongType,
}

/// Who changed something: a call, or a person in Circle's own pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Api,
    Person,
}

/// The fake community.
#[derive(Debug)]
pub struct Circle {
    community: Lagged<Community>,
    switches: Switches,
    tokens: BTreeMap<String, TokenKind>,
    ledger: Ledger,
    burst: Burst,
    hooks: Hooks,
    /// Every invitation mail that Circle would have sent, oldest first.
    invitations: Vec<Value>,
    /// Every change with its author, oldest first. As long as the run that it belongs to.
    log: Vec<Value>,
    /// Changes that happen between two page reads, each just before the next page after the first.
    drift: VecDeque<(String, Value)>,
}

impl Circle {
    /// Makes the community "Northwind Makers" with its groups and spaces and without members.
    ///
    /// The seed decides the public handles of members; nothing else is random.
    pub fn new(seed: u64) -> Self {
        Self {
            community: Lagged::new(Community::northwind(seed)),
            switches: Switches::default(),
            tokens: BTreeMap::from([(TOKEN.to_owned(), TokenKind::Admin)]),
            ledger: Ledger::default(),
            burst: Burst::default(),
            hooks: Hooks::new(),
            invitations: Vec::new(),
            log: Vec::new(),
            drift: VecDeque::new(),
        }
    }

    /// Answers one call. Paths are those below `/api/admin/v2`, with or without that prefix.
    ///
    /// Every call is counted against the monthly allowance by its status, refused ones too.
    pub fn handle(&mut self, call: &Call, now: Timestamp) -> Handled {
        let segments = call.segments();
        let mut parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        if let ["api", "admin", "v2", rest @ ..] = parts.as_slice() {
            parts = rest.to_vec();
        }
        let handled = match self.refusal(call, now) {
            Some(answer) => Handled::read(answer),
            None => self.route(call, &parts, now),
        };
        if handled.answer.status != 429 || self.switches.count_429 {
            let operation = ledger::operation(&call.method, &parts);
            self.ledger.count(now, self.switches.billing_day, &operation, handled.answer.status);
        }
        handled
    }

    /// Everything the fake holds: members, memberships, mails, calls and switches.
    pub fn state(&self, now: Timestamp) -> Value {
        let mut state = self.community.current().state();
        state["invitations"] = json!(self.invitations);
        state["calls"] = self.ledger.state(now, self.switches.billing_day, self.switches.monthly_allowance);
        state["log"] = json!(self.log);
        state["workflows"] = self.hooks.state();
        state["switches"] = self.switches.state();
        state["drift_waiting"] = json!(self.drift.len());
        state
    }

    /// Sets a switch of the provider's behaviour. The error lists what is allowed.
    pub fn switch(&mut self, name: &str, value: &Value) -> Result<(), String> {
        self.switches.set(name, value)
    }

    /// The limits and the token, in the order in which a call meets them.
    fn refusal(&mut self, call: &Call, now: Timestamp) -> Option<Answer> {
        if !self.burst.admit(now, self.switches.burst_limit) {
            return Some(refusals::too_many(&self.switches));
        }
        // Both schemes are documented: `Token` in the OpenAPI document, `Bearer` in the quick start.
        let token = call
            .headers
            .get("authorization")
            .and_then(|value| value.strip_prefix("Token ").or_else(|| value.strip_prefix("Bearer ")));
        match token.and_then(|token| self.tokens.get(token)) {
            None => return Some(refusals::token_invalid()),
            Some(TokenKind::WrongType) => {
                return Some(match self.switches.wrong_type {
                    WrongType::Forbidden => refusals::token_of_wrong_type(),
                    WrongType::Unauthorized => refusals::account_not_authenticated(),
                });
            }
            Some(TokenKind::Admin) => {}
        }
        if self.switches.not_eligible {
            return Some(refusals::not_eligible());
        }
        if self.ledger.used(now, self.switches.billing_day) >= self.switches.monthly_allowance {
            match self.switches.over_allowance {
                OverAllowance::Serve => {}
                OverAllowance::TooMany => return Some(refusals::too_many(&self.switches)),
                OverAllowance::Forbidden => return Some(refusals::allowance_used()),
            }
        }
        None
    }

    fn route(&mut self, call: &Call, parts: &[&str], now: Timestamp) -> Handled {
        let Some(asked) = Parameters::of(call) else {
            return Handled::read(refusals::unreadable());
        };
        if call.method == "GET" && asked.integer("page").is_some_and(|page| page > 1) {
            self.drift_once(now);
        }
        match (call.method.as_str(), parts) {
            ("GET", ["community"]) => Handled::read(Answer::json(200, &self.community.current().details())),
            ("GET", ["community_members", "search"]) => self.search(&asked, now),
            ("GET", ["community_members"]) => self.list_members(&asked, now),
            ("POST", ["community_members"]) => self.invite(&asked, now),
            ("GET", ["community_members", id]) => self.member(id),
            ("PUT" | "PATCH", ["community_members", id]) => self.update_member(id, &asked, now),
            ("DELETE", ["community_members", id]) => self.remove_member(id, now),
            ("GET", ["community_members", id, "access_groups"]) => self.groups_of_member(id, &asked, now),
            ("GET", ["access_groups"]) => self.list_groups(&asked, now),
            ("GET", ["access_groups", id, "community_members"]) => self.list_group(id, &asked, now),
            ("POST", ["access_groups", id, "community_members"]) => self.add_to_group(id, &asked, now),
            ("DELETE", ["access_groups", id, "community_members"]) => self.remove_from_group(id, &asked, now),
            ("GET", ["access_groups", id, "community_member"]) => self.group_membership(id, &asked, now),
            ("GET", ["spaces"]) => self.list_spaces(&asked, now),
            ("GET", ["space_members"]) => self.list_space(&asked, now),
            ("POST", ["space_members"]) => self.add_to_space(&asked, now),
            ("DELETE", ["space_members"]) => self.remove_from_space(&asked, now),
            ("GET", ["space_member"]) => self.space_membership(&asked, now),
            ("POST", ["space_group_members"]) => self.add_to_space_group(&asked, now),
            ("DELETE", ["space_group_members"]) => self.remove_from_space_group(&asked, now),
            ("GET", ["member_tags"]) => self.list_tags(&asked, now),
            ("POST", ["member_tags"]) => self.create_tag(&asked, now),
            ("GET", ["tagged_members"]) => self.list_tagged(&asked, now),
            ("POST", ["tagged_members"]) => self.tag_member(&asked, now),
            ("DELETE", ["tagged_members"]) => self.untag_member(&asked, now),
            _ => Handled::read(refusals::no_such_path()),
        }
    }

    /// Lets the next waiting change happen, if there is one.
    fn drift_once(&mut self, now: Timestamp) {
        if let Some((action, body)) = self.drift.pop_front()
            && let Err(why) = self.control(&action, &body, now)
        {
            self.log.push(json!({ "at": ledger::iso(now), "change": "drift failed", "why": why }));
        }
    }

    /// The community as `search`, the lists and the checks by email see it.
    fn seen(&self, now: Timestamp) -> &Community {
        self.community.read(now, self.switches.read_lag)
    }

    fn write(&mut self, now: Timestamp) -> &mut Community {
        self.community.write(now, self.switches.read_lag)
    }

    fn record(&mut self, now: Timestamp, by: By, change: &str, about: Value) {
        self.run_hooks(change, &about, now);
        let by = if by == By::Api { "api" } else { "person" };
        let mut entry = json!({ "at": ledger::iso(now), "by": by, "change": change });
        if let (Some(entry), Value::Object(about)) = (entry.as_object_mut(), about) {
            entry.extend(about);
        }
        self.log.push(entry);
    }

    fn lag_of(seconds: u64) -> SignedDuration {
        SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}
