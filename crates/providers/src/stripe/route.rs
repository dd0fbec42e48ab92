//! Everything that may be asked of Stripe, as a closed list.
//!
//! A request can only be made from a [`Route`], so this list is what an auditor has to read: all
//! of it reads, but for one call that registers Frontdesk's own webhook endpoint.

use http::Method;

/// One method and path of Stripe's API.
///
/// Source: Stripe API reference (read 2026-11-24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// The account that the key belongs to.
    Account,
    /// One charge.
    Charge,
    /// Charges.
    Charges,
    /// One checkout session.
    Checkout,
    /// Its goods beyond the first ten.
    CheckoutLines,
    /// Checkout sessions.
    Checkouts,
    /// Registers a webhook endpoint. The one route that changes anything.
    CreateEndpoint,
    /// One customer.
    Customer,
    /// Customers.
    Customers,
    /// One dispute.
    Dispute,
    /// Disputes.
    Disputes,
    /// Webhook endpoints and their health.
    Endpoints,
    /// The events of the last 30 days.
    Events,
    /// One invoice.
    Invoice,
    /// Which invoices a payment paid.
    InvoicePayments,
    /// Invoices.
    Invoices,
    /// One payment intent.
    Payment,
    /// Payment intents.
    Payments,
    /// Prices.
    Prices,
    /// Products.
    Products,
    /// One refund.
    Refund,
    /// Refunds.
    Refunds,
    /// One subscription.
    Subscription,
    /// Its items beyond the first ten.
    SubscriptionItems,
    /// Subscriptions.
    Subscriptions,
}

impl Route {
    /// All routes, in the order in which they are declared.
    pub const ALL: [Self; 25] = [
        Self::Account,
        Self::Charge,
        Self::Charges,
        Self::Checkout,
        Self::CheckoutLines,
        Self::Checkouts,
        Self::CreateEndpoint,
        Self::Customer,
        Self::Customers,
        Self::Dispute,
        Self::Disputes,
        Self::Endpoints,
        Self::Events,
        Self::Invoice,
        Self::InvoicePayments,
        Self::Invoices,
        Self::Payment,
        Self::Payments,
        Self::Prices,
        Self::Products,
        Self::Refund,
        Self::Refunds,
        Self::Subscription,
        Self::SubscriptionItems,
        Self::Subscriptions,
    ];

    /// The method.
    pub const fn method(self) -> Method {
        match self {
            Self::CreateEndpoint => Method::POST,
            _ => Method::GET,
        }
    }

    /// The path; `{id}` stands for the id of the object.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Account => "/v1/account",
            Self::Charge => "/v1/charges/{id}",
            Self::Charges => "/v1/charges",
            Self::Checkout => "/v1/checkout/sessions/{id}",
            Self::CheckoutLines => "/v1/checkout/sessions/{id}/line_items",
            Self::Checkouts => "/v1/checkout/sessions",
            Self::CreateEndpoint | Self::Endpoints => "/v1/webhook_endpoints",
            Self::Customer => "/v1/customers/{id}",
            Self::Customers => "/v1/customers",
            Self::Dispute => "/v1/disputes/{id}",
            Self::Disputes => "/v1/disputes",
            Self::Events => "/v1/events",
            Self::Invoice => "/v1/invoices/{id}",
            Self::InvoicePayments => "/v1/invoice_payments",
            Self::Invoices => "/v1/invoices",
            Self::Payment => "/v1/payment_intents/{id}",
            Self::Payments => "/v1/payment_intents",
            Self::Prices => "/v1/prices",
            Self::Products => "/v1/products",
            Self::Refund => "/v1/refunds/{id}",
            Self::Refunds => "/v1/refunds",
            Self::Subscription => "/v1/subscriptions/{id}",
            Self::SubscriptionItems => "/v1/subscription_items",
            Self::Subscriptions => "/v1/subscriptions",
        }
    }

    /// The permission that a restricted key needs for it, as Stripe's key page names it. Stripe may
    /// rename them: what a refusal names is what counts, this list only prepares a key.
    ///
    /// Source: Stripe docs, *Restricted API keys*, and refusals met (2026-11-24).
    pub const fn permission(self) -> Option<&'static str> {
        Some(match self {
            Self::Account => return None,
            Self::Charge | Self::Charges | Self::Refund | Self::Refunds => "rak_charge_read",
            Self::Checkout | Self::CheckoutLines | Self::Checkouts => "rak_checkout_session_read",
            Self::CreateEndpoint => "rak_webhook_write",
            Self::Customer | Self::Customers => "rak_customer_read",
            Self::Dispute | Self::Disputes => "rak_dispute_read",
            Self::Endpoints => "rak_webhook_read",
            Self::Events => "rak_event_read",
            Self::Invoice | Self::InvoicePayments | Self::Invoices => "rak_invoice_read",
            Self::Payment | Self::Payments => "rak_payment_intent_read",
            Self::Prices => "rak_plan_read",
            Self::Products => "rak_product_read",
            Self::Subscription | Self::SubscriptionItems | Self::Subscriptions => "rak_subscription_read",
        })
    }

    /// The lists of which one entry is asked for to see whether a key may read them.
    pub const PROBES: [Self; 10] = [
        Self::Events,
        Self::Customers,
        Self::Subscriptions,
        Self::Checkouts,
        Self::Invoices,
        Self::Charges,
        Self::Payments,
        Self::Disputes,
        Self::Prices,
        Self::Products,
    ];
}
