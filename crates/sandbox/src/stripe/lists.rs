//! Lists of the REST API: their parameters, their filters, their pages.

use crate::call::{Answer, Call};

use super::errors::invalid;
use super::records::Record;

/// Refuses parameters the endpoint does not have; `allowed` covers `name`, `name[…]` and exact forms.
pub(crate) fn known_parameters(call: &Call, allowed: &[&str]) -> Result<(), Answer> {
    for (name, _) in &call.query {
        let root = name.split('[').next().unwrap_or(name);
        let is_known = allowed.iter().any(|known| {
            known == name
                || known.strip_suffix("[]") == Some(root)
                || (*known == root && ["created", "expand"].contains(&root))
        });
        if !is_known {
            let message = format!("Received unknown parameter: {name}");
            return Err(invalid(400, Some("parameter_unknown"), &message, Some(name)));
        }
    }
    Ok(())
}

/// One page: the rows after or before the cursor that are kept, and whether more are left.
///
/// Rows come newest first. `ending_before` gives the rows next to the cursor, so that walking it goes from
/// old to new.
pub(crate) fn paged<T>(
    call: &Call,
    rows: Vec<T>,
    id: impl Fn(&T) -> &str,
    keep: impl Fn(&T) -> bool,
) -> Result<(Vec<T>, bool), Answer> {
    let limit = match call.parameter("limit") {
        None => 10,
        Some(text) => {
            let limit: i64 = text.parse().map_err(|_| {
                invalid(
                    400,
                    Some("parameter_invalid_integer"),
                    &format!("Invalid integer: {text}"),
                    Some("limit"),
                )
            })?;
            if limit > 100 {
                let message =
                    format!("This value must be less than or equal to 100 (it currently is '{limit}').");
                return Err(invalid(400, Some("parameter_invalid_integer"), &message, Some("limit")));
            }
            if limit < 1 {
                let message = "This value must be greater than or equal to 1.";
                return Err(invalid(400, Some("parameter_invalid_integer"), message, Some("limit")));
            }
            usize::try_from(limit).expect("between 1 and 100")
        }
    };
    let place = |name: &str| {
        let Some(cursor) = call.parameter(name) else { return Ok(None) };
        let place = rows.iter().position(|row| id(row) == cursor);
        let message = format!("No such object: '{cursor}'");
        place.map(Some).ok_or_else(|| invalid(400, Some("resource_missing"), &message, Some(name)))
    };
    let (after, before) = (place("starting_after")?, place("ending_before")?);
    if after.is_some() && before.is_some() {
        let message = "You may only specify one of these parameters: starting_after, ending_before.";
        return Err(invalid(400, None, message, None));
    }
    let count = rows.len();
    let mut kept: Vec<T> = match before {
        Some(place) => rows.into_iter().take(place).filter(|row| keep(row)).collect(),
        None => rows
            .into_iter()
            .take(count)
            .skip(after.map_or(0, |place| place + 1))
            .filter(|row| keep(row))
            .collect(),
    };
    let has_more = kept.len() > limit;
    if before.is_some() {
        let surplus = kept.len().saturating_sub(limit);
        kept.drain(..surplus);
    } else {
        kept.truncate(limit);
    }
    Ok((kept, has_more))
}

/// The bounds on `created`, each with its operator.
pub(crate) fn created_range(call: &Call) -> Result<Vec<(String, i64)>, Answer> {
    let mut bounds = Vec::new();
    for (name, value) in &call.query {
        let operator = match name.as_str() {
            "created" => "eq",
            "created[gt]" => "gt",
            "created[gte]" => "gte",
            "created[lt]" => "lt",
            "created[lte]" => "lte",
            name if name.starts_with("created[") => {
                let message = format!("Received unknown parameter: {name}");
                return Err(invalid(400, Some("parameter_unknown"), &message, Some(name)));
            }
            _ => continue,
        };
        let bound = value.parse().map_err(|_| {
            invalid(400, Some("parameter_invalid_integer"), &format!("Invalid integer: {value}"), Some(name))
        })?;
        bounds.push((operator.to_owned(), bound));
    }
    Ok(bounds)
}

pub(crate) fn compare(value: i64, operator: &str, bound: i64) -> bool {
    match operator {
        "gt" => value > bound,
        "gte" => value >= bound,
        "lt" => value < bound,
        "lte" => value <= bound,
        _ => value == bound,
    }
}

/// Whether a record passes one filter; a filter that was not given passes all but ended subscriptions.
pub(crate) fn passes(record: &Record, filter: &str, call: &Call) -> bool {
    if filter.ends_with("[]") {
        let root = filter.trim_end_matches("[]");
        let wanted: Vec<&str> = call
            .query
            .iter()
            .filter(|(name, _)| name.split('[').next() == Some(root) && name.contains('['))
            .map(|it| it.1.as_str())
            .collect();
        return wanted.is_empty()
            || matches!(record, Record::Price(price) if price.lookup_key.as_deref().is_some_and(|key| wanted.contains(&key)));
    }
    let value = call.parameter(filter);
    if let (Record::Subscription(it), "status") = (record, filter) {
        return match value {
            None => it.status != "canceled",
            Some("all") => true,
            Some("ended") => it.is_over(),
            Some(status) => it.status == status,
        };
    }
    let Some(value) = value else { return true };
    let is = |field: &Option<String>| field.as_deref() == Some(value);
    match (record, filter) {
        (Record::Session(it), "customer") => is(&it.customer),
        (Record::Session(it), "payment_intent") => it.mode == "payment" && is(&it.payment_intent),
        (Record::Session(it), "subscription") => is(&it.subscription),
        (Record::Session(it), "status") => it.status == value,
        (Record::Session(it), "customer_details[email]") => is(&it.email),
        (Record::Subscription(it), "customer") => it.customer == value,
        (Record::Subscription(it), "price") => it.items.iter().any(|item| item.price.id == value),
        // Exact, case and all.
        (Record::Customer(it), "email") => is(&it.email),
        (Record::Charge(it), "customer") => is(&it.customer),
        (Record::Charge(it), "payment_intent") => it.payment_intent == value,
        (Record::PaymentIntent(it), "customer") => is(&it.customer),
        (Record::Refund(it), "charge") => it.charge == value,
        (Record::Refund(it), "payment_intent") => it.payment_intent == value,
        (Record::Dispute(it), "charge") => it.charge == value,
        (Record::Dispute(it), "payment_intent") => it.payment_intent == value,
        (Record::Invoice(it), "customer") => it.customer == value,
        (Record::Invoice(it), "subscription") => is(&it.subscription),
        (Record::Invoice(it), "status") => it.status == value,
        (Record::Invoice(_), "collection_method") => value == "charge_automatically",
        (Record::InvoicePayment(it), "invoice") => it.invoice == value,
        (Record::InvoicePayment(it), "status") => it.status == value,
        (Record::InvoicePayment(_), "payment[type]") => value == "payment_intent",
        (Record::InvoicePayment(it), "payment[payment_intent]") => it.payment_intent == value,
        (Record::Product(it), "active") => it.active.to_string() == value,
        (Record::Price(it), "active") => it.active.to_string() == value,
        (Record::Price(it), "product") => it.product == value,
        (Record::Price(it), "type") => {
            (if it.interval.is_some() { "recurring" } else { "one_time" }) == value
        }
        (Record::Price(it), "currency") => it.currency == value,
        (Record::Entitlement(it), "customer") => it.customer == value,
        _ => false,
    }
}
