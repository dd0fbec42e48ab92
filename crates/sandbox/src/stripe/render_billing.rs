//! Objects as JSON in a chosen API version: subscriptions, invoices and Checkout sessions, whose shapes moved
//! most between versions.

use serde_json::{Value, json};

use super::records::{Invoice, InvoiceLine, Item, Session, SessionLine, Subscription};
use super::render::{Draft, address, list, plan, price};
use super::version::{ApiVersion, shape};

/// Items and line items shown inside an object; the rest must be read from their own list.
///
/// Source: Stripe API reference, "The Subscription object" and "Retrieve a Checkout Session's line items".
pub(crate) const INSIDE_MAX: usize = 10;

impl Item {
    pub(crate) fn render(&self, subscription: &str, version: ApiVersion, livemode: bool) -> Value {
        let draft = Draft::new(version, "subscription_item", livemode, self.created)
            .set(json!({
                "id": self.id, "price": price(&self.price, version, livemode),
                "plan": plan(&self.price, version, livemode), "quantity": self.quantity,
                "subscription": subscription, "discounts": [], "tax_rates": [], "metadata": {},
                "billing_thresholds": null,
            }))
            .set_known(json!({
                "current_period_start": self.period_start, "current_period_end": self.period_end,
                "current_trial": self.trial_offer.as_ref().map(|offer| json!({
                    "trial_offer": offer.id, "start_date": offer.start, "end_date": offer.end,
                })),
            }));
        draft.done()
    }
}

impl Subscription {
    pub(crate) fn render(&self, version: ApiVersion) -> Value {
        let data: Vec<Value> = self
            .items
            .iter()
            .take(INSIDE_MAX)
            .map(|item| item.render(&self.id, version, self.livemode))
            .collect();
        let mut items = list(
            data,
            self.items.len() > INSIDE_MAX,
            &format!("/v1/subscription_items?subscription={}", self.id),
        );
        items["total_count"] = json!(self.items.len());
        let mut options = json!({
            "acss_debit": null, "bancontact": null,
            "card": { "network": null, "request_three_d_secure": "automatic" }, "customer_balance": null,
            "konbini": null, "sepa_debit": null, "us_bank_account": null,
        });
        let mut draft = Draft::new(version, "subscription", self.livemode, self.created);
        if version >= ApiVersion::Dahlia {
            for name in ["payto", "pix", "upi"] {
                options[name] = Value::Null;
            }
            draft = draft.set(json!({
                "billing_schedules": [],
                "invoice_settings": { "account_tax_ids": null, "custom_fields": null, "description": null,
                                      "footer": null, "issuer": { "type": "self" } },
            }));
        }
        draft = draft
            .set(json!({
                "id": self.id, "customer": self.customer, "status": self.status, "start_date": self.created,
                "billing_cycle_anchor": self.anchor, "cancel_at": self.cancel_at,
                "cancel_at_period_end": self.cancel_at_period_end, "canceled_at": self.canceled_at,
                "ended_at": self.ended_at, "currency": self.currency,
                "next_pending_invoice_item_invoice": null, "metadata": self.metadata,
                "trial_start": self.trial.map(|trial| trial.0), "trial_end": self.trial.map(|trial| trial.1),
                "items": items, "latest_invoice": self.latest_invoice,
                "default_payment_method": self.payment_method,
                "pause_collection": self.pause_collection.as_ref().map(|pause| json!({
                    "behavior": pause.behavior, "resumes_at": pause.resumes_at,
                })),
                "payment_settings": { "payment_method_options": options, "payment_method_types": null,
                                      "save_default_payment_method": "off" },
            }))
            .set_in(
                "cancellation_details",
                json!({
                    "comment": self.cancellation.comment, "feedback": self.cancellation.feedback,
                    "reason": self.cancellation.reason,
                }),
            )
            .set_known(json!({
                "current_period_start": self.period_start(), "current_period_end": self.period_end(),
                "billing_mode": if self.flexible {
                    json!({ "flexible": { "proration_discounts": "included" }, "type": "flexible",
                            "updated_at": self.created })
                } else {
                    json!({ "flexible": null, "type": "classic" })
                },
            }));
        if let Some(Value::Object(end)) =
            draft.0.get_mut("trial_settings").and_then(|it| it.get_mut("end_behavior"))
        {
            end.insert("missing_payment_method".to_owned(), json!(self.missing_payment_method));
        }
        // Undocumented mirrors that real bodies still carry on subscriptions of one item.
        if let [item] = self.items.as_slice() {
            draft = draft.add(json!({
                "plan": plan(&item.price, version, self.livemode), "quantity": item.quantity,
            }));
        }
        match &self.paused {
            Some(paused) if version >= ApiVersion::Endive => match &paused.reason {
                Some(reason) => draft.add(json!({ "status_details": { "paused": {
                    "subscription": { "type": reason }, "transitioned_at": paused.at, "type": "subscription",
                } } })),
                None => draft,
            },
            _ => draft,
        }
        .done()
    }
}

