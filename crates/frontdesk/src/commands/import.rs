//! `frontdesk import`: takes in what happened before Frontdesk, from the providers themselves or from their exports.
//!
//! The work is done where the record is, in short turns; this end asks for one after the other and says how far it is.
//! So it may be ended at any moment, and the same command goes on where it was.

pub(super) mod exports;
mod lists;
mod rosters;
pub(super) mod statuses;
mod stripe;
mod turns;

pub use turns::Ask;

use crate::cli::{self, Context};
use crate::commands::desk::Question;
use crate::commands::reach::Reach;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use clap::{Args, Subcommand};
use frontdesk_core::target::Target;
use serde_json::{Value, json};
use turns::{Rest, Rows};

/// Questions after which an import that only waits gives up: ten minutes, at a second each.
const WAITS_MAX: u32 = 600;

/// What it takes.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    from: From,
}

/// Where from.
#[derive(Clone, Debug, Subcommand)]
enum From {
    /// Customers, subscriptions, checkouts, charges, refunds and disputes
    Stripe(stripe::Arguments),
    /// Who is a member, and what each has
    Circle(lists::Arguments),
    /// Who has the catalogue's tags
    Kit(lists::Arguments),
}

/// Imports.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    cli::runtime().block_on(async {
        let mut reach = Reach::new(&config);
        match &arguments.from {
            From::Stripe(arguments) => stripe::run(arguments, &mut reach, &mut context.printer).await,
            From::Circle(told) => lists::run(Target::Circle, told, &mut reach, &mut context.printer).await,
            From::Kit(told) => lists::run(Target::Kit, told, &mut reach, &mut context.printer).await,
        }
    })
}

/// Waits until everything that was taken in is applied, and says how the targets' rows stand.
async fn rest(reach: &mut Reach<'_>, printer: &mut Printer) -> Result<Rest, Failure> {
    let mut waits = 0;
    loop {
        let rest: Rest = reach.ask(&Question::Import(Ask::Rest), printer).await?;
        waits += 1;
        if !rest.applies || waits > WAITS_MAX {
            return Ok(rest);
        }
        if waits % 8 == 1 {
            printer.note("what was taken in is being applied");
        }
    }
}

/// What follows for the targets, or for one of them, in one line each.
fn tell_targets(rest: &Rest, of: Option<Target>, printer: &mut Printer) -> Result<(), Failure> {
    let shown = rest.targets.iter().filter(|rows| of.is_none_or(|of| of == rows.target));
    for Rows { target, is_live, states } in shown {
        let (all, title) = (states.values().sum::<i64>(), target.title());
        let people = if all == 1 { "1 customer".to_owned() } else { format!("{all} customers") };
        printer.text(&if *is_live {
            format!("{title} is live: what {people} should have there is made true as soon as Frontdesk runs")
        } else {
            format!("{title} is in shadow mode: nothing is written there; what {people} should have is held")
        })?;
    }
    if rest.reads {
        printer.note(
            "some objects are still to be asked for one by one; Frontdesk does that by itself while it runs",
        );
    }
    Ok(())
}

/// The same for programs.
fn targets_document(rest: &Rest) -> Value {
    let of = |Rows { target, is_live, states }: &Rows| json!({ "target": target, "mode": if *is_live { "live" } else { "shadow" }, "rows": states });
    rest.targets.iter().map(of).collect()
}
