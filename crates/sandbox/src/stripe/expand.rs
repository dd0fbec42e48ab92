//! Expansion: objects in the place of their ids, and lists that are shown on request alone.
//!
//! Source: Stripe API reference, "Expanding responses".

use serde_json::Value;

use crate::call::Answer;

use super::Stripe;
use super::errors::invalid;
use super::reads::{Caller, line_items};
use super::records::Record;
use super::render::{deleted_customer, list, render};
use super::render_billing::INSIDE_MAX;

impl Stripe {
    /// Replaces ids by their objects along a path such as `data.subscription`.
    pub(crate) fn expand(
        &self,
        value: &mut Value,
        steps: &[&str],
        whole: &str,
        caller: &Caller,
    ) -> Result<(), Answer> {
        let Some((step, rest)) = steps.split_first() else { return Ok(()) };
        if let Value::Array(rows) = value {
            return rows.iter_mut().try_for_each(|row| self.expand(row, steps, whole, caller));
        }
        let refused = || {
            let message = format!("This property cannot be expanded ({whole}).");
            invalid(400, None, &message, Some("expand"))
        };
        let kind = value["object"].as_str().unwrap_or_default().to_owned();
        let id = value["id"].as_str().unwrap_or_default().to_owned();
        let (now, lag, version, livemode) = (caller.now, caller.lag, caller.version, caller.livemode());
        let of_this = |kind: &str, url: &str, belongs: &dyn Fn(&Record) -> bool| {
            let rows = self.ledger.list(kind, now, lag).into_iter().filter(|record| belongs(record));
            list(rows.map(|record| render(record, version, livemode)).collect(), false, url)
        };
        let added = match (kind.as_str(), *step) {
            ("checkout.session", "line_items") => {
                let Some(Record::Session(session)) = self.ledger.read(&id, now, lag) else {
                    return Err(refused());
                };
                let mut rows = line_items(session, caller);
                let has_more = rows.len() > INSIDE_MAX;
                rows.truncate(INSIDE_MAX);
                Some(list(rows, has_more, &format!("/v1/checkout/sessions/{id}/line_items")))
            }
            ("charge", "refunds") => Some(of_this(
                "refund",
                &format!("/v1/charges/{id}/refunds"),
                &|record| matches!(record, Record::Refund(refund) if refund.charge == id),
            )),
            ("invoice", "payments") if version.is_basil() => Some(of_this(
                "invoice_payment",
                "/v1/invoice_payments",
                &|record| matches!(record, Record::InvoicePayment(payment) if payment.invoice == id),
            )),
            _ => None,
        };
        if let Some(added) = added {
            value[*step] = added;
        }
        let inner = value.get_mut(*step).ok_or_else(refused)?;
        if let Some(id) = inner.as_str() {
            match self.ledger.read(id, now, lag) {
                Some(Record::Customer(customer)) if customer.deleted => {
                    *inner = deleted_customer(&customer.id);
                }
                Some(record) => *inner = render(record, version, livemode),
                None => return Err(refused()),
            }
        }
        if inner.is_null() { Ok(()) } else { self.expand(inner, rest, whole, caller) }
    }
}
