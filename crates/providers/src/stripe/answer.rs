//! The answers: what Stripe's reply to a [`Read`] tells.

use super::facts;
use super::learn::body;
use super::list::{self, Listed};
use super::read::{Read, Walk};
use super::refusal::{Refused, no_such_object, refused};
use super::wire::{Node, Unreadable};
use crate::json;
use crate::secret::Secret;
use frontdesk_core::fact::{Body, InvoicePayments, Key, Kind, LineItems, Money};
use frontdesk_core::id::SourceId;
use frontdesk_core::target::Failure;
use http::header::DATE;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Most entries that are gathered over the pages of one list. A session has at most 100 lines, a
/// subscription 20 items: far more is no list that can be true.
pub const GATHERED_MAX: usize = 1_000;

/// A reply, as it came over the wire. Whoever fetched it has limited its size.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, whole.
    pub body: &'a [u8],
}

impl Response<'_> {
    /// When Stripe answered: the `Date` header, in whole seconds; without a readable one, `now`.
    pub fn date(&self, now: Timestamp) -> Timestamp {
        let text = self.headers.get(DATE).and_then(|date| date.to_str().ok());
        let told = text.and_then(|text| jiff::fmt::rfc2822::parse(text).ok()).map(|date| date.timestamp());
        told.unwrap_or(now)
    }
}

/// What a reply tells.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The state of objects.
    Facts(Told),
    /// There is no such object. A positive answer, and still never a reason to remove anything.
    Missing {
        /// It exists among test data while we asked with a live key, or the other way round.
        in_other_mode: bool,
    },
    /// The entry after which the next page was to begin is gone: begin the walk again.
    CursorGone,
    /// A page of events.
    Events {
        /// The events as Stripe wrote them, in its order; each for
        /// [`Verified::listed`](super::verify::Verified::listed).
        events: Vec<Box<RawValue>>,
        /// The next page.
        next: Option<Read>,
    },
    /// A page of everything of one kind.
    Objects {
        /// When Stripe said so: the date of the reply.
        at: Timestamp,
        /// The objects as Stripe wrote them, in its order; each for [`told`] as a [`Read::Listed`].
        objects: Vec<Listed>,
        /// The next page.
        next: Option<Read>,
    },
    /// The account's id.
    Account {
        /// `acct_…`.
        id: String,
    },
    /// The key may read that list.
    Readable,
    /// A page of prices.
    Prices {
        /// The prices.
        prices: Vec<Price>,
        /// The next page.
        next: Option<Read>,
    },
    /// A page of products.
    Products {
        /// The products.
        products: Vec<Product>,
        /// The next page.
        next: Option<Read>,
    },
    /// A page of webhook endpoints.
    Endpoints {
        /// The endpoints.
        endpoints: Vec<Endpoint>,
        /// The next page.
        next: Option<Read>,
    },
}

/// Facts out of one reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// When Stripe said so: the date of the reply, or of the earlier one that it completes.
    pub at: Timestamp,
    /// The objects and their states; each key once. Empty on a page that completes nothing yet,
    /// and for an empty list.
    pub facts: Vec<(Key, Body)>,
    /// What is to be asked next for the whole.
    pub next: Option<Read>,
}

/// A price on sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// `price_…`.
    pub id: String,
    /// `prod_…`.
    pub product: Option<String>,
    /// The product's name.
    pub product_name: Option<String>,
    /// The shop's own name for the price.
    pub nickname: Option<String>,
    /// The amount of one; absent where it depends on the quantity.
    pub amount: Option<Money>,
    /// `day`, `week`, `month`, `year`; `None` for a one-time price.
    pub interval: Option<String>,
}

/// A product on sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// `prod_…`.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
}

/// A webhook endpoint of the account. Stripe does not tell how often it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `we_…`.
    pub id: String,
    /// Where deliveries go.
    pub url: String,
    /// Whether deliveries are made. Events made while it is disabled are never sent to it.
    pub is_enabled: bool,
    /// The types that it sends; `*` is all.
    pub event_types: Vec<String>,
    /// The API version that shapes its events; `None`: the account's default.
    pub api_version: Option<String>,
    /// Whether it is for real money.
    pub livemode: bool,
}

