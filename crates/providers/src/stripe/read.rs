//! The reads: what is asked of Stripe, and the requests for it.

use super::list::List;
use super::route::Route;
use crate::call::{AGENT, BadBase, Base, ENCODED};
use crate::secret::Secret;
use frontdesk_core::fact::{Key, Kind, Line, Subscription, SubscriptionItem};
use frontdesk_core::reads::{Purpose, Want};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderValue, Request};
use jiff::Timestamp;
use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize};

/// The API version that shapes what is read. Events keep the version that they were made in.
///
/// The newest that was checked: from 2026-09-30.endive on a paused subscription says why, and a
/// read in an older shape would take back what an event of this one told.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Entries asked for per page of a list: Stripe's most.
pub const PAGE: &str = "100";

/// The header that names the API version.
pub const VERSION_HEADER: HeaderName = HeaderName::from_static("stripe-version");

/// The header under which a repeated POST is answered like the first.
pub const IDEMPOTENCY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// One Stripe account as it can be asked: where, and with which key.
#[derive(Clone, Debug)]
pub struct Account {
    base: Base,
    key: Secret,
    credential: HeaderValue,
}

/// Why an account cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAccount {
    /// The address is none.
    #[error(transparent)]
    Base(#[from] BadBase),
    /// The key holds what no header can: a line break, say.
    #[error("the key `{id}` holds characters that no API key has")]
    Key {
        /// The id of the key.
        id: String,
    },
}

impl Account {
    /// An account at `base_url` (`https://api.stripe.com`, or a stand-in), asked with `key`.
    pub fn new(base_url: &str, key: Secret) -> Result<Self, BadAccount> {
        let bad_key = || BadAccount::Key { id: key.id().to_owned() };
        let mut credential =
            HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| bad_key())?;
        credential.set_sensitive(true);
        Ok(Self { base: Base::parse(base_url)?, key, credential })
    }

    /// The key, for its id and its mode.
    pub const fn key(&self) -> &Secret {
        &self.key
    }

    /// A request of a route; `id` fills its path, `query` is percent-encoded but for the brackets
    /// in its names, as Stripe's own libraries send them.
    ///
    /// Ids come out of signed events and are still not trusted: one that could lead elsewhere (a
    /// dot, a slash, encoded or not) is asked for as `_`, which no object is called.
    fn request(&self, route: Route, id: &str, query: &[(&str, &str)], body: Vec<u8>) -> Request<Vec<u8>> {
        let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        let path = route.path().replace("{id}", if is_id && !id.is_empty() { id } else { "_" });
        let mut request = Request::new(body);
        *request.method_mut() = route.method();
        *request.uri_mut() = self.base.join(&path, query);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.credential.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(VERSION_HEADER, HeaderValue::from_static(API_VERSION));
        request
    }

    /// The request that registers a webhook endpoint at `url` for the `events` named, shaped by
    /// [`API_VERSION`].
    ///
    /// `idempotency` makes a repeat harmless for 24 hours: the same key and parameters are
    /// answered with the first answer, its signing secret included. Letters, digits, `-` and `_`.
    pub fn create_endpoint(&self, url: &str, events: &[&str], idempotency: &str) -> Request<Vec<u8>> {
        let mut form = vec![("url", url), ("api_version", API_VERSION), ("description", "Frontdesk")];
        form.extend(events.iter().map(|event| ("enabled_events[]", *event)));
        let pairs =
            form.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ENCODED)));
        let body = pairs.collect::<Vec<_>>().join("&").into_bytes();
        let mut request = self.request(Route::CreateEndpoint, "", &[], body);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let idempotency = HeaderValue::from_str(&crate::call::word(idempotency))
            .expect("letters, digits and `_.:-` are a header value");
        headers.insert(IDEMPOTENCY_HEADER, idempotency);
        request
    }
}

/// Where a walk over the events stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Walk {
    /// Newest first, down to those made at `since`: for a first look or a lost cursor.
    Back {
        /// The oldest `created` that is wanted. Stripe keeps events for 30 days.
        since: Timestamp,
        /// The last event of the page before.
        below: Option<String>,
    },
    /// From a known event on, older pages first: the everyday poll.
    Onward {
        /// The newest event that is known.
        above: String,
    },
}

/// Which unpaid invoices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unpaid {
    /// Owed.
    Open,
    /// Given up on.
    Uncollectible,
}