impl InvoiceLine {
    fn render(&self, invoice: &Invoice, version: ApiVersion) -> Value {
        let subscription = &invoice.subscription;
        let credited = json!({ "credited_items": null });
        let draft = Draft::new(version, "line_item", invoice.livemode, invoice.created).set(json!({
            "id": self.id, "amount": self.amount, "currency": invoice.currency, "description": self.description,
            "discount_amounts": [], "discountable": !self.proration, "discounts": [], "invoice": invoice.id,
            "metadata": {}, "period": { "start": self.period.0, "end": self.period.1 },
            "quantity": self.quantity, "subscription": subscription,
        }));
        if version.is_basil() {
            let parent = match &self.invoice_item {
                Some(item) => json!({
                    "invoice_item_details": { "invoice_item": item, "proration": self.proration,
                                              "proration_details": credited, "subscription": subscription },
                    "subscription_item_details": null, "type": "invoice_item_details",
                }),
                None => json!({
                    "invoice_item_details": null,
                    "subscription_item_details": { "invoice_item": null, "proration": false,
                                                   "proration_details": credited, "subscription": subscription,
                                                   "subscription_item": self.subscription_item },
                    "type": "subscription_item_details",
                }),
            };
            draft
                .set(json!({
                    "parent": parent, "pretax_credit_amounts": [], "taxes": [],
                    "pricing": { "price_details": { "price": self.price.id, "product": self.price.product },
                                 "type": "price_details",
                                 "unit_amount_decimal": self.price.amount.to_string() },
                }))
                .set_known(json!({ "subtotal": self.amount, "quantity_decimal": self.quantity.to_string() }))
                .done()
        } else {
            let plan = if self.price.interval.is_some() {
                plan(&self.price, version, invoice.livemode)
            } else {
                Value::Null
            };
            let draft = draft
                .set(json!({
                    "price": price(&self.price, version, invoice.livemode), "plan": plan,
                    "proration": self.proration, "proration_details": credited,
                    "type": if self.invoice_item.is_some() { "invoiceitem" } else { "subscription" },
                    "amount_excluding_tax": self.amount, "unit_amount_excluding_tax": self.price.amount.to_string(),
                    "tax_amounts": [], "tax_rates": [], "invoice_item": self.invoice_item,
                }))
                .add(json!({ "subscription_item": self.subscription_item }));
            if self.invoice_item.is_some() { draft.done() } else { draft.without("invoice_item").done() }
        }
    }
}

impl Invoice {
    /// What is still owed.
    pub(crate) fn remaining(&self) -> i64 {
        self.amount_due - self.amount_paid
    }

    pub(crate) fn render(&self, version: ApiVersion) -> Value {
        let lines: Vec<Value> =
            self.lines.iter().take(INSIDE_MAX).map(|line| line.render(self, version)).collect();
        let mut lines =
            list(lines, self.lines.len() > INSIDE_MAX, &format!("/v1/invoices/{}/lines", self.id));
        lines["total_count"] = json!(self.lines.len());
        let mode = if self.livemode { "live" } else { "test" };
        let hosted = format!("acct_1Northwind/{mode}_{}", self.hosted_token);
        let draft = Draft::new(version, "invoice", self.livemode, self.created).set(json!({
            "id": self.id, "account_country": "US", "account_name": "Northwind Makers",
            "amount_due": self.amount_due, "amount_paid": self.amount_paid, "amount_remaining": self.remaining(),
            "attempt_count": self.attempt_count, "attempted": self.attempt_count > 0,
            "auto_advance": self.status == "open", "billing_reason": self.billing_reason,
            "currency": self.currency, "customer": self.customer, "customer_email": self.customer_email,
            "customer_name": self.customer_name, "due_date": null, "effective_at": self.finalized_at,
            "lines": lines, "next_payment_attempt": self.next_attempt, "number": self.number,
            "period_start": self.period_start, "period_end": self.period_start, "status": self.status,
            "subtotal": self.amount_due, "subtotal_excluding_tax": self.amount_due, "total": self.amount_due,
            "total_excluding_tax": self.amount_due, "webhooks_delivered_at": self.created,
            "starting_balance": 0, "ending_balance": 0,
            "hosted_invoice_url": format!("https://invoice.stripe.com/i/{hosted}"),
            "invoice_pdf": format!("https://pay.stripe.com/invoice/{hosted}/pdf"),
            "status_transitions": { "finalized_at": self.finalized_at, "paid_at": self.paid_at,
                                    "marked_uncollectible_at": self.uncollectible.as_ref().map(|it| it.0),
                                    "voided_at": self.voided_at },
        }));
        let draft = match &self.uncollectible {
            Some((_, reason)) if version >= ApiVersion::Endive => {
                draft.add(json!({ "status_details": { "uncollectible": { "reason": reason } } }))
            }
            _ => draft,
        };
        if version.is_basil() {
            let parent = self.subscription.as_ref().map(|id| {
                json!({
                    "quote_details": null, "type": "subscription_details",
                    "subscription_details": { "metadata": self.subscription_metadata, "subscription": id },
                })
            });
            draft
                .set(json!({ "parent": parent, "total_pretax_credit_amounts": [], "total_taxes": [] }))
                .without("subscription")
                .done()
        } else {
            draft
                .set(json!({
                    "subscription": self.subscription, "paid": self.status == "paid",
                    "payment_intent": self.payment_intent, "charge": self.charge,
                    "subscription_details": { "metadata": self.subscription_metadata }, "tax": null,
                    "total_tax_amounts": [],
                }))
                .done()
        }
    }
}

