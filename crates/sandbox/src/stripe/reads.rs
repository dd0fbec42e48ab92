//! The REST API: who may read, lists with their filters and pages, single objects, expansion.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Answer, Call, Handled};

use super::Stripe;
use super::errors::{invalid, missing, rate_limited, shown, unrecognized};
use super::event::Event;
use super::keys::{ACCOUNT, Key, Keys};
use super::lists::{compare, created_range, known_parameters, paged, passes};
use super::records::{Record, Session, Subscription};
use super::render::{deleted_customer, list, render};
use super::version::ApiVersion;

/// A caller whose key and version have been accepted.
pub(crate) struct Caller {
    pub(crate) key: (String, Key),
    pub(crate) version: ApiVersion,
    pub(crate) now: Timestamp,
    pub(crate) lag: SignedDuration,
}

impl Caller {
    pub(crate) fn livemode(&self) -> bool {
        self.key.1.livemode
    }
}

/// One readable collection.
struct Resource {
    path: &'static [&'static str],
    kind: &'static str,
    permission: &'static str,
    /// The filters it takes beside the paging and `created`.
    filters: &'static [&'static str],
}

/// Source: Stripe API reference, "List all …" of each object; permissions as Stripe's key page names them.
const RESOURCES: &[Resource] = &[
    Resource {
        path: &["checkout", "sessions"],
        kind: "checkout.session",
        permission: SESSION_PERMISSION,
        filters: &[
            "customer",
            "payment_intent",
            "subscription",
            "status",
            "customer_details[email]",
            "payment_link",
        ],
    },
    Resource {
        path: &["subscriptions"],
        kind: "subscription",
        permission: "rak_subscription_read",
        filters: &["customer", "status", "price"],
    },
    Resource { path: &["customers"], kind: "customer", permission: "rak_customer_read", filters: &["email"] },
    Resource {
        path: &["charges"],
        kind: "charge",
        permission: "rak_charge_read",
        filters: &["customer", "payment_intent"],
    },
    Resource {
        path: &["payment_intents"],
        kind: "payment_intent",
        permission: "rak_payment_intent_read",
        filters: &["customer"],
    },
    Resource {
        path: &["refunds"],
        kind: "refund",
        permission: "rak_charge_read",
        filters: &["charge", "payment_intent"],
    },
    Resource {
        path: &["disputes"],
        kind: "dispute",
        permission: "rak_dispute_read",
        filters: &["charge", "payment_intent"],
    },
    Resource {
        path: &["invoices"],
        kind: "invoice",
        permission: "rak_invoice_read",
        filters: &["customer", "subscription", "status", "collection_method"],
    },
    Resource {
        path: &["invoice_payments"],
        kind: "invoice_payment",
        permission: "rak_invoice_read",
        filters: &["invoice", "status", "payment[type]", "payment[payment_intent]"],
    },
    Resource { path: &["products"], kind: "product", permission: "rak_product_read", filters: &["active"] },
    Resource {
        path: &["prices"],
        kind: "price",
        permission: "rak_plan_read",
        filters: &["active", "product", "type", "currency", "lookup_keys[]"],
    },
    Resource {
        path: &["entitlements", "active_entitlements"],
        kind: "entitlements.active_entitlement",
        permission: "rak_entitlement_read",
        filters: &["customer"],
    },
];

/// The permission for sessions under its usual name; a switch gives it the other one.
pub(crate) const SESSION_PERMISSION: &str = "rak_checkout_session_read";

/// The permission that reading objects of that kind takes, for events that carry one.
fn permission_for(kind: &str) -> Option<&'static str> {
    RESOURCES.iter().find(|resource| resource.kind == kind).map(|resource| resource.permission)
}

