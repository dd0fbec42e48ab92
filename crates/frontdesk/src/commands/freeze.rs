//! `frontdesk freeze` and `frontdesk thaw`: hold back what would be written, for a while; observing goes on.

use super::author;
use super::desk::Desk;
use super::who::{Meant, meant};
use crate::assemble::store_failed;
use crate::config;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Args;
use frontdesk_core::freeze::{Freeze, Scope};
use frontdesk_core::id::PlanId;
use frontdesk_core::target::Target;
use frontdesk_engine::acts::Acted;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What to freeze.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub struct Arguments {
    /// What is held back: `marketing`, `circle`, `kit`, `plan:ID` or `person:WHO`. Without it, lists what is frozen
    #[arg(value_name = "WHAT", requires = "by")]
    what: Option<String>,
    /// For how long, as in 24h or 3d
    #[arg(long = "for", value_name = "SPAN", default_value = "24h", value_parser = seconds)]
    span: i64,
    /// Who decides this; it is kept with the freeze
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Why
    #[arg(long, alias = "why", value_name = "TEXT", default_value = "")]
    reason: String,
}

/// What to thaw.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub struct Thaw {
    /// The freeze's name, or what it holds back, as `frontdesk freeze` lists them
    #[arg(value_name = "WHAT")]
    what: String,
    /// Who decides this; it is kept with the freeze
    #[arg(long, value_name = "NAME")]
    by: String,
}

/// The longest freeze: after a month nobody remembers why.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

fn seconds(text: &str) -> Result<i64, String> {
    match config::duration(text) {
        Some(span) if span > SignedDuration::ZERO && span <= LONGEST => Ok(span.as_secs()),
        Some(_) => Err("from 1s to 31d".to_owned()),
        None => Err("a number and a unit, such as 24h or 3d".to_owned()),
    }
}

/// What was named, or whom several fit.
enum Named {
    Scope(Scope),
    Several(Exit),
}

async fn scope(what: &str, desk: &Desk, printer: &mut Printer) -> Result<Named, Failure> {
    let scope = match what.split_once(':') {
        None if what == "marketing" => Some(Scope::Marketing),
        None => Target::parse(what).map(Scope::Target),
        Some(("plan", id)) => {
            let plan = PlanId::new(id);
            let catalogue = desk.engine.catalogue();
            let plans = &catalogue.plans;
            if !plans.iter().any(|known| known.id == plan) {
                let known: Vec<_> = plans.iter().map(|plan| format!("`{}`", plan.id)).collect();
                let report = Report::error(Code::NotFound, format!("there is no plan `{id}`"));
                return Err(report.hint(format!("plans: {}", known.join(", "))).into());
            }
            Some(Scope::Plan(plan))
        }
        Some(("person", who)) => match meant(who, desk, printer).await? {
            Meant::One(customer) => Some(Scope::Person(customer)),
            Meant::Several(exit) => return Ok(Named::Several(exit)),
        },
        Some(_) => None,
    };
    scope.map(Named::Scope).ok_or_else(|| {
        let report = Report::error(Code::NotFound, format!("`{what}` is nothing that can be frozen"));
        report.hint("`marketing`, `circle`, `kit`, `plan:ID` or `person:WHO`").into()
    })
}

pub(super) async fn run(arguments: &Arguments, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let Some(what) = &arguments.what else { return list(desk, printer).await };
    let by = author::named(arguments.by.as_deref())?;
    let scope = match scope(what, desk, printer).await? {
        Named::Scope(scope) => scope,
        Named::Several(exit) => return Ok(exit),
    };
    let until = desk
        .now()
        .checked_add(SignedDuration::from_secs(arguments.span))
        .expect("a month from now is an instant");
    let frozen = desk.engine.freeze(scope, until, by, &arguments.reason).await;
    let freeze = frozen.map_err(|error| store_failed(&error))?;
    printer.text(&format!(
        "{} is frozen until {}; thaw it with `frontdesk thaw {}`",
        freeze.scope,
        desk.when(until),
        freeze.name
    ))?;
    for goes_on in freeze.scope.goes_on() {
        printer.note(&format!("goes on: {goes_on}"));
    }
    printer.json(&document(&freeze))?;
    Ok(Exit::Done)
}

async fn list(desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let store = desk.engine.store();
    let freezes = store.freezes(desk.now()).await.map_err(|error| store_failed(&error))?;
    let waiting = store.frozen().await.map_err(|error| store_failed(&error))?;
    if freezes.is_empty() {
        printer.note("nothing is frozen");
    }
    let shown = freezes.iter().map(|freeze| {
        vec![
            freeze.name.clone(),
            freeze.scope.to_string(),
            desk.when(freeze.until),
            freeze.by.clone(),
            freeze.reason.clone(),
        ]
    });
    printer.table(&["freeze", "holds back", "until", "by", "why"], shown)?;
    printer.note(&format!("rows that wait: {waiting}"));
    let items: Vec<_> = freezes.iter().map(document).collect();
    printer.json(&json!({ "freezes": items, "waiting": waiting }))?;
    Ok(Exit::Done)
}

pub(super) async fn thaw(arguments: &Thaw, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let Thaw { what, by } = arguments;
    let by = author::named(Some(by))?;
    let freezes = desk.engine.store().freezes(desk.now()).await.map_err(|error| store_failed(&error))?;
    // As it is kept first: a plan may have left the catalogue meanwhile.
    let by_name = freezes.iter().find(|freeze| freeze.name == *what || freeze.scope.to_string() == *what);
    let found = match by_name {
        Some(freeze) => Some(freeze),
        None => match scope(what, desk, printer).await? {
            Named::Scope(scope) => freezes.iter().find(|freeze| freeze.scope == scope),
            Named::Several(exit) => return Ok(exit),
        },
    };
    let Some(freeze) = found else {
        let report = Report::error(Code::NotFound, format!("`{what}` is not frozen"));
        return Err(report.hint("`frontdesk freeze` lists what is").into());
    };
    let (acted, waiting) = desk.engine.thaw(&freeze.name, by).await.map_err(|error| store_failed(&error))?;
    let said = match acted {
        Acted::Done => format!("{} is thawed; {waiting} rows are looked at anew", freeze.scope),
        Acted::Nothing | Acted::NotFound => format!("{} is not frozen any more", freeze.scope),
    };
    printer.text(&said)?;
    printer.json(&json!({ "freeze": freeze.name, "scope": freeze.scope, "waiting": waiting, "by": by }))?;
    Ok(Exit::Done)
}

fn document(freeze: &Freeze) -> Value {
    json!({
        "freeze": freeze.name, "scope": freeze.scope, "since": freeze.since, "until": freeze.until,
        "by": freeze.by, "reason": freeze.reason, "goes_on": freeze.scope.goes_on(),
    })
}