impl SessionLine {
    pub(crate) fn render(&self, version: ApiVersion, livemode: bool) -> Value {
        Draft::new(version, "item", livemode, 0)
            .set(json!({
                "id": self.id, "amount_discount": 0, "amount_subtotal": self.amount, "amount_tax": 0,
                "amount_total": self.amount, "currency": self.price.currency,
                "description": self.price.product_name, "price": price(&self.price, version, livemode),
                "quantity": self.quantity,
            }))
            .set_known(json!({ "metadata": {}, "adjustable_quantity": null }))
            .done()
    }
}

/// How long a session stays open.
const SESSION_OPEN_SECONDS: i64 = 86_400;

impl Session {
    /// The session without its line items, which Stripe shows on expansion alone.
    pub(crate) fn render(&self, version: ApiVersion) -> Value {
        let amount: i64 = self.lines.iter().map(|line| line.amount).sum();
        let details = match &self.email {
            Some(email) => {
                let mut details = shape(version, "checkout.session")["customer_details"].clone();
                if !details.is_object() {
                    details = json!({});
                }
                details["email"] = json!(email);
                details["name"] = json!(self.name);
                details["phone"] = Value::Null;
                details["tax_exempt"] = json!("none");
                details["tax_ids"] = json!([]);
                details["address"] = address();
                details
            }
            None => Value::Null,
        };
        let is_payment = self.mode == "payment";
        Draft::new(version, "checkout.session", self.livemode, self.created)
            .set(json!({
                "id": self.id, "mode": self.mode, "amount_subtotal": amount, "amount_total": amount,
                "currency": self.currency, "customer": self.customer,
                "payment_intent": if is_payment { json!(self.payment_intent) } else { Value::Null },
                "subscription": self.subscription, "invoice": self.invoice, "status": self.status,
                "payment_status": self.payment_status, "payment_method_types": self.methods,
                "client_reference_id": self.client_reference_id, "metadata": self.metadata,
                "customer_email": null, "customer_details": details,
                "customer_creation": self.customer_creation,
                "expires_at": self.created + SESSION_OPEN_SECONDS,
                "url": if self.status == "open" {
                    json!(format!("https://checkout.stripe.com/c/pay/{}", self.id))
                } else {
                    Value::Null
                },
                "success_url": "https://join.example.com/thanks?session_id={CHECKOUT_SESSION_ID}",
                "cancel_url": "https://join.example.com/pricing", "locale": "auto",
                "payment_method_collection": self.payment_method_collection,
                "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
                "payment_method_options": if self.methods.iter().any(|method| method == "card") {
                    json!({ "card": { "request_three_d_secure": "automatic" } })
                } else {
                    json!({})
                },
                "invoice_creation": if is_payment {
                    json!({ "enabled": false, "invoice_data": {
                        "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null,
                        "issuer": null, "metadata": {}, "rendering_options": null,
                    } })
                } else {
                    Value::Null
                },
                "saved_payment_method_options": if self.customer.is_some() {
                    json!({ "allow_redisplay_filters": ["always"], "payment_method_remove": "disabled",
                            "payment_method_save": null })
                } else {
                    Value::Null
                },
            }))
            .done()
    }
}