impl Stripe {
    /// Answers a call whose path is `/v1/…`.
    pub(crate) fn route(&mut self, call: &Call, now: Timestamp) -> Handled {
        let key = match self.keys.admit(call) {
            Ok(key) => key,
            Err(refusal) => return Handled::read(refusal),
        };
        let version = match call.headers.get("stripe-version") {
            None => self.version,
            Some(name) => match ApiVersion::parse(name) {
                Some(version) => version,
                None => {
                    return Handled::read(invalid(
                        400,
                        None,
                        &format!("Invalid Stripe API version: {name}"),
                        None,
                    ));
                }
            },
        };
        let segments = call.segments();
        let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
        if let Some(refusal) = self.throttle(&key.0, &call.method, &path, now) {
            return Handled::read(refusal);
        }
        let caller = Caller { key, version, now, lag: self.switches.read_lag };
        if path.first() == Some(&"webhook_endpoints") {
            return self.webhook_endpoints(call, &path[1..], &caller);
        }
        if call.method != "GET" {
            return Handled::read(unrecognized(&call.method, &call.path));
        }
        Handled::read(self.read(call, &path, &caller).unwrap_or_else(|refusal| refusal))
    }

    /// Refuses a call beyond the limit of its endpoint in this second.
    fn throttle(&mut self, key: &str, method: &str, path: &[&str], now: Timestamp) -> Option<Answer> {
        let limit = self.switches.rate_limit?;
        let second = now.as_second();
        if self.calls_of_second.0 != second {
            self.calls_of_second = (second, std::collections::BTreeMap::new());
        }
        // All ids of one endpoint share its limit.
        let endpoint: Vec<&str> = path.iter().map(|step| if is_id(step) { "{id}" } else { *step }).collect();
        let count =
            self.calls_of_second.1.entry(format!("{key} {method} {}", endpoint.join("/"))).or_default();
        *count += 1;
        (*count > limit).then(|| rate_limited(self.switches.rate_limited_reason.then_some("endpoint-rate")))
    }

    fn read(&mut self, call: &Call, path: &[&str], caller: &Caller) -> Result<Answer, Answer> {
        let mut value = match path {
            ["account"] => json!({
                "id": ACCOUNT, "object": "account", "country": "US", "default_currency": "usd",
                "business_profile": { "name": "Northwind Makers" }, "type": "standard",
            }),
            ["events", rest @ ..] => {
                Keys::allow(&caller.key, "rak_event_read")?;
                self.read_events(call, rest, caller)?
            }
            ["subscription_items", rest @ ..] => {
                Keys::allow(&caller.key, "rak_subscription_read")?;
                self.subscription_items(call, rest, caller)?
            }
            ["checkout", "sessions", id, "line_items"] => {
                self.allow(caller, SESSION_PERMISSION)?;
                let session = self.one("checkout.session", id, caller)?;
                let Record::Session(session) = session else {
                    return Err(missing("checkout.session", id, None));
                };
                let rows = line_items(session, caller);
                let (page, has_more) =
                    paged(call, rows, |row| row["id"].as_str().unwrap_or_default(), |_| true)?;
                list(page, has_more, &call.path)
            }
            ["invoices", id, "lines"] => {
                Keys::allow(&caller.key, "rak_invoice_read")?;
                let invoice = render(self.one("invoice", id, caller)?, caller.version, caller.livemode());
                let rows = invoice["lines"]["data"].as_array().cloned().unwrap_or_default();
                let (page, has_more) =
                    paged(call, rows, |row| row["id"].as_str().unwrap_or_default(), |_| true)?;
                list(page, has_more, &call.path)
            }
            _ => self.read_resource(call, path, caller)?,
        };
        for (name, value_path) in &call.query {
            if name == "expand[]" || (name.starts_with("expand[") && name.ends_with(']')) {
                let steps: Vec<&str> = value_path.split('.').collect();
                self.expand(&mut value, &steps, value_path, caller)?;
            }
        }
        Ok(shown(200, &value))
    }

    fn allow(&self, caller: &Caller, permission: &'static str) -> Result<(), Answer> {
        let named =
            if permission == SESSION_PERMISSION { self.switches.session_permission } else { permission };
        Keys::allow(&caller.key, named)
    }

