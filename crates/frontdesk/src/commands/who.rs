//! Whom an operator means: by address, our id, any id of a provider, an event, or a case number.

use super::desk::Desk;
use crate::assemble::store_failed;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use frontdesk_core::email::Email;
use frontdesk_core::id::{CustomerId, EntryId};
use frontdesk_store::{EntryFilter, Error};
use serde_json::json;
use std::collections::BTreeSet;

/// Customers of whom a list of several shows at most.
const SEVERAL_MAX: u32 = 20;

/// Who was meant.
pub(super) enum Meant {
    /// This one.
    One(CustomerId),
    /// Several fit; they were listed, and the command ends so.
    Several(Exit),
}

/// Finds the one who is meant, or lists those who fit.
///
/// # Errors
///
/// When nobody fits.
pub(super) async fn meant(typed: &str, desk: &Desk, printer: &mut Printer) -> Result<Meant, Failure> {
    perhaps_meant(typed, desk, printer).await?.ok_or_else(|| nobody(typed))
}

/// The same; `None` when nobody fits.
pub(super) async fn perhaps_meant(
    typed: &str,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<Option<Meant>, Failure> {
    let found = find(typed.trim(), desk).await.map_err(|error| store_failed(&error))?;
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => Ok(Some(Meant::One(one))),
        (Some(first), Some(second)) => {
            let all: Vec<_> = [first, second].into_iter().chain(found).collect();
            list(typed, &all, desk, printer).await.map(|exit| Some(Meant::Several(exit)))
        }
    }
}

/// That nobody fits.
pub(super) fn nobody(typed: &str) -> Failure {
    let hint = "give an address, an id (fdc_…, cus_…, sub_…, cs_…, pi_…, in_…, evt_…) or a case (FD-1001), whole or its \
                beginning";
    Report::error(Code::NotFound, format!("no customer matches `{typed}`")).hint(hint).into()
}

async fn find(typed: &str, desk: &Desk) -> Result<BTreeSet<CustomerId>, Error> {
    let store = desk.engine.store();
    if let Some(number) = case_number(typed) {
        let case = store.case(number).await?;
        return Ok(case.map(|(case, _)| case.customer).into_iter().collect());
    }
    let found: BTreeSet<_> = store.find_customers(typed, SEVERAL_MAX).await?.into_iter().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    if let Some(address) = Email::parse(typed) {
        // Their second address, by which a target knows them.
        let known = desk.engine.known_at(&address).await?;
        if !known.is_empty() {
            return Ok(known);
        }
    }
    let source = desk.engine.settings().source.id.clone();
    let entry = match store.journal_entry(&EntryId::new(typed)).await? {
        Some(stored) => Some(stored.entry),
        None => store.journal_by_key(&source, typed).await?,
    };
    if let Some(customer) = entry.and_then(|entry| entry.customer) {
        return Ok([customer].into());
    }
    let filter = EntryFilter { object_id: Some(typed.to_owned()), ..EntryFilter::default() };
    let about = store.journal_list(&filter, None, SEVERAL_MAX).await?;
    Ok(about.into_iter().filter_map(|entry| entry.customer).collect())
}

/// The number in `FD-1001`, in any case, or in `#1001`.
pub(super) fn case_number(typed: &str) -> Option<u64> {
    let digits = typed
        .get(..3)
        .filter(|lead| lead.eq_ignore_ascii_case("fd-"))
        .map(|_| &typed[3..])
        .or_else(|| typed.strip_prefix('#'))?;
    digits.parse().ok()
}

async fn list(typed: &str, all: &[CustomerId], desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    let mut items = Vec::new();
    for customer in all {
        let view = desk.engine.view(customer).await.map_err(|error| store_failed(&error))?;
        let Some(view) = view else { continue };
        let address = view.access_address().map(|address| address.as_str().to_owned());
        let stage = view.headline().map(|of| of.stage.as_str().to_owned());
        items.push(json!({ "customer": customer, "address": address, "stage": stage }));
        rows.push(vec![
            customer.to_string(),
            address.unwrap_or_else(|| "–".to_owned()),
            stage.unwrap_or_else(|| "–".to_owned()),
        ]);
    }
    printer.note(&format!("several customers match `{typed}`: name one by its id"));
    printer.table(&["customer", "address", "stage"], rows)?;
    printer.json(&json!({ "matches": items }))?;
    Ok(Exit::Found)
}

#[cfg(test)]
mod tests {
    use super::case_number;

    #[test]
    fn a_case_is_meant_by_its_number_alone() {
        let rows = [
            ("FD-1001", Some(1001)),
            ("fd-7", Some(7)),
            ("#7", Some(7)),
            ("FD-", None),
            ("1001", None),
            ("fdc_1", None),
            ("é", None),
        ];
        for (typed, number) in rows {
            assert_eq!(case_number(typed), number, "{typed}");
        }
    }
}