/// One question to Stripe. A page after the first carries what the pages before it told, so that
/// a whole list is learnt at once or not at all.
///
/// It is kept in the journal beside its answer, so that a rebuild can read the answer again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "snake_case")]
pub enum Read {
    /// A checkout session with its first ten goods.
    Checkout {
        /// `cs_…`.
        id: String,
    },
    /// All goods of a session, by pages.
    CheckoutLines {
        /// `cs_…`.
        id: String,
        /// From the pages before.
        so_far: Vec<Line>,
        /// The last line of the page before.
        after: Option<String>,
    },
    /// A subscription with its first ten items.
    Subscription {
        /// `sub_…`.
        id: String,
    },
    /// All items of a subscription, by pages.
    SubscriptionItems {
        /// `sub_…`.
        id: String,
        /// The subscription as read, with the items that it showed.
        subscription: Box<Subscription>,
        /// When it was read: its items are no newer evidence than that.
        at: Timestamp,
        /// From the pages before.
        so_far: Vec<SubscriptionItem>,
        /// The last item of the page before.
        after: Option<String>,
    },
    /// A charge.
    Charge {
        /// `ch_…` or `py_…`.
        id: String,
    },
    /// A refund.
    Refund {
        /// `re_…`.
        id: String,
    },
    /// A dispute.
    Dispute {
        /// `du_…` or `dp_…`.
        id: String,
    },
    /// An invoice.
    Invoice {
        /// `in_…`.
        id: String,
    },
    /// Unpaid invoices of a subscription, by pages.
    UnpaidInvoices {
        /// `sub_…`.
        subscription: String,
        /// Which.
        status: Unpaid,
        /// The last invoice of the page before.
        after: Option<String>,
    },
    /// Which invoices a payment paid, by pages.
    InvoicePayments {
        /// `pi_…`.
        payment: String,
        /// From the pages before.
        so_far: Vec<String>,
        /// The last entry of the page before.
        after: Option<String>,
    },
    /// A customer, who may be deleted.
    Customer {
        /// `cus_…`.
        id: String,
    },
    /// A payment intent.
    Payment {
        /// `pi_…`.
        id: String,
    },
    /// A page of events.
    Events {
        /// Where the walk stands.
        walk: Walk,
    },
    /// A page of everything of one kind.
    List {
        /// Which list.
        list: List,
        /// The last object of the page before.
        after: Option<String>,
    },
    /// One object as a list showed it, with what the list showed inside it.
    Listed {
        /// What it is.
        kind: Kind,
        /// Its id.
        id: String,
    },
    /// The account that the key belongs to.
    Account,
    /// Whether the key may read a list: the `nth` of [`Route::PROBES`].
    Probe {
        /// Which.
        nth: usize,
    },
    /// A page of the prices on sale, each with its product.
    Prices {
        /// The last price of the page before.
        after: Option<String>,
    },
    /// A page of the products on sale.
    Products {
        /// The last product of the page before.
        after: Option<String>,
    },
    /// A page of the webhook endpoints.
    Endpoints {
        /// The last endpoint of the page before.
        after: Option<String>,
    },
}

impl Read {
    /// The reads that answer what the core wants to know, in the order in which to ask.
    ///
    /// Goods come with their session. A list of unpaid invoices is keyed by its subscription.
    pub fn wanted(want: &Want) -> Vec<Self> {
        let id = want.object.id.clone();
        match (want.object.kind, want.purpose) {
            (Kind::Invoice, Purpose::OldestUnpaidInvoice) => [Unpaid::Open, Unpaid::Uncollectible]
                .map(|status| Self::UnpaidInvoices { subscription: id.clone(), status, after: None })
                .to_vec(),
            _ => vec![Self::of(&want.object)],
        }
    }

    /// The read of one object.
    ///
    /// # Panics
    ///
    /// For a ruling, which no source has.
    pub fn of(object: &Key) -> Self {
        Self::one(object.kind, object.id.clone())
    }