/// Judges a reply.
///
/// # Errors
///
/// [`Refused`], with a failure class and the reason in our words. A 200 that cannot be read is
/// transient when it is no JSON (a proxy's page), and for a person when a field of it is not what
/// it should be.
pub fn answer(
    read: &Read,
    source: &SourceId,
    response: &Response<'_>,
    now: Timestamp,
) -> Result<Answer, Refused> {
    let fail = |failure| Refused { failure, permission: None, request_id: response.request_id() };
    if response.status != StatusCode::OK {
        let error = serde_json::from_slice::<Value>(response.body).unwrap_or_default()["error"].take();
        let is_cursor = matches!(error["param"].as_str(), Some("starting_after" | "ending_before"));
        return match (response.status.as_u16(), no_such_object(&error)) {
            (400 | 404, Some(_)) if is_cursor => Ok(Answer::CursorGone),
            (404, Some(in_other_mode)) => Ok(Answer::Missing { in_other_mode }),
            _ => Err(refused(response, now)),
        };
    }
    told(read, source, response.body, response.date(now)).map_err(|error| {
        fail(match error {
            ReplyError::NotJson => {
                Failure::Transient { why: "answered 200: the body is not JSON".to_owned() }
            }
            ReplyError::Beyond(limit) => {
                Failure::Rejected { why: format!("answered 200: the body is {limit}") }
            }
            ReplyError::Unreadable(unreadable) => {
                Failure::Rejected { why: format!("answered 200: {unreadable}") }
            }
        })
    })
}

/// Why the body of a 200 tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// No JSON.
    #[error("the reply is not JSON")]
    NotJson,
    /// JSON beyond a limit of [`crate::json`].
    #[error("the reply is {0}")]
    Beyond(json::Limit),
    /// A field that is not what it should be.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Reads the body of a 200, dated `at`. A function of its arguments alone, so that a reply in the
/// journal tells the same on a rebuild.
pub fn told(read: &Read, source: &SourceId, body: &[u8], at: Timestamp) -> Result<Answer, ReplyError> {
    if let Read::Events { walk } = read {
        return events(walk, body);
    }
    if let Read::List { list, .. } = read {
        let (objects, next) = list::objects(body)?;
        let next = next.map(|after| Read::List { list: *list, after: Some(after) });
        return Ok(Answer::Objects { at, objects, next });
    }
    json::check_limits(body).map_err(ReplyError::Beyond)?;
    let value: Value = serde_json::from_slice(body).map_err(|_| ReplyError::NotJson)?;
    Ok(parsed(read, source, &Node::root(&value), at)?)
}

