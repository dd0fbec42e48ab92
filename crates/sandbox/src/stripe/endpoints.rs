//! Webhook endpoints and API keys: through the API, and by control actions.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Answer, Call, Handled, form};

use super::Stripe;
use super::body::Body;
use super::errors::{invalid, missing, shown, unrecognized};
use super::keys::{Key, Keys, Standing};
use super::reads::Caller;
use super::render::list;
use super::version::ApiVersion;
use super::webhooks::Endpoint;

/// Source: Stripe docs, "Receive Stripe events in your webhook endpoint": 16 endpoints per account and mode.
const ENDPOINTS_MAX: usize = 16;
/// Source: the same page: a rolled secret may stay valid for up to 24 hours.
const OLD_SECRET_HOURS: i64 = 24;

impl Stripe {
    /// Adds an endpoint with everything chosen.
    pub(crate) fn add_endpoint(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let api_version = match body.text("api_version")? {
            Some(name) => Some(super::version(&name)?),
            None => None,
        };
        let endpoint = Endpoint {
            id: self.ids.id("we"),
            url: body.needed("url")?,
            secret: match body.text("secret")? {
                Some(secret) => secret,
                None => format!("whsec_{}", self.ids.token(32)),
            },
            old_secret: None,
            old_first: false,
            version: api_version,
            enabled_events: body.texts("enabled_events")?.unwrap_or_else(|| vec!["*".to_owned()]),
            is_enabled: match body.text("status")?.as_deref() {
                None | Some("enabled") => true,
                Some("disabled") => false,
                Some(other) => return Err(format!("`status` is enabled or disabled, not `{other}`")),
            },
            description: body.text("description")?,
            livemode: body.flag("livemode")?.unwrap_or(self.livemode),
            created: now.as_second(),
        };
        let answer = json!({ "endpoint": endpoint.id, "secret": endpoint.secret, "url": endpoint.url });
        self.sender.endpoints.insert(endpoint.id.clone(), endpoint);
        Ok(answer)
    }

    /// Rolls a secret: the old one signs beside the new one for a day.
    pub(crate) fn rotate_endpoint(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let secret = match body.text("secret")? {
            Some(secret) => secret,
            None => format!("whsec_{}", self.ids.token(32)),
        };
        let old_first = body.flag("old_first")?.unwrap_or(false);
        let endpoint = self.chosen_endpoint(body)?;
        let old = std::mem::replace(&mut endpoint.secret, secret);
        endpoint.old_secret = Some((old, now + SignedDuration::from_hours(OLD_SECRET_HOURS)));
        endpoint.old_first = old_first;
        Ok(json!({ "endpoint": endpoint.id, "secret": endpoint.secret }))
    }

    pub(crate) fn enable_endpoint(&mut self, body: &Body, is_enabled: bool) -> Result<Value, String> {
        let endpoint = self.chosen_endpoint(body)?;
        endpoint.is_enabled = is_enabled;
        Ok(json!({ "endpoint": endpoint.id }))
    }

    /// The endpoint named, or the only one.
    fn chosen_endpoint(&mut self, body: &Body) -> Result<&mut Endpoint, String> {
        let id = match body.text("endpoint")? {
            Some(id) => id,
            None if self.sender.endpoints.len() == 1 => {
                self.sender.endpoints.keys().next().expect("there is exactly one").clone()
            }
            None => return Err("`endpoint` is missing, and there is not exactly one".to_owned()),
        };
        self.sender.endpoints.get_mut(&id).ok_or_else(|| format!("there is no endpoint `{id}`"))
    }

    /// Adds a key or changes what one may do.
    pub(crate) fn change_key(&mut self, body: &Body) -> Result<Value, String> {
        let text = body.needed("key")?;
        let livemode = match self.keys.rows.get(&text) {
            Some(key) => key.livemode,
            None => !text.contains("_test_"),
        };
        let standing = match body.text("status")?.as_deref() {
            None | Some("active") => Standing::Active,
            Some("revoked") => Standing::Revoked,
            Some("expired") => Standing::Expired,
            Some("other_address") => Standing::ElsewhereOnly,
            Some(other) => {
                return Err(format!("`status` is active, revoked, expired or other_address, not `{other}`"));
            }
        };
        let permissions = body.texts("permissions")?.map(|rows| rows.into_iter().collect::<BTreeSet<_>>());
        self.keys.rows.insert(text.clone(), Key { livemode, standing, permissions });
        Ok(json!({ "key": text }))
    }

