//! `frontdesk go-live`: lets go what a target collected in shadow mode, after showing what would be done.

use super::author;
use super::desk::Desk;
use super::plan::{Reads, by, show};
use super::sync::target;
use crate::assemble::store_failed;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Args;
use frontdesk_core::target::Target;
use frontdesk_engine::golive::WentLive;
use frontdesk_engine::settings::Mode;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What it takes.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub struct Arguments {
    /// The target: circle or kit
    #[arg(value_name = "TARGET", value_parser = target)]
    target: Target,
    /// Who decides this; it is kept
    #[arg(long, value_name = "NAME")]
    by: String,
    /// By what was last seen, without reading the lists of the target
    #[arg(long)]
    offline: bool,
    /// Answer the question with yes
    #[arg(long)]
    yes: bool,
    /// Even while it is undecided whether some who pay already have access under another address
    #[arg(long, requires = "yes")]
    despite_pairs: bool,
}

impl Arguments {
    /// The same, confirmed; `None` where it is. Whoever confirms was shown how many pairs are undecided.
    pub(super) fn confirmed(&self) -> Option<Self> {
        (!self.yes).then(|| Self { yes: true, despite_pairs: true, ..self.clone() })
    }
}

pub(super) async fn run(arguments: &Arguments, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let Arguments { target, by: author, offline, yes, despite_pairs } = arguments;
    let author = author::named(Some(author))?;
    let mode = desk.engine.settings().targets.get(target).map(|settings| settings.mode);
    match mode {
        None => {
            let report = Report::error(Code::NotFound, format!("{} is not configured", target.title()));
            return Err(report.hint(format!("`[targets.{target}]` in the configuration")).into());
        }
        Some(Mode::Shadow) => return Err(in_shadow(*target)),
        Some(Mode::Live) => {}
    }
    let is_live = desk.engine.written(*target).await.map_err(|error| store_failed(&error))?.is_live();
    if !is_live && !despite_pairs {
        let planned = desk.engine.plan(Some(*target), &by(*offline)).await;
        let planned = planned.map_err(|error| store_failed(&error))?;
        if !yes {
            show(&planned, Reads::Keys, desk, printer).await?;
            return Ok(Exit::Found);
        }
        if !planned.pairs.is_empty() {
            return Err(undecided(*target, planned.pairs.len()));
        }
    }
    let went = desk.engine.go_live(*target, author).await.map_err(|error| store_failed(&error))?;
    let said = match &went {
        WentLive::Done { rows } => {
            format!("{} is live: {rows} rows that waited are worked at now", target.title())
        }
        WentLive::Already { at, by } => {
            let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            format!("{} is live since {}{by}", target.title(), desk.when(*at))
        }
        WentLive::InShadow | WentLive::NotConfigured => return Err(in_shadow(*target)),
    };
    printer.text(&said)?;
    let rows = match went {
        WentLive::Done { rows } => rows,
        _ => 0,
    };
    printer.json(&json!({ "target": target, "live": true, "rows": rows, "by": author }))?;
    Ok(Exit::Done)
}

/// Nobody has looked at who pays under one address and has access under another: letting go would invite them again.
fn undecided(target: Target, pairs: usize) -> Failure {
    let message = format!(
        "{pairs} of those who pay may already have access at {} under another address, and nobody decided whether they \
         are the same people: nothing was let go",
        target.title()
    );
    Report::error(Code::PairsUndecided, message)
        .hint(
            "decide them in the sheet that `frontdesk plan --pairs pairs.csv` writes, and run this again; or, if each is to \
             be let in under the address that pays, add --despite-pairs",
        )
        .into()
}

fn in_shadow(target: Target) -> Failure {
    let message = format!("the configuration says that {} is in shadow mode", target.title());
    Report::error(Code::InShadow, message)
        .hint(format!(
            "look at `frontdesk plan`; then write mode = \"live\" into [targets.{target}], have `frontdesk serve` take \
             it up, and run this again"
        ))
        .into()
}
