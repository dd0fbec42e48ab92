//! `frontdesk case`: support cases, and closing one by hand.

use super::desk::Desk;
use super::who::case_number;
use super::wording;
use crate::assemble::store_failed;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Subcommand;
use frontdesk_core::case::CaseKind;
use frontdesk_engine::acts::Acted;
use frontdesk_store::{Case, CaseFilter, CaseNote, CaseState};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What to do.
#[derive(Clone, Debug, Subcommand, Serialize, Deserialize)]
pub enum Action {
    /// List the open cases, newest first
    List {
        /// Of this kind alone: billing, access, identity, delivery or other
        #[arg(long, value_name = "KIND", value_parser = kind)]
        kind: Option<CaseKind>,
        /// Closed ones as well
        #[arg(long)]
        all: bool,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: u32,
    },
    /// Show one case with its notes
    Show {
        /// Its number: FD-1001
        #[arg(value_name = "CASE")]
        number: String,
    },
    /// Close one case; it opens again by itself when its reason changes
    Close {
        /// Its number: FD-1001
        #[arg(value_name = "CASE")]
        number: String,
        /// Who closes it
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Why
        #[arg(long = "reason", alias = "why", value_name = "TEXT")]
        why: String,
    },
}

fn kind(text: &str) -> Result<CaseKind, String> {
    CaseKind::parse(text).ok_or_else(|| "billing, access, identity, delivery or other".to_owned())
}

pub(super) async fn run(action: &Action, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    match action {
        Action::List { kind, all, limit } => list(*kind, *all, *limit, desk, printer).await,
        Action::Show { number } => show(number, desk, printer).await,
        Action::Close { number, by, why } => close(number, by, why, desk, printer).await,
    }
}

async fn list(
    kind: Option<CaseKind>,
    all: bool,
    limit: u32,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let filter = CaseFilter { state: (!all).then_some(CaseState::Open), kind };
    let found =
        desk.engine.store().cases(&filter, None, limit).await.map_err(|error| store_failed(&error))?;
    if found.is_empty() {
        printer.note(if all { "there is no case" } else { "no case is open" });
    } else {
        let mut rows = Vec::new();
        for case in &found {
            let view = desk.engine.view(&case.customer).await.map_err(|error| store_failed(&error))?;
            let address = view.and_then(|view| view.access_address());
            let about = address.map_or_else(|| "no address".to_owned(), |known| known.as_str().to_owned());
            let cells = vec![
                format!("FD-{}", case.number),
                case.kind.to_string(),
                case.state.as_str().to_owned(),
                desk.when(case.opened_at),
                about,
            ];
            rows.push((cells, vec![wording::reason(&case.reason)]));
        }
        printer.listing(&["case", "kind", "state", "opened", "about"], rows)?;
    }
    let items: Vec<_> = found.iter().map(document).collect();
    printer.json(&json!({ "cases": items }))?;
    let is_open = found.iter().any(|case| case.state == CaseState::Open);
    Ok(if is_open { Exit::Found } else { Exit::Done })
}

fn document(case: &Case) -> Value {
    json!({
        "case": format!("FD-{}", case.number), "number": case.number, "customer": case.customer, "journey": case.journey,
        "kind": case.kind, "state": case.state.as_str(), "reason": case.reason, "opened_at": case.opened_at,
        "closed_at": case.closed_at, "closed_why": case.closed_why,
    })
}

async fn find(typed: &str, desk: &Desk) -> Result<(Case, Vec<CaseNote>), Failure> {
    let Some(number) = case_number(typed).or_else(|| typed.parse().ok()) else {
        let report = Report::error(Code::NotAnId, format!("`{typed}` is not the number of a case"));
        return Err(report.hint("write it as in FD-1001").into());
    };
    let found = desk.engine.store().case(number).await.map_err(|error| store_failed(&error))?;
    found.ok_or_else(|| {
        let report = Report::error(Code::NotFound, format!("there is no case FD-{number}"));
        report.hint("`frontdesk case list --all` shows those there are").into()
    })
}

async fn show(typed: &str, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let (case, notes) = find(typed, desk).await?;
    let mut lines = vec![
        format!("FD-{}  {}  {}", case.number, case.kind, case.state.as_str()),
        format!("why        {}", wording::reason(&case.reason)),
        format!("customer   {}", case.customer),
        format!("about      {}", case.journey),
        format!("opened     {}", desk.when(case.opened_at)),
    ];
    if let Some(at) = case.closed_at {
        lines.push(format!(
            "closed     {}: {}",
            desk.when(at),
            case.closed_why.as_deref().unwrap_or("no reason given")
        ));
    }
    lines.extend(
        notes.iter().map(|note| {
            format!("note {:<5} {}, {}: {}", note.nth, desk.when(note.at), note.author, note.body)
        }),
    );
    printer.text(&lines.join("\n"))?;
    let mut shown = document(&case);
    let notes: Vec<_> = notes
        .iter()
        .map(|note| json!({ "nth": note.nth, "at": note.at, "author": note.author, "body": note.body }))
        .collect();
    shown["notes"] = json!(notes);
    printer.json(&shown)?;
    Ok(Exit::Done)
}

async fn close(
    typed: &str,
    by: &str,
    why: &str,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let (case, _) = find(typed, desk).await?;
    let acted = desk.engine.close_case(case.number, by, why).await.map_err(|error| store_failed(&error))?;
    let said = match acted {
        Acted::Done => "is closed; it opens again by itself when its reason changes",
        Acted::Nothing | Acted::NotFound => "was closed already",
    };
    printer.text(&format!("FD-{} {said}", case.number))?;
    printer.json(&json!({ "case": format!("FD-{}", case.number), "closed": acted == Acted::Done }))?;
    Ok(Exit::Done)
}
