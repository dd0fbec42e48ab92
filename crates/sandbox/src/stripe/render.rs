//! Objects as JSON in a chosen API version: the catalogue, customers and money.
//!
//! Every object starts from the full field set of its version ([`shape`]), so that a field the fake has no
//! opinion about is present with the value real objects usually have.

use serde_json::{Map, Value, json};

use super::records::{
    Charge, Customer, Dispute, Entitlement, EntitlementSummary, InvoicePayment, PaymentIntent, Price,
    Product, Record, Refund,
};
use super::version::{ApiVersion, shape};

/// A record as the API shows it in `version`, to a key of the mode `livemode`.
pub(crate) fn render(record: &Record, version: ApiVersion, livemode: bool) -> Value {
    let livemode = record.livemode().unwrap_or(livemode);
    match record {
        Record::Product(it) => product(it, version, livemode),
        Record::Price(it) => price(it, version, livemode),
        Record::Customer(it) => customer(it, version),
        Record::Subscription(it) => it.render(version),
        Record::Invoice(it) => it.render(version),
        Record::InvoicePayment(it) => invoice_payment(it),
        Record::PaymentIntent(it) => payment_intent(it, version),
        Record::Charge(it) => charge(it, version),
        Record::Refund(it) => refund(it, version),
        Record::Dispute(it) => dispute(it, version),
        Record::Session(it) => it.render(version),
        Record::Entitlement(it) => entitlement(it, version),
        Record::EntitlementSummary(it) => summary(it, version),
    }
}

/// A half-built object: the field set of its kind, being filled in.
pub(crate) struct Draft(pub(crate) Map<String, Value>);

impl Draft {
    /// The field set of `kind` with its mode and time.
    pub(crate) fn new(version: ApiVersion, kind: &str, livemode: bool, created: i64) -> Self {
        let mut fields = shape(version, kind);
        if let Some(field) = fields.get_mut("livemode") {
            *field = json!(livemode);
        }
        if let Some(field) = fields.get_mut("created") {
            *field = json!(created);
        }
        Self(fields)
    }

    /// Sets fields that the kind has in every version.
    pub(crate) fn set(mut self, fields: Value) -> Self {
        for (name, value) in entries(fields) {
            debug_assert!(self.0.contains_key(&name), "`{name}` is not a field of this kind");
            self.0.insert(name, value);
        }
        self
    }

    /// Sets those of the fields that the kind has in this version.
    pub(crate) fn set_known(mut self, fields: Value) -> Self {
        for (name, value) in entries(fields) {
            if let Some(field) = self.0.get_mut(&name) {
                *field = value;
            }
        }
        self
    }

    /// Adds fields that real objects have and the field set leaves out.
    pub(crate) fn add(mut self, fields: Value) -> Self {
        self.0.extend(entries(fields));
        self
    }

    /// Sets fields inside the object at `name`.
    pub(crate) fn set_in(mut self, name: &str, fields: Value) -> Self {
        if let Some(Value::Object(inner)) = self.0.get_mut(name) {
            inner.extend(entries(fields));
        }
        self
    }

    /// Drops a field that real objects of this kind do not show.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    pub(crate) fn done(self) -> Value {
        Value::Object(self.0)
    }
}

fn entries(fields: Value) -> Map<String, Value> {
    match fields {
        Value::Object(fields) => fields,
        _ => unreachable!("fields are given as an object literal"),
    }
}

/// A list object without paging marks.
pub(crate) fn list(data: Vec<Value>, has_more: bool, url: &str) -> Value {
    let mut list = json!({ "object": "list", "has_more": has_more, "url": url });
    list["data"] = Value::Array(data);
    list
}

/// An address of which the country alone is known.
pub(crate) fn address() -> Value {
    json!({ "city": null, "country": "US", "line1": null, "line2": null, "postal_code": null, "state": null })
}

fn product(it: &Product, version: ApiVersion, livemode: bool) -> Value {
    Draft::new(version, "product", livemode, it.created)
        .set(json!({
            "id": it.id, "name": it.name, "description": null, "active": it.active, "type": "service",
            "default_price": it.default_price, "updated": it.created, "metadata": {},
        }))
        .done()
}

/// A price, as it stands alone and inside items and lines.
pub(crate) fn price(it: &Price, version: ApiVersion, livemode: bool) -> Value {
    let recurring = it.interval.as_ref().map_or(Value::Null, |interval| {
        let mut recurring = shape(version, "price")["recurring"].clone();
        recurring["interval"] = json!(interval);
        recurring
    });
    Draft::new(version, "price", livemode, it.created)
        .set(json!({
            "id": it.id, "product": it.product, "unit_amount": it.amount, "active": it.active,
            "unit_amount_decimal": it.amount.to_string(), "currency": it.currency, "recurring": recurring,
            "type": if it.interval.is_some() { "recurring" } else { "one_time" },
            "lookup_key": it.lookup_key, "metadata": {}, "nickname": null, "tax_behavior": "unspecified",
        }))
        .done()
}