    /// `/v1/webhook_endpoints` of the API.
    pub(crate) fn webhook_endpoints(&mut self, call: &Call, path: &[&str], caller: &Caller) -> Handled {
        let permission = if call.method == "GET" { "rak_webhook_read" } else { "rak_webhook_write" };
        if let Err(refusal) = Keys::allow(&caller.key, permission) {
            return Handled::read(refusal);
        }
        if call.method == "GET" {
            return Handled::read(self.read_endpoints(call, path, caller).unwrap_or_else(|refusal| refusal));
        }
        let fingerprint = format!("{} {} {}", call.method, call.path, String::from_utf8_lossy(&call.body));
        let key = call.headers.get("idempotency-key").cloned();
        if let Some((first, answer)) = key.as_ref().and_then(|key| self.idempotent.get(key)) {
            if *first == fingerprint {
                return Handled::read(answer.clone().header("idempotent-replayed", "true"));
            }
            let message = format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{}' if you meant to execute a different request.",
                key.as_deref().unwrap_or_default()
            );
            return Handled::read(shown(
                400,
                &json!({ "error": { "message": message, "type": "idempotency_error" } }),
            ));
        }
        match self.write_endpoint(call, path, caller) {
            Ok(answer) => {
                if let Some(key) = key {
                    self.idempotent.insert(key, (fingerprint, answer.clone()));
                }
                Handled::wrote(answer)
            }
            Err(refusal) => Handled::read(refusal),
        }
    }

    fn read_endpoints(&self, call: &Call, path: &[&str], caller: &Caller) -> Result<Answer, Answer> {
        match path {
            [] => {
                let mine = self.sender.endpoints.values().filter(|it| it.livemode == caller.livemode());
                let mut rows: Vec<&Endpoint> = mine.collect();
                rows.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
                let data = rows.into_iter().map(|it| it.render(false)).collect();
                Ok(shown(200, &list(data, false, "/v1/webhook_endpoints")))
            }
            [id] => Ok(shown(200, &self.endpoint_of(id, caller)?.render(false))),
            _ => Err(unrecognized(&call.method, &call.path)),
        }
    }

    fn endpoint_of(&self, id: &str, caller: &Caller) -> Result<&Endpoint, Answer> {
        let found = self.sender.endpoints.get(id).filter(|it| it.livemode == caller.livemode());
        found.ok_or_else(|| missing("webhook endpoint", id, None))
    }

    fn write_endpoint(&mut self, call: &Call, path: &[&str], caller: &Caller) -> Result<Answer, Answer> {
        let fields = form(&String::from_utf8_lossy(&call.body));
        let one = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let events: Vec<String> = fields
            .iter()
            .filter(|(key, _)| key.starts_with("enabled_events["))
            .map(|it| it.1.clone())
            .collect();
        let needs = |name: &str| {
            invalid(400, Some("parameter_missing"), &format!("Missing required param: {name}."), Some(name))
        };
        let is_https = |url: &str| url.starts_with("https://") || !caller.livemode() || is_loopback(url);
        match (call.method.as_str(), path) {
            ("POST", []) => {
                let count =
                    self.sender.endpoints.values().filter(|it| it.livemode == caller.livemode()).count();
                if count >= ENDPOINTS_MAX {
                    let message =
                        format!("You have reached the maximum of {ENDPOINTS_MAX} webhook endpoints.");
                    return Err(invalid(400, None, &message, None));
                }
                let url = one("url").ok_or_else(|| needs("url"))?;
                if !is_https(&url) {
                    return Err(invalid(
                        400,
                        Some("url_invalid"),
                        "Invalid URL: URL must be HTTPS",
                        Some("url"),
                    ));
                }
                if events.is_empty() {
                    return Err(needs("enabled_events"));
                }
                let version = match one("api_version") {
                    None => None,
                    Some(name) => Some(ApiVersion::parse(&name).ok_or_else(|| {
                        invalid(
                            400,
                            None,
                            &format!("Invalid Stripe API version: {name}"),
                            Some("api_version"),
                        )
                    })?),
                };
                let endpoint = Endpoint {
                    id: self.ids.id("we"),
                    url,
                    secret: format!("whsec_{}", self.ids.token(32)),
                    old_secret: None,
                    old_first: false,
                    version,
                    enabled_events: events,
                    is_enabled: true,
                    description: one("description"),
                    livemode: caller.livemode(),
                    created: caller.now.as_second(),
                };
                let answer = shown(200, &endpoint.render(true));
                self.sender.endpoints.insert(endpoint.id.clone(), endpoint);
                Ok(answer)
            }
            ("POST", [id]) => {
                self.endpoint_of(id, caller)?;
                if fields.iter().any(|(name, _)| name == "api_version") {
                    let message = "Received unknown parameter: api_version";
                    return Err(invalid(400, Some("parameter_unknown"), message, Some("api_version")));
                }
                let endpoint = self.sender.endpoints.get_mut(*id).expect("it was found just above");
                if let Some(url) = one("url") {
                    endpoint.url = url;
                }
                if let Some(disabled) = one("disabled") {
                    endpoint.is_enabled = disabled != "true";
                }
                if !events.is_empty() {
                    endpoint.enabled_events = events;
                }
                Ok(shown(200, &endpoint.render(false)))
            }
            ("DELETE", [id]) => {
                self.endpoint_of(id, caller)?;
                self.sender.endpoints.remove(*id);
                Ok(shown(200, &json!({ "id": id, "object": "webhook_endpoint", "deleted": true })))
            }
            _ => Err(unrecognized(&call.method, &call.path)),
        }
    }
}

/// Live endpoints must be https; a sandbox on this machine is the exception.
fn is_loopback(url: &str) -> bool {
    ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|lead| url.starts_with(lead))
}