    fn one(kind: Kind, id: String) -> Self {
        match kind {
            Kind::Customer => Self::Customer { id },
            Kind::Checkout | Kind::CheckoutOutcome | Kind::LineItems => Self::Checkout { id },
            Kind::Subscription => Self::Subscription { id },
            Kind::Invoice => Self::Invoice { id },
            Kind::InvoicePayments => Self::InvoicePayments { payment: id, so_far: Vec::new(), after: None },
            Kind::Payment => Self::Payment { id },
            Kind::Charge => Self::Charge { id },
            Kind::Refund => Self::Refund { id },
            Kind::Dispute => Self::Dispute { id },
            Kind::Ruling | Kind::Pairing => unreachable!("nobody asks a source for what an operator decided"),
        }
    }

    /// The route that it takes.
    pub fn route(&self) -> Route {
        match self {
            Self::Checkout { .. } => Route::Checkout,
            Self::CheckoutLines { .. } => Route::CheckoutLines,
            Self::Subscription { .. } => Route::Subscription,
            Self::SubscriptionItems { .. } => Route::SubscriptionItems,
            Self::Charge { .. } => Route::Charge,
            Self::Refund { .. } => Route::Refund,
            Self::Dispute { .. } => Route::Dispute,
            Self::Invoice { .. } => Route::Invoice,
            Self::UnpaidInvoices { .. } => Route::Invoices,
            Self::InvoicePayments { .. } => Route::InvoicePayments,
            Self::Customer { .. } => Route::Customer,
            Self::Payment { .. } => Route::Payment,
            Self::Events { .. } => Route::Events,
            Self::List { list, .. } => list.route(),
            Self::Listed { kind, .. } => Self::one(*kind, String::new()).route(),
            Self::Account => Route::Account,
            Self::Probe { nth } => Route::PROBES[nth % Route::PROBES.len()],
            Self::Prices { .. } => Route::Prices,
            Self::Products { .. } => Route::Products,
            Self::Endpoints { .. } => Route::Endpoints,
        }
    }

    /// The request of it.
    pub fn request(&self, account: &Account) -> Request<Vec<u8>> {
        let since;
        let mut id = "";
        let mut query: Vec<(&str, &str)> = Vec::new();
        let mut cursor: &Option<String> = &None;
        match self {
            Self::Checkout { id: session } => {
                id = session;
                query.push(("expand[]", "line_items"));
            }
            Self::CheckoutLines { id: session, after, .. } => {
                id = session;
                query.push(("limit", PAGE));
                cursor = after;
            }
            Self::Subscription { id: object }
            | Self::Charge { id: object }
            | Self::Refund { id: object }
            | Self::Dispute { id: object }
            | Self::Invoice { id: object }
            | Self::Customer { id: object }
            | Self::Payment { id: object }
            | Self::Listed { id: object, .. } => id = object,
            Self::SubscriptionItems { id: subscription, after, .. } => {
                query.extend([("subscription", subscription.as_str()), ("limit", PAGE)]);
                cursor = after;
            }
            Self::UnpaidInvoices { subscription, status, after } => {
                let status = match status {
                    Unpaid::Open => "open",
                    Unpaid::Uncollectible => "uncollectible",
                };
                query.extend([("subscription", subscription.as_str()), ("status", status), ("limit", PAGE)]);
                cursor = after;
            }
            Self::InvoicePayments { payment, after, .. } => {
                query.extend([
                    ("payment[type]", "payment_intent"),
                    ("payment[payment_intent]", payment.as_str()),
                    ("limit", PAGE),
                ]);
                cursor = after;
            }
            Self::Events { walk: Walk::Back { since: oldest, below } } => {
                since = oldest.as_second().to_string();
                query.extend([("created[gte]", since.as_str()), ("limit", PAGE)]);
                cursor = below;
            }
            Self::Events { walk: Walk::Onward { above } } => {
                query.extend([("limit", PAGE), ("ending_before", above.as_str())]);
            }
            Self::List { list, after } => {
                query.extend(list.query().iter().copied().chain([("limit", PAGE)]));
                cursor = after;
            }
            Self::Account => {}
            Self::Probe { .. } => query.push(("limit", "1")),
            Self::Prices { after } => {
                query.extend([("active", "true"), ("expand[]", "data.product"), ("limit", PAGE)]);
                cursor = after;
            }
            Self::Products { after } => {
                query.extend([("active", "true"), ("limit", PAGE)]);
                cursor = after;
            }
            Self::Endpoints { after } => {
                query.push(("limit", PAGE));
                cursor = after;
            }
        }
        query.extend(cursor.as_deref().map(|cursor| ("starting_after", cursor)));
        account.request(self.route(), id, &query, Vec::new())
    }
}