    fn read_resource(&mut self, call: &Call, path: &[&str], caller: &Caller) -> Result<Value, Answer> {
        let unknown = || unrecognized(&call.method, &call.path);
        let resource = RESOURCES.iter().find(|it| path.starts_with(it.path)).ok_or_else(unknown)?;
        self.allow(caller, resource.permission)?;
        match &path[resource.path.len()..] {
            [] => self.read_list(call, resource, caller),
            [id] => {
                known_parameters(call, &["expand"])?;
                let record = self.one(resource.kind, id, caller)?;
                Ok(match record {
                    Record::Customer(customer) if customer.deleted => deleted_customer(&customer.id),
                    record => render(record, caller.version, caller.livemode()),
                })
            }
            _ => Err(unknown()),
        }
    }

    /// An object of that kind in the caller's mode.
    fn one(&self, kind: &str, id: &str, caller: &Caller) -> Result<&Record, Answer> {
        let found = self.ledger.read(id, caller.now, caller.lag).filter(|record| record.kind() == kind);
        match found {
            None => Err(missing(kind, id, None)),
            Some(record) => match record.livemode() {
                Some(livemode) if livemode != caller.livemode() => Err(missing(kind, id, Some(livemode))),
                _ => Ok(record),
            },
        }
    }

    fn read_list(&mut self, call: &Call, resource: &Resource, caller: &Caller) -> Result<Value, Answer> {
        let mut allowed = vec!["created", "limit", "starting_after", "ending_before", "expand"];
        allowed.extend(resource.filters);
        known_parameters(call, &allowed)?;
        for name in ["customer", "subscription"] {
            // A filter by an object that does not exist is an error, not an empty list.
            if let Some(id) = call.parameter(name).filter(|_| resource.filters.contains(&name)) {
                self.one(name, id, caller)?;
            }
        }
        if resource.kind == "entitlements.active_entitlement" && call.parameter("customer").is_none() {
            return Err(invalid(
                400,
                Some("parameter_missing"),
                "Missing required param: customer.",
                Some("customer"),
            ));
        }
        let rows: Vec<&Record> = self
            .ledger
            .list(resource.kind, caller.now, caller.lag)
            .into_iter()
            .filter(|record| record.livemode().is_none_or(|livemode| livemode == caller.livemode()))
            .filter(|record| !matches!(record, Record::Customer(customer) if customer.deleted))
            .collect();
        let range = created_range(call)?;
        let keep = |record: &&Record| {
            range.iter().all(|(operator, bound)| compare(record.created(), operator, *bound))
                && resource.filters.iter().all(|filter| passes(record, filter, call))
        };
        let (page, has_more) = paged(call, rows, |record| record.id(), keep)?;
        let data = page.into_iter().map(|record| render(record, caller.version, caller.livemode())).collect();
        let shown = list(data, has_more, &call.path);
        if has_more {
            self.drift(resource.kind, caller);
        }
        Ok(shown)
    }

    /// Lets one new customer appear in front of the next page, if the switch says so.
    fn drift(&mut self, kind: &str, caller: &Caller) {
        if kind == "customer" && self.switches.page_drift > 0 {
            self.switches.page_drift -= 1;
            let name = format!("Drift {}", self.switches.page_drift);
            let customer = self.new_customer(None, Some(name), caller.livemode(), caller.now);
            self.ledger.put(customer, caller.now);
        }
    }

    fn subscription_items(&self, call: &Call, path: &[&str], caller: &Caller) -> Result<Value, Answer> {
        match path {
            [] => {
                known_parameters(
                    call,
                    &["limit", "starting_after", "ending_before", "expand", "subscription"],
                )?;
                let Some(id) = call.parameter("subscription") else {
                    let message = "Missing required param: subscription.";
                    return Err(invalid(400, Some("parameter_missing"), message, Some("subscription")));
                };
                let Record::Subscription(subscription) = self.one("subscription", id, caller)? else {
                    return Err(missing("subscription", id, None));
                };
                let rows: Vec<Value> = subscription
                    .items
                    .iter()
                    .map(|item| item.render(&subscription.id, caller.version, caller.livemode()))
                    .collect();
                let (page, has_more) =
                    paged(call, rows, |row| row["id"].as_str().unwrap_or_default(), |_| true)?;
                Ok(list(page, has_more, &call.path))
            }
            [id] => {
                let found = self.ledger.all::<Subscription>().find_map(|subscription| {
                    let item = subscription.items.iter().find(|item| item.id == *id)?;
                    (subscription.livemode == caller.livemode())
                        .then(|| item.render(&subscription.id, caller.version, caller.livemode()))
                });
                found.ok_or_else(|| missing("subscription_item", id, None))
            }
            _ => Err(unrecognized(&call.method, &call.path)),
        }
    }

