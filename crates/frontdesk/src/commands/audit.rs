//! `frontdesk audit verify`: the audit chains, the balance of the journal, and the record against a fresh decision.

use super::desk::Desk;
use crate::assemble::store_failed;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Subcommand;
use frontdesk_core::stage::StageOf;
use frontdesk_engine::promises;
use frontdesk_engine::subject::summary;
use frontdesk_store::Error;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Customers that one page reads.
const PAGE: u32 = 200;

/// What to do.
#[derive(Clone, Debug, Subcommand, Serialize, Deserialize)]
pub enum Action {
    /// Verify the audit log, the journal and the record; exits with 2 if anything is wrong
    Verify {
        /// Check every promise that the database can be asked about as well, and print the number of a broken one.
        /// Reads the whole journal
        #[arg(long)]
        all: bool,
    },
}

pub(super) async fn run(action: &Action, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    match action {
        Action::Verify { all } => verify(desk, *all, printer).await,
    }
}

async fn verify(desk: &Desk, all: bool, printer: &mut Printer) -> Result<Exit, Failure> {
    let store = desk.engine.store();
    let audit = store.audit_verify().await.map_err(|error| store_failed(&error))?;
    let balance = store.balance().await.map_err(|error| store_failed(&error))?;
    let (customers, stale) = records(desk).await.map_err(|error| store_failed(&error))?;
    let mut problems: Vec<String> = audit.broken.iter().map(|broken| format!("audit: {broken:?}")).collect();
    if !balance.holds() {
        problems.push(format!("journal: {} entries are not in exactly one state each", balance.rows));
    }
    problems.extend(
        stale.iter().map(|customer| {
            format!("record: what is shown of `{customer}` is not what follows from its facts")
        }),
    );
    let broken =
        if all { promises::verify(store).await.map_err(|error| store_failed(&error))? } else { Vec::new() };
    problems.extend(broken.iter().map(|broken| format!("promise {}: {}", broken.promise, broken.what)));
    printer.text(&format!(
        "audit log  chains: {}, entries: {}, checkpoints: {}\n\
         journal    entries: {}, {} with effect, {} without, {} waiting, {} failed, {} quarantined\n\
         record     customers decided again: {customers}",
        audit.chains,
        audit.entries,
        audit.checkpoints,
        balance.rows,
        balance.effect,
        balance.no_effect,
        balance.pending,
        balance.failed,
        balance.quarantined,
    ))?;
    if all {
        for (promise, says) in promises::CHECKED {
            let holds = broken.iter().all(|broken| broken.promise != promise);
            let verdict = if holds { "holds" } else { "BROKEN" };
            printer.text(&format!("promise    {promise:<4} {verdict}: {says}"))?;
        }
    }
    for problem in &problems {
        printer.text(problem)?;
    }
    printer.text(if problems.is_empty() {
        "all of it holds"
    } else {
        "this does not hold; keep a copy of the database before anything else"
    })?;
    printer.json(&json!({
        "ok": problems.is_empty(),
        "problems": problems,
        "audit": { "chains": audit.chains, "entries": audit.entries, "checkpoints": audit.checkpoints },
        "journal": {
            "entries": balance.rows, "effect": balance.effect, "no_effect": balance.no_effect, "pending": balance.pending,
            "failed": balance.failed, "quarantined": balance.quarantined, "balances": balance.holds(),
        },
        "record": { "customers": customers, "stale": stale },
        "promises": all.then(|| promises::CHECKED.map(|(promise, _)| json!({
            "promise": promise,
            "broken": broken.iter().filter(|broken| broken.promise == promise).map(|broken| &broken.what).collect::<Vec<_>>(),
        }))),
    }))?;
    Ok(if problems.is_empty() { Exit::Done } else { Exit::Found })
}

/// How many customers there are, and those whose stored stages are not what a fresh decision gives. A customer who is
/// due to be looked at anyway is not counted against us.
async fn records(desk: &Desk) -> Result<(u64, Vec<String>), Error> {
    let (mut count, mut stale, mut after) = (0, Vec::new(), None);
    loop {
        let page = desk.engine.store().customers(None, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok((count, stale)) };
        after = Some(last.id.clone());
        for row in page {
            count += 1;
            let Some(view) = desk.engine.view(&row.id).await? else { continue };
            let is_due = row.next_wake_at.is_some_and(|at| at <= view.as_of);
            let stored = essence(&summary(&view.row).stages);
            if !is_due && stored != essence(&view.decision.stages) {
                stale.push(row.id.to_string());
            }
        }
    }
}

/// What a customer sees, but for when it is next tried and which case is open: those change without a decision.
fn essence(stages: &[StageOf]) -> Vec<(String, String, &'static str)> {
    let of = |of: &StageOf| {
        let entitlement = of.entitlement.as_ref().map(ToString::to_string).unwrap_or_default();
        (entitlement, of.journey.clone(), of.stage.as_str())
    };
    stages.iter().map(of).collect()
}
