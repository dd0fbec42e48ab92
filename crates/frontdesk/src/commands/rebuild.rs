//! `frontdesk rebuild --check`: the record derived again from the journal, and compared with what is stored.

use super::desk::Desk;
use crate::assemble::store_failed;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Args;
use frontdesk_engine::rebuild::{Difference, Rebuilt};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What it takes.
#[derive(Clone, Copy, Debug, Args, Serialize, Deserialize)]
pub struct Arguments {
    /// Compare and change nothing; exits with 2 if anything differs
    #[arg(long, required = true)]
    check: bool,
}

pub(super) async fn run(_: &Arguments, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let store = desk.engine.store();
    let rebuilt = Rebuilt::from_journal(store).await.map_err(|error| store_failed(&error))?;
    let stored = store.derived_hash().await.map_err(|error| store_failed(&error))?;
    let derived = rebuilt.hash();
    let difference = if stored == derived {
        None
    } else {
        rebuilt.first_difference(store).await.map_err(|error| store_failed(&error))?
    };
    let (entries, customers) = (rebuilt.entries, rebuilt.records.len());
    printer.text(&format!("applied entries: {entries}, customers: {customers}"))?;
    let said = difference.as_ref().map(said);
    match &said {
        None => printer.text(&format!("what is stored is what the journal says ({})", &derived[..16]))?,
        Some(said) => printer.text(&format!("the first difference: {said}"))?,
    }
    printer.json(&json!({
        "ok": said.is_none(), "entries": entries, "customers": customers, "derived": derived, "stored": stored,
        "first_difference": said,
    }))?;
    Ok(if said.is_none() { Exit::Done } else { Exit::Found })
}

fn said(difference: &Difference) -> String {
    match difference {
        Difference::Missing(customer) => format!("the journal makes `{customer}`, who is not stored"),
        Difference::Extra(customer) => format!("`{customer}` is stored, and the journal does not make them"),
        Difference::Ties(customer) => format!("the handles of `{customer}` are others than the journal says"),
        Difference::Fact(customer, key) => {
            format!("`{key}` of `{customer}` is stored otherwise than the journal says")
        }
    }
}