/// What one object or page tells.
fn parsed(read: &Read, source: &SourceId, root: &Node<'_>, at: Timestamp) -> Result<Answer, Unreadable> {
    let one = |kind: Kind, id: &str| {
        is_asked_for(root, id)?;
        Ok(facts_at(at, vec![(Key::new(source, kind, id), body(kind, root)?)], None))
    };
    match read {
        Read::Checkout { id } => checkout(id, source, root, at),
        Read::CheckoutLines { id, so_far, .. } => {
            let (page, next) = gathered(root, so_far, facts::line)?;
            Ok(match next {
                Some(after) => {
                    let next = Read::CheckoutLines { id: id.clone(), so_far: page, after: Some(after) };
                    facts_at(at, Vec::new(), Some(next))
                }
                None => facts_at(at, vec![goods(source, id, page)], None),
            })
        }
        Read::Subscription { id } => {
            is_asked_for(root, id)?;
            let subscription = facts::subscription(root)?;
            if subscription.items_complete {
                return Ok(facts_at(
                    at,
                    vec![(Key::new(source, Kind::Subscription, id), Body::Subscription(subscription))],
                    None,
                ));
            }
            let subscription = Box::new(subscription);
            let next =
                Read::SubscriptionItems { id: id.clone(), subscription, at, so_far: Vec::new(), after: None };
            Ok(facts_at(at, Vec::new(), Some(next)))
        }
        Read::SubscriptionItems { id, subscription, at, so_far, .. } => {
            let (page, next) = gathered(root, so_far, |item| facts::subscription_item(item, (None, None)))?;
            let mut subscription = subscription.clone();
            if let Some(after) = next {
                let (id, after) = (id.clone(), Some(after));
                let next = Read::SubscriptionItems { id, subscription, at: *at, so_far: page, after };
                return Ok(facts_at(*at, Vec::new(), Some(next)));
            }
            subscription.items = page;
            subscription.items.sort();
            subscription.items_complete = true;
            Ok(facts_at(
                *at,
                vec![(Key::new(source, Kind::Subscription, id), Body::Subscription(*subscription))],
                None,
            ))
        }
        Read::Charge { id } => one(Kind::Charge, id),
        Read::Refund { id } => one(Kind::Refund, id),
        Read::Dispute { id } => one(Kind::Dispute, id),
        Read::Invoice { id } => one(Kind::Invoice, id),
        Read::Customer { id } => one(Kind::Customer, id),
        Read::Payment { id } => one(Kind::Payment, id),
        Read::UnpaidInvoices { subscription, status, .. } => {
            let (entries, next) = page(root)?;
            let invoices = entries.iter().map(|invoice| {
                let key = Key::new(source, Kind::Invoice, invoice.needed_text("id")?);
                Ok((key, Body::Invoice(facts::invoice(invoice)?)))
            });
            let next = next.map(|after| Read::UnpaidInvoices {
                subscription: subscription.clone(),
                status: *status,
                after: Some(after),
            });
            Ok(facts_at(at, invoices.collect::<Result<_, Unreadable>>()?, next))
        }
        Read::InvoicePayments { payment, so_far, .. } => {
            // A withdrawn attempt to pay an invoice says nothing of where the money went.
            let invoice = |entry: &Node<'_>| {
                let is_withdrawn = entry.lenient_text("status").is_some_and(|status| status == "canceled");
                Ok(if is_withdrawn { None } else { entry.id("invoice")? })
            };
            let (page, next) = page(root)?;
            let found = page.iter().map(invoice).collect::<Result<Vec<_>, Unreadable>>()?;
            let mut invoices: Vec<String> =
                so_far.iter().cloned().chain(found.into_iter().flatten()).collect();
            is_believable(root, invoices.len())?;
            if let Some(after) = next {
                let (payment, after) = (payment.clone(), Some(after));
                return Ok(facts_at(
                    at,
                    Vec::new(),
                    Some(Read::InvoicePayments { payment, so_far: invoices, after }),
                ));
            }
            invoices.sort();
            invoices.dedup();
            let key = Key::new(source, Kind::InvoicePayments, payment);
            Ok(facts_at(at, vec![(key, Body::InvoicePayments(InvoicePayments { invoices }))], None))
        }
        Read::Listed { kind, id } => {
            is_asked_for(root, id)?;
            match kind {
                Kind::Checkout if root.has("line_items") => checkout(id, source, root, at),
                Kind::Subscription => {
                    let subscription = Body::Subscription(facts::subscription(root)?);
                    let mut told = vec![(Key::new(source, *kind, id), subscription)];
                    told.extend(list::latest_invoice(source, root));
                    Ok(facts_at(at, told, None))
                }
                _ => one(*kind, id),
            }
        }
        Read::Events { .. } | Read::List { .. } => {
            Err(root.unreadable("data", "is a page that is read whole"))
        }
        Read::Account => Ok(Answer::Account { id: root.needed_text("id")? }),
        Read::Probe { .. } => page(root).map(|_| Answer::Readable),
        Read::Prices { .. } => {
            let (entries, next) = page(root)?;
            let prices = entries.iter().map(price).collect::<Result<_, _>>()?;
            Ok(Answer::Prices { prices, next: next.map(|after| Read::Prices { after: Some(after) }) })
        }
        Read::Products { .. } => {
            let (entries, next) = page(root)?;
            let product = |entry: &Node<'_>| {
                Ok(Product { id: entry.needed_text("id")?, name: entry.lenient_text("name") })
            };
            let products = entries.iter().map(product).collect::<Result<_, Unreadable>>()?;
            Ok(Answer::Products { products, next: next.map(|after| Read::Products { after: Some(after) }) })
        }
        Read::Endpoints { .. } => {
            let (entries, next) = page(root)?;
            let endpoints = entries.iter().map(endpoint).collect::<Result<_, _>>()?;
            Ok(Answer::Endpoints {
                endpoints,
                next: next.map(|after| Read::Endpoints { after: Some(after) }),
            })
        }
    }
}

fn facts_at(at: Timestamp, facts: Vec<(Key, Body)>, next: Option<Read>) -> Answer {
    Answer::Facts(Told { at, facts, next })
}

/// A session, and its goods when these are all of them; else they are asked for page by page.
fn checkout(id: &str, source: &SourceId, root: &Node<'_>, at: Timestamp) -> Result<Answer, Unreadable> {
    is_asked_for(root, id)?;
    let mut facts = vec![(Key::new(source, Kind::Checkout, id), Body::Checkout(facts::checkout(root)?))];
    let (lines, more) = page(&root.needed_object("line_items")?)?;
    if more.is_some() {
        let next = Read::CheckoutLines { id: id.to_owned(), so_far: Vec::new(), after: None };
        return Ok(facts_at(at, facts, Some(next)));
    }
    facts.push(goods(source, id, lines.iter().map(facts::line).collect::<Result<_, _>>()?));
    Ok(facts_at(at, facts, None))
}

/// The fact of a session's goods.
fn goods(source: &SourceId, id: &str, mut lines: Vec<frontdesk_core::fact::Line>) -> (Key, Body) {
    lines.sort();
    lines.dedup();
    (Key::new(source, Kind::LineItems, id), Body::LineItems(LineItems { lines, complete: true }))
}