/// The legacy mirror of a recurring price.
pub(crate) fn plan(it: &Price, version: ApiVersion, livemode: bool) -> Value {
    Draft::new(version, "plan", livemode, it.created)
        .set(json!({
            "id": it.id, "amount": it.amount, "amount_decimal": it.amount.to_string(), "currency": it.currency,
            "interval": it.interval, "interval_count": 1, "product": it.product, "metadata": {},
            "active": it.active, "billing_scheme": "per_unit", "usage_type": "licensed", "nickname": null,
        }))
        .done()
}

fn customer(it: &Customer, version: ApiVersion) -> Value {
    Draft::new(version, "customer", it.livemode, it.created)
        .set(json!({
            "id": it.id, "email": it.email, "name": it.name, "currency": null, "metadata": it.metadata,
            "invoice_prefix": it.invoice_prefix, "preferred_locales": ["en-US"], "default_source": null,
        }))
        .done()
}

/// What a read of a deleted customer answers, with status 200.
pub(crate) fn deleted_customer(id: &str) -> Value {
    json!({ "id": id, "object": "customer", "deleted": true })
}

fn invoice_payment(it: &InvoicePayment) -> Value {
    json!({
        "id": it.id, "object": "invoice_payment",
        "amount_paid": if it.status == "paid" { json!(it.amount) } else { Value::Null },
        "amount_requested": it.amount, "created": it.created, "currency": it.currency, "invoice": it.invoice,
        "is_default": true, "livemode": it.livemode,
        "payment": { "payment_intent": it.payment_intent, "type": "payment_intent" }, "status": it.status,
        "status_transitions": { "canceled_at": null, "paid_at": it.paid_at },
    })
}

fn payment_intent(it: &PaymentIntent, version: ApiVersion) -> Value {
    let options = if it.method == "card" {
        json!({ "card": { "installments": null, "mandate_options": null, "network": null,
                          "request_three_d_secure": "automatic" } })
    } else {
        json!({ it.method.as_str(): {} })
    };
    let last_error = it.last_error.as_ref().map_or(Value::Null, |error| {
        let mut shown = json!({ "charge": error.charge, "code": error.code, "message": error.message, "type": error.kind });
        if let Some(decline_code) = &error.decline_code {
            shown["decline_code"] = json!(decline_code);
        }
        shown
    });
    let paid = it.status == "succeeded";
    Draft::new(version, "payment_intent", it.livemode, it.created)
        .set(json!({
            "id": it.id, "amount": it.amount, "currency": it.currency, "customer": it.customer,
            "status": it.status, "canceled_at": null, "amount_received": if paid { it.amount } else { 0 },
            "client_secret": format!("{}_secret_{}", it.id, it.secret), "latest_charge": it.latest_charge,
            "payment_method": it.payment_method, "payment_method_types": [it.method],
            "payment_method_options": options, "last_payment_error": last_error,
            "receipt_email": it.receipt_email, "metadata": {},
            "next_action": if it.status == "requires_action" {
                json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect" } })
            } else {
                Value::Null
            },
        }))
        .set_known(json!({ "invoice": it.invoice }))
        .done()
}

fn charge(it: &Charge, version: ApiVersion) -> Value {
    let succeeded = it.status == "succeeded";
    let failed = it.status == "failed";
    let mut draft = Draft::new(version, "charge", it.livemode, it.created);
    let method = if it.method == "card" {
        let mut method = draft.0["payment_method_details"].clone();
        for (name, value) in entries(json!({
            "last4": "4242", "brand": "visa", "network": "visa", "exp_month": 11, "exp_year": 2031,
            "country": "US", "fingerprint": "9f2c41d7a6b80e35",
        })) {
            method["card"][name.as_str()] = value;
        }
        method
    } else {
        json!({ "sepa_debit": { "bank_code": "37040044", "branch_code": "", "country": "DE",
                                "fingerprint": "a1NwSepa0sandbox", "last4": "3000",
                                "mandate": "mandate_1QNwSepaMandate00R2vT0n" }, "type": "sepa_debit" })
    };
    let mut outcome = if failed && it.method == "card" {
        json!({ "network_status": "declined_by_network", "reason": "insufficient_funds", "risk_level": "normal",
                "risk_score": 31, "seller_message": "The bank returned the decline code `insufficient_funds`.",
                "type": "issuer_declined" })
    } else {
        json!({ "network_status": "approved_by_network", "reason": null, "risk_level": "normal",
                "risk_score": 22, "seller_message": "Payment complete.", "type": "authorized" })
    };
    if version.is_basil() {
        let declined = failed && it.method == "card";
        outcome["advice_code"] = if declined { json!("try_again_later") } else { Value::Null };
        outcome["network_advice_code"] = Value::Null;
        outcome["network_decline_code"] = if declined { json!("51") } else { Value::Null };
    }
    draft = draft
        .set(json!({
            "id": it.id, "amount": it.amount, "amount_captured": if succeeded { it.amount } else { 0 },
            "amount_refunded": it.amount_refunded, "refunded": it.amount_refunded >= it.amount && it.amount > 0,
            "currency": it.currency, "customer": it.customer, "payment_intent": it.payment_intent,
            "captured": !failed || it.method != "card", "paid": succeeded, "status": it.status,
            "payment_method": it.payment_method, "balance_transaction": it.balance_transaction,
            "description": null, "metadata": {}, "payment_method_details": method, "outcome": outcome,
            "receipt_url": it.receipt_token.as_ref().map(|token| format!("https://pay.stripe.com/receipts/payment/{token}")),
            "receipt_email": it.receipt_email, "disputed": it.disputed,
            "failure_code": it.failure.as_ref().map(|failure| &failure.0),
            "failure_message": it.failure.as_ref().map(|failure| &failure.1),
            "calculated_statement_descriptor": "NORTHWIND MAKERS",
        }))
        .set_known(json!({ "invoice": it.invoice }))
        .set_in("billing_details", json!({ "email": it.email, "name": it.name }))
        // Shown on expansion alone since 2022-11-15.
        .without("refunds");
    draft.done()
}