    fn read_events(&mut self, call: &Call, path: &[&str], caller: &Caller) -> Result<Value, Answer> {
        // Source: Stripe API reference, "List all events": events of the last 30 days.
        let oldest = caller.now - SignedDuration::from_hours(30 * 24);
        let readable = |kind: &str| match (&caller.key.1.permissions, permission_for(kind)) {
            (Some(has), Some(permission)) => has.contains(permission),
            _ => true,
        };
        match path {
            [id] => {
                let found = self
                    .events
                    .get(*id)
                    .filter(|event| event.at >= oldest && event.livemode == caller.livemode());
                found
                    .map(|event| event.render(event.version, self.sender.pending(&event.id)))
                    .ok_or_else(|| missing("event", id, None))
            }
            [] => {
                known_parameters(
                    call,
                    &[
                        "created",
                        "limit",
                        "starting_after",
                        "ending_before",
                        "type",
                        "types[]",
                        "delivery_success",
                        "expand",
                    ],
                )?;
                let types: Vec<&str> = call
                    .query
                    .iter()
                    .filter(|(name, _)| name.starts_with("types["))
                    .map(|it| it.1.as_str())
                    .collect();
                if types.len() > EVENT_TYPES_MAX {
                    let message = format!("You can specify at most {EVENT_TYPES_MAX} event types.");
                    return Err(invalid(400, None, &message, Some("types")));
                }
                let one_type = call.parameter("type");
                if one_type.is_some() && !types.is_empty() {
                    return Err(invalid(
                        400,
                        None,
                        "You may only specify one of these parameters: type, types.",
                        Some("type"),
                    ));
                }
                let undelivered = match call.parameter("delivery_success") {
                    None => None,
                    Some("true") => Some(true),
                    Some("false") => Some(false),
                    Some(other) => {
                        return Err(invalid(
                            400,
                            None,
                            &format!("Invalid boolean: {other}"),
                            Some("delivery_success"),
                        ));
                    }
                };
                let range = created_range(call)?;
                let rows = self
                    .event_order
                    .iter()
                    .rev()
                    .map(|id| &self.events[id])
                    .take_while(|event| event.at >= oldest)
                    .filter(|event| event.livemode == caller.livemode())
                    .collect::<Vec<_>>();
                let sender = &self.sender;
                let keep = |event: &&Event| {
                    range.iter().all(|(operator, bound)| compare(event.at.as_second(), operator, *bound))
                        && (types.is_empty() || types.contains(&event.kind.as_str()))
                        && one_type.is_none_or(|wanted| match wanted.strip_suffix('*') {
                            Some(lead) => event.kind.starts_with(lead),
                            None => event.kind == wanted,
                        })
                        && undelivered.is_none_or(|success| (sender.pending(&event.id) == 0) == success)
                        && readable(event.object_kind())
                };
                let (page, has_more) = paged(call, rows, |event| &event.id, keep)?;
                let data = page
                    .into_iter()
                    .map(|event| event.render(event.version, sender.pending(&event.id)))
                    .collect();
                Ok(list(data, has_more, "/v1/events"))
            }
            _ => Err(unrecognized(&call.method, &call.path)),
        }
    }
}

/// Whether a step of a path is the id of an object rather than a word of the API.
fn is_id(step: &str) -> bool {
    const PREFIXES: [&str; 17] = [
        "cs", "sub", "cus", "pi", "ch", "py", "re", "du", "in", "inpay", "evt", "price", "prod", "we", "si",
        "il", "ent",
    ];
    step.split_once('_').is_some_and(|(prefix, _)| PREFIXES.contains(&prefix))
}

/// Source: Stripe API reference, "List all events": up to 20 types.
const EVENT_TYPES_MAX: usize = 20;

pub(crate) fn line_items(session: &Session, caller: &Caller) -> Vec<Value> {
    session.lines.iter().map(|line| line.render(caller.version, caller.livemode())).collect()
}
