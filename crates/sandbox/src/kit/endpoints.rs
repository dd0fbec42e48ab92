//! `/v4/webhook_endpoints`, and what people do with endpoints in Kit's own pages.
//!
//! Source: Kit developer documentation, *Webhook endpoints* (autumn 2026), and Kit's Ruby library; the texts of the
//! refusals are ours.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::{Answer, Handled};
use crate::post::Signing;

use super::asked::Asked;
use super::listing::{Listed, Order, page};
use super::switches::PageEdge;
use super::webhooks::{Endpoint, KINDS};
use super::{CredentialKind, Kit, refusals};

/// Types that are announced and refused until they ship.
const PLANNED: &[&str] =
    &["subscriber.product_purchased", "subscriber.link_clicked", "subscriber.email_opened"];

impl Kit {
    /// Answers a call to the resource. `by` is how the caller proved who it is.
    pub(super) fn webhook_endpoints(
        &mut self,
        method: &str,
        path: &[&str],
        asked: &Asked<'_>,
        by: CredentialKind,
        now: Timestamp,
    ) -> Handled {
        if by == CredentialKind::ApiKey && self.switches.endpoints_refuse_keys {
            return Handled::read(refusals::token_invalid());
        }
        let found = path.first().map(|id| id.parse().ok().and_then(|id: u64| self.sender.endpoints.get(&id)));
        let endpoint = match found {
            None => None,
            Some(None) => return Handled::read(refusals::not_found()),
            // What an app made is the app's own.
            Some(Some(endpoint)) if endpoint.by_app && by == CredentialKind::ApiKey => {
                return Handled::read(match method {
                    "GET" => refusals::not_found(),
                    _ => refusals::refused(403, "You do not have access to this webhook endpoint"),
                });
            }
            Some(Some(endpoint)) => Some(endpoint.clone()),
        };
        match (method, path, endpoint) {
            ("GET", [], _) => self.list_endpoints(asked, by),
            ("POST", [], _) => self.create_endpoint(asked, by == CredentialKind::OAuth, now),
            ("GET", [_], Some(endpoint)) => Handled::read(shown(200, &endpoint, false)),
            ("PATCH", [_], Some(endpoint)) => self.change_endpoint(endpoint, asked),
            ("DELETE", [_], Some(endpoint)) => {
                self.sender.endpoints.remove(&endpoint.id);
                Handled::wrote(Answer::empty(204))
            }
            ("POST", [_, "rotate_secret"], Some(endpoint)) => {
                let is_open = endpoint.previous.as_ref().is_some_and(|(_, until)| now < *until);
                if is_open && asked.value("force") != Some(&json!(true)) {
                    let message = "The previous secret is still valid";
                    return Handled::read(refusals::refused(409, message));
                }
                let rotated = self.sender.rotate(endpoint.id, now).expect("it was found above");
                Handled::wrote(shown(200, rotated, true))
            }
            ("POST", [_, "revoke_previous_secret"], Some(mut endpoint)) => {
                endpoint.previous = None;
                let answer = shown(200, &endpoint, false);
                self.sender.endpoints.insert(endpoint.id, endpoint);
                Handled::wrote(answer)
            }
            _ => Handled::read(refusals::not_found()),
        }
    }

    fn list_endpoints(&self, asked: &Asked<'_>, by: CredentialKind) -> Handled {
        let is_listed = |it: &&Endpoint| {
            let status = if it.is_active { "active" } else { "disabled" };
            asked.text("status").is_none_or(|wanted| wanted == status)
                && !(it.by_app && by == CredentialKind::ApiKey)
        };
        let rows = self.sender.endpoints.values().filter(is_listed);
        let rows = rows.map(|it| Listed::new(it.created_at, it.id, it.json(false))).collect();
        page(asked, "webhook_endpoints", rows, Order::NewestFirst, PageEdge::Exact)
    }

    fn create_endpoint(&mut self, asked: &Asked<'_>, by_app: bool, now: Timestamp) -> Handled {
        let Some(url) = asked.text("url").filter(|url| self.is_reachable(url)) else {
            return Handled::read(refusals::invalid("Url must be a publicly reachable URL"));
        };
        let events = match events(asked) {
            Ok(events) if !events.is_empty() => events,
            Ok(_) => return Handled::read(refusals::invalid("Events can't be blank")),
            Err(refusal) => return Handled::read(refusal),
        };
        let made = self.sender.add(url, asked.text("name"), events, None, by_app, now);
        Handled::wrote(shown(201, made, true))
    }

