//! `frontdesk sync sweep`, `findings` and `forecast`: the lists of the targets beside our records, what came of it,
//! and what the accounts can still do.

use super::desk::Desk;
use super::wording;
use crate::assemble::store_failed;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use frontdesk_core::sweep::FindingKind;
use frontdesk_core::target::Target;
use frontdesk_store::Finding;
use serde_json::{Value, json};

/// What a finding means, in a few words.
const fn says(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Missing => "pays and was missing: put back",
        FindingKind::TakenOut => "pays and was taken out by a person: left, with a case",
        FindingKind::Idle => "pays and nothing worked at it: looked at",
        FindingKind::Lingering => "no longer pays and was still in: to be taken out",
        FindingKind::Unsupported => "has it, and no payment gives it: left",
    }
}

/// Asks for a sweep of one target, or of all.
pub(super) async fn ask(
    target: Option<Target>,
    accept: bool,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let targets: Vec<_> = desk
        .engine
        .settings()
        .targets
        .keys()
        .copied()
        .filter(|known| target.is_none_or(|target| target == *known))
        .collect();
    if targets.is_empty() {
        let report = Report::error(Code::NotFound, "no such target is configured");
        return Err(report.hint("`[targets.circle]` or `[targets.kit]` in the configuration").into());
    }
    let mut items = Vec::new();
    for target in targets {
        desk.engine.want_sweep(target, accept).await.map_err(|error| store_failed(&error))?;
        let forecast = desk.engine.forecast(target).await.map_err(|error| store_failed(&error))?;
        printer.text(&format!(
            "{} is swept as soon as nothing more urgent is due; it costs about {} calls",
            target.title(),
            forecast.sweep_costs
        ))?;
        items.push(json!({ "target": target, "costs": forecast.sweep_costs }));
    }
    printer.note("`frontdesk sync findings` shows what came of it; a Frontdesk must be running");
    printer.json(&json!({ "sweeps": items }))?;
    Ok(Exit::Done)
}

/// Shows how far the sweeps have come and what they found.
pub(super) async fn findings(
    target: Option<Target>,
    all: bool,
    limit: u32,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let store = desk.engine.store();
    let found = store.findings(target, None, all, limit).await.map_err(|error| store_failed(&error))?;
    let counts = store.finding_counts().await.map_err(|error| store_failed(&error))?;
    if found.is_empty() {
        printer.note(if all { "nothing was ever found" } else { "no finding is open" });
    }
    let shown = found.iter().map(|finding| {
        vec![
            finding.target.to_string(),
            says(finding.kind).to_owned(),
            finding.item.as_ref().map_or_else(|| "–".to_owned(), wording::item),
            who(finding),
            desk.when(finding.first_at),
            finding.times.to_string(),
        ]
    });
    printer.table(&["target", "finding", "what", "who", "first found", "times"], shown)?;
    let mut sweeps = Vec::new();
    for target in desk.engine.settings().targets.keys() {
        let swept = desk.engine.swept(*target).await.map_err(|error| store_failed(&error))?;
        let last = match &swept.last {
            Some(last) => format!("last swept {}, {} calls", desk.when(last.began_at), last.calls),
            None => "never swept".to_owned(),
        };
        let now = match (&swept.running, &swept.failed) {
            (_, Some(failed)) => {
                format!("; does not get on: {}; next try {}", failed.why, desk.when(failed.again_at))
            }
            (Some(running), None) => format!("; under way since {}", desk.when(running.began_at)),
            (None, None) => String::new(),
        };
        printer.note(&format!("{}: {last}{now}", target.title()));
        sweeps.push(json!({ "target": target, "swept": swept }));
    }
    let misses: i64 =
        counts.iter().filter(|((_, kind), _)| kind.is_miss()).map(|(_, count)| count.times).sum();
    printer.note(&format!("missed by events and found by sweeps, ever: {misses}"));
    let items: Vec<_> = found.iter().map(document).collect();
    let counted: Vec<_> = counts
        .iter()
        .map(|((target, kind), count)| {
            json!({ "target": target, "kind": kind, "open": count.open, "times": count.times })
        })
        .collect();
    printer.json(&json!({ "findings": items, "counts": counted, "misses": misses, "sweeps": sweeps }))?;
    let stands = found.iter().any(|finding| finding.closed_at.is_none());
    Ok(if stands { Exit::Found } else { Exit::Done })
}

/// Shows what the accounts can still do, and how long a number of buyers takes.
pub(super) async fn forecast(buyers: u64, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let mut items = Vec::new();
    for target in desk.engine.settings().targets.keys() {
        let forecast = desk.engine.forecast(*target).await.map_err(|error| store_failed(&error))?;
        printer.text(&forecast.line(desk.now()))?;
        items.push(forecast);
    }
    let drain = desk.engine.forecast_drain(buyers).await.map_err(|error| store_failed(&error))?;
    if let Some(drain) = &drain {
        printer.text(&drain.to_string())?;
    }
    printer.json(&json!({ "targets": items, "drain": drain }))?;
    Ok(Exit::Done)
}

fn who(finding: &Finding) -> String {
    let address = finding.address.as_ref().map(|address| address.as_str().to_owned());
    let member = finding.member.map(|id| format!("member {id}"));
    let customer = finding.customer.as_ref().map(|customer| format!("({customer})"));
    let named = address.or(member).unwrap_or_else(|| "–".to_owned());
    customer.map_or_else(|| named.clone(), |customer| format!("{named} {customer}"))
}

fn document(finding: &Finding) -> Value {
    json!({
        "target": finding.target, "kind": finding.kind, "item": finding.item, "member": finding.member,
        "customer": finding.customer, "address": finding.address, "first_at": finding.first_at,
        "last_at": finding.last_at, "times": finding.times, "closed_at": finding.closed_at,
    })
}