fn refund(it: &Refund, version: ApiVersion) -> Value {
    let destination = if it.method == "card" {
        let mut card = json!({ "reference_status": "pending", "reference_type": "acquirer_reference_number",
                               "type": "refund" });
        if let Some(reference) = &it.reference {
            card["reference"] = json!(reference);
            card["reference_status"] = json!("available");
        }
        json!({ "card": card, "type": "card" })
    } else {
        json!({ "type": it.method })
    };
    let draft = Draft::new(version, "refund", it.livemode, it.created)
        .set(json!({
            "id": it.id, "amount": it.amount, "charge": it.charge, "currency": it.currency, "status": it.status,
            "payment_intent": it.payment_intent, "reason": it.reason, "metadata": {},
            "balance_transaction": it.balance_transaction, "destination_details": destination,
        }))
        .set_known(json!({ "customer": it.customer, "payment_method": it.payment_method }));
    match &it.failure {
        Some((reason, transaction)) => {
            draft.add(json!({ "failure_reason": reason, "failure_balance_transaction": transaction })).done()
        }
        None => draft.done(),
    }
}

fn dispute(it: &Dispute, version: ApiVersion) -> Value {
    let inquiry = it.status.starts_with("warning_");
    let transactions: Vec<Value> = it
        .withdrawn
        .iter()
        .map(|(id, at)| {
            let mut transaction = json!({
                "id": id, "object": "balance_transaction", "amount": -it.amount, "available_on": at, "created": at,
                "currency": it.currency, "description": format!("Chargeback withdrawal for {}", it.charge),
                "exchange_rate": null, "fee": 1500,
                "fee_details": [{ "amount": 1500, "application": null, "currency": it.currency,
                                  "description": "Dispute fee", "type": "stripe_fee" }],
                "net": -it.amount - 1500, "reporting_category": "dispute", "source": it.id,
                "status": "pending", "type": "adjustment",
            });
            if version.is_basil() {
                transaction["balance_type"] = json!("payments");
            }
            transaction
        })
        .collect();
    let mut method = json!({ "card": { "brand": "visa", "network_reason_code": "10.4",
                                       "case_type": if inquiry { "inquiry" } else { "chargeback" } },
                             "type": "card" });
    if version >= ApiVersion::Dahlia {
        method["card"]["network"] = json!("visa");
    }
    let mut evidence = json!({
        "due_by": it.due_by, "past_due": it.past_due, "has_evidence": it.has_evidence,
        "submission_count": i64::from(it.has_evidence),
    });
    if version >= ApiVersion::Endive && it.has_evidence {
        evidence["submission_method"] = json!("manual");
    }
    Draft::new(version, "dispute", it.livemode, it.created)
        .set(json!({
            "id": it.id, "amount": it.amount, "charge": it.charge, "currency": it.currency, "status": it.status,
            "payment_intent": it.payment_intent, "reason": it.reason, "is_charge_refundable": inquiry,
            "metadata": {}, "balance_transactions": transactions, "payment_method_details": method,
        }))
        .set_in("evidence", json!({ "customer_email_address": it.email, "customer_name": it.name }))
        .set_in("evidence_details", evidence)
        .done()
}

fn entitlement(it: &Entitlement, version: ApiVersion) -> Value {
    Draft::new(version, "entitlements.active_entitlement", it.livemode, it.created)
        .set(json!({ "id": it.id, "feature": it.feature, "lookup_key": it.lookup_key }))
        .done()
}

/// At most this many entitlements are inside a summary; the rest must be read.
const SUMMARY_ENTITLEMENTS_MAX: usize = 10;

fn summary(it: &EntitlementSummary, version: ApiVersion) -> Value {
    let data =
        it.entitlements.iter().take(SUMMARY_ENTITLEMENTS_MAX).map(|one| entitlement(one, version)).collect();
    let has_more = it.entitlements.len() > SUMMARY_ENTITLEMENTS_MAX;
    Draft::new(version, "entitlements.active_entitlement_summary", it.livemode, 0)
        .set(json!({
            "customer": it.customer,
            "entitlements": list(data, has_more, &format!("/v1/customer/{}/entitlements", it.customer)),
        }))
        .done()
}