    /// `PATCH`: a list of events replaces the whole list.
    fn change_endpoint(&mut self, mut endpoint: Endpoint, asked: &Asked<'_>) -> Handled {
        if asked.value("events").is_some() {
            match events(asked) {
                Ok(events) => endpoint.events = events,
                Err(refusal) => return Handled::read(refusal),
            }
        }
        if let Some(url) = asked.text("url") {
            if !self.is_reachable(url) {
                return Handled::read(refusals::invalid("Url must be a publicly reachable URL"));
            }
            url.clone_into(&mut endpoint.url);
        }
        match asked.text("status") {
            Some("active") => endpoint.is_active = true,
            Some("disabled") => endpoint.is_active = false,
            Some(_) => return Handled::read(refusals::invalid("Status is not included in the list")),
            None => {}
        }
        let answer = shown(200, &endpoint, false);
        self.sender.endpoints.insert(endpoint.id, endpoint);
        Handled::wrote(answer)
    }

    /// Kit refuses addresses of private networks. A sandbox is on one, so it takes them unless the switch says no.
    fn is_reachable(&self, url: &str) -> bool {
        let Ok(url) = url.parse::<http::Uri>() else { return false };
        let is_web = matches!(url.scheme_str(), Some("http" | "https"));
        let Some(host) = url.host().filter(|_| is_web) else { return false };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_private = match host.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            Ok(std::net::IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
            Err(_) => host == "localhost" || !host.contains('.'),
        };
        self.switches.takes_private_urls || !is_private
    }

    /// `endpoint`: makes one in Kit's pages (`url`; perhaps `secret`, `events`, `name`). The answer shows the secret,
    /// as those pages do once.
    pub(super) fn make_endpoint(&mut self, body: &Value, now: Timestamp) -> Result<Value, String> {
        let given = |name: &str| body.get(name).and_then(Value::as_str);
        let url = given("url").ok_or("`url` must be a text")?;
        let events = match body.get("events").and_then(Value::as_array) {
            None => KINDS.iter().map(|kind| (*kind).to_owned()).collect(),
            Some(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        };
        let secret = given("secret").map(str::to_owned);
        Ok(self.sender.add(url, given("name"), events, secret, false, now).json(true))
    }

    /// `rotate-secret`: of the endpoint with the id `endpoint`, or the only one.
    pub(super) fn rotate_endpoint(&mut self, body: &Value, now: Timestamp) -> Result<Value, String> {
        let only = self.sender.endpoints.keys().next().copied();
        let id = body.get("endpoint").and_then(Value::as_u64).or(only).ok_or("there is no endpoint")?;
        let rotated = self.sender.rotate(id, now).ok_or_else(|| format!("there is no endpoint {id}"))?;
        Ok(rotated.json(true))
    }

    /// `event`: any event (`type`, `data`, perhaps `id`, `created`), signed as `sign` says.
    pub(super) fn send_event(&mut self, body: &Value, now: Timestamp) -> Result<Value, String> {
        let signing = Signing::parse(body.get("sign").and_then(Value::as_str).unwrap_or("good"))?;
        let id = self.sender.emit_raw(body, signing, now)?;
        Ok(json!({ "event": id }))
    }

    /// `redeliver`: a known event once more, in another delivery.
    pub(super) fn send_again(&mut self, body: &Value, now: Timestamp) -> Result<Value, String> {
        let id = body.get("event").and_then(Value::as_str).ok_or("`event` is the id of an event")?;
        self.sender.redeliver(id, now)?;
        Ok(json!({ "event": id }))
    }
}

fn shown(status: u16, endpoint: &Endpoint, with_secret: bool) -> Answer {
    Answer::json(status, &json!({ "webhook_endpoint": endpoint.json(with_secret) }))
}

/// The event types of a call: those that exist and have shipped.
fn events(asked: &Asked<'_>) -> Result<BTreeSet<String>, Answer> {
    let list = asked.value("events").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut events = BTreeSet::new();
    for event in list {
        let Some(kind) = event.as_str() else { return Err(refusals::invalid("Events is invalid")) };
        if PLANNED.contains(&kind) {
            return Err(refusals::invalid(&format!("Event {kind} is not available yet")));
        }
        if !KINDS.contains(&kind) {
            return Err(refusals::invalid(&format!("Event {kind} is not supported")));
        }
        events.insert(kind.to_owned());
    }
    Ok(events)
}