/// The object must be the one that was asked for.
fn is_asked_for(root: &Node<'_>, id: &str) -> Result<(), Unreadable> {
    if root.needed_text("id")? == id {
        Ok(())
    } else {
        Err(root.unreadable("id", "is not the one asked for"))
    }
}

fn is_believable(root: &Node<'_>, entries: usize) -> Result<(), Unreadable> {
    if entries > GATHERED_MAX { Err(root.unreadable("data", "goes on for too long")) } else { Ok(()) }
}

/// The entries of a page, and the id after which the next one begins.
fn page<'a>(list: &Node<'a>) -> Result<(Vec<Node<'a>>, Option<String>), Unreadable> {
    let entries = list.needed_list("data")?;
    let has_more = list.bool("has_more")?.unwrap_or(false);
    let last = entries.last().filter(|_| has_more).map(|entry| entry.needed_text("id")).transpose()?;
    Ok((entries, last))
}

/// The entries of this page behind those of the pages before.
fn gathered<T: Clone>(
    list: &Node<'_>,
    so_far: &[T],
    read: impl Fn(&Node<'_>) -> Result<T, Unreadable>,
) -> Result<(Vec<T>, Option<String>), Unreadable> {
    let (entries, next) = page(list)?;
    let mut all = so_far.to_vec();
    for entry in &entries {
        all.push(read(entry)?);
    }
    is_believable(list, all.len())?;
    Ok((all, next))
}

fn price(entry: &Node<'_>) -> Result<Price, Unreadable> {
    let product = entry.lenient_object("product");
    Ok(Price {
        id: entry.needed_text("id")?,
        product: entry.id("product")?,
        product_name: product.and_then(|product| product.lenient_text("name")),
        nickname: entry.lenient_text("nickname"),
        amount: entry.money("unit_amount")?,
        interval: entry.lenient_object("recurring").and_then(|recurring| recurring.lenient_text("interval")),
    })
}

fn endpoint(entry: &Node<'_>) -> Result<Endpoint, Unreadable> {
    Ok(Endpoint {
        id: entry.needed_text("id")?,
        url: entry.needed_text("url")?,
        is_enabled: entry.needed_text("status")? == "enabled",
        event_types: entry.lenient_texts("enabled_events"),
        api_version: entry.lenient_text("api_version"),
        livemode: entry.needed_bool("livemode")?,
    })
}

/// A page of events, each kept byte for byte.
fn events(walk: &Walk, body: &[u8]) -> Result<Answer, ReplyError> {
    #[derive(Deserialize)]
    struct Page {
        data: Vec<Box<RawValue>>,
        has_more: bool,
    }
    #[derive(Deserialize)]
    struct Identity {
        id: String,
    }
    let Page { data, has_more } = serde_json::from_slice(body).map_err(|_| ReplyError::NotJson)?;
    let id = |event: Option<&Box<RawValue>>| {
        let identity = event.map(|event| serde_json::from_str::<Identity>(event.get()));
        identity.transpose().map_err(|_| Unreadable { field: "data.id".to_owned(), why: "is not text" })
    };
    // Either way the page itself is newest first: a walk onward goes on from its first entry.
    let next = match walk {
        Walk::Back { since, .. } => {
            id(data.last())?.map(|last| Walk::Back { since: *since, below: Some(last.id) })
        }
        Walk::Onward { .. } => id(data.first())?.map(|first| Walk::Onward { above: first.id }),
    };
    Ok(Answer::Events { events: data, next: next.filter(|_| has_more).map(|walk| Read::Events { walk }) })
}

/// The endpoint that [`Account::create_endpoint`](super::read::Account::create_endpoint) made, with
/// its signing secret: Stripe shows it in this one answer and never again.
///
/// `secret_id` becomes the secret's id.
///
/// # Errors
///
/// As [`answer`]. After a failure that leaves open whether it was made, the endpoints are listed
/// before it is asked for again under the same idempotency key.
pub fn created_endpoint(
    response: &Response<'_>,
    secret_id: &str,
    now: Timestamp,
) -> Result<(Endpoint, Secret), Refused> {
    if response.status != StatusCode::OK {
        return Err(refused(response, now));
    }
    let unclear = |why: String| Refused {
        failure: Failure::Unknown { why: format!("answered 200: {why}") },
        permission: None,
        request_id: response.request_id(),
    };
    let value: Value =
        serde_json::from_slice(response.body).map_err(|_| unclear("the body is not JSON".to_owned()))?;
    let root = Node::root(&value);
    let made =
        endpoint(&root).and_then(|made| Ok((made, Secret::new(secret_id, root.needed_text("secret")?))));
    made.map_err(|unreadable| unclear(unreadable.to_string()))
}
