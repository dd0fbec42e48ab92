//! `frontdesk simulate`: the engine under simulated faults, seed by seed.

use crate::cli::Context;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::live::random_seed;
use crate::printer::Printer;
use clap::Args;
use frontdesk_sim::batch::{Batch, Summary, run_all};
use frontdesk_sim::fault::{Fault, Marks, Plan};
use frontdesk_sim::run::{Profile, Report, Setup};
use frontdesk_sim::shrink::shrink;
use serde_json::json;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::ops::Range;

/// How often a fault that is asked for by name strikes, in a thousandth of its occasions.
const ASKED_FOR: u64 = 100;
/// Failed seeds that are told in full.
const TOLD: usize = 5;

/// What it takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The seeds to run, such as `0..200`: the first, and the one after the last
    #[arg(long, value_name = "A..B", value_parser = parse_range, default_value = "0..100", conflicts_with = "seed")]
    seeds: Range<u64>,
    /// One seed alone
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// What is added to each seed: a number, or `random` for seeds that nobody ran before
    #[arg(long, value_name = "NUMBER", value_parser = parse_base, default_value = "0")]
    base: Base,
    /// How long a run is: `short` is six hours with up to five people, `long` ten days with up to twenty
    #[arg(long, value_name = "PROFILE", value_parser = parse_profile, default_value = "short")]
    profile: Profile,
    /// Runs at once; as many as there are processors where it is left out
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<NonZeroUsize>,
    /// The faults that may strike, by name or number, instead of the seed's own choice; `none` for none
    #[arg(long, value_name = "FAULT", value_delimiter = ',', value_parser = parse_fault)]
    faults: Option<Vec<Option<Fault>>>,
    /// How much of the trace a failed seed shows: its `tail` of fifty lines, or `full`
    #[arg(long, value_name = "HOW", value_parser = ["tail", "full"], default_value = "tail")]
    trace: String,
    /// Look for the smallest run that still breaks the promise of a seed: give it with --seed
    #[arg(long, requires = "seed")]
    shrink: bool,
    /// Run every seed twice and compare
    #[arg(long)]
    check_determinism: bool,
}

/// What is added to each seed.
#[derive(Clone, Copy, Debug)]
enum Base {
    Fixed(u64),
    Random,
}

fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let numbers =
        text.split_once("..").and_then(|(from, to)| Some(from.trim().parse().ok()?..to.trim().parse().ok()?));
    match numbers {
        Some(range) if range.start < range.end => Ok(range),
        _ => Err("write two numbers, the smaller first, such as `0..200`".to_owned()),
    }
}

fn parse_base(text: &str) -> Result<Base, String> {
    match text {
        "random" => Ok(Base::Random),
        number => number.parse().map(Base::Fixed).map_err(|_| "write a number, or `random`".to_owned()),
    }
}

fn parse_profile(word: &str) -> Result<Profile, String> {
    Profile::parse(word).ok_or_else(|| "there is `short` and `long`".to_owned())
}

fn parse_fault(word: &str) -> Result<Option<Fault>, String> {
    if word == "none" {
        return Ok(None);
    }
    Fault::parse(word).map(Some).ok_or_else(|| {
        let names: Vec<_> =
            Fault::ALL.iter().map(|(_, number, name, _)| format!("{name} ({number})")).collect();
        format!("there is none, {}", names.join(", "))
    })
}

/// Runs the seeds and says what they came to. A broken promise is a finding.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let base = match arguments.base {
        Base::Fixed(base) => base,
        Base::Random => random_seed(),
    };
    let plan = arguments
        .faults
        .as_ref()
        .map(|faults| Plan { rates: faults.iter().flatten().map(|fault| (*fault, ASKED_FOR)).collect() });
    let seeds = arguments.seed.map_or(arguments.seeds.clone(), |seed| seed..seed.saturating_add(1));
    let like =
        Setup { plan, keep_trace: arguments.trace == "full", ..Setup::of(seeds.start, arguments.profile) };
    let printer = &mut context.printer;
    if arguments.shrink {
        return shrunk(&Setup { seed: base.wrapping_add(seeds.start), ..like }, printer);
    }
    let jobs =
        arguments.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let batch = Batch { base, seeds, like, jobs, twice: arguments.check_determinism };
    let summary = run_all(&batch, |_| {});
    for report in summary.failed.iter().take(TOLD) {
        printer.text(&told(report, arguments.profile))?;
    }
    for seed in &summary.unequal {
        printer.text(&format!("seed {seed} gave two different runs: something in it is not the seed's"))?;
    }
    printer.text(&line(&summary, base))?;
    printer.json_line(&json!({
        "seeds": summary.seeds, "base": base, "profile": arguments.profile.name(), "violations": summary.violations(),
        "virtual_days": summary.virtual_days(), "faults": summary.faults(), "marks_hit": summary.marks.count(),
        "marks_total": Marks::TOTAL, "trace": summary.trace,
        "failed": summary.failed.iter().map(|report| json!({
            "seed": report.seed, "promise": report.broken[0].promise, "what": report.broken[0].what,
            "repeat": repeat(report.seed, arguments.profile),
        })).collect::<Vec<_>>(),
    }))?;
    Ok(if summary.violations() == 0 { Exit::Done } else { Exit::Found })
}

/// The closing line of a batch.
fn line(summary: &Summary, base: u64) -> String {
    format!(
        "sim: seeds={} violations={} virtual_days={} faults={} marks={}/{} base={base} trace={}",
        summary.seeds,
        summary.violations(),
        summary.virtual_days(),
        summary.faults(),
        summary.marks.count(),
        Marks::TOTAL,
        summary.trace,
    )
}

fn repeat(seed: u64, profile: Profile) -> String {
    format!("frontdesk simulate --seed {seed} --profile {} --trace full", profile.name())
}

/// A failed run: what broke first, the end of its trace, and how to see it again.
fn told(report: &Report, profile: Profile) -> String {
    let mut text = String::new();
    let seed = report.seed;
    let _ = writeln!(
        text,
        "seed {seed} broke a promise ({} people, {} deliveries)",
        report.people, report.deliveries
    );
    for broken in report.broken.iter().take(3) {
        let _ = writeln!(text, "  {}: {}", broken.promise, broken.what);
    }
    let faults: Vec<_> = report.plan.rates.keys().map(|fault| fault.name()).collect();
    let _ = writeln!(text, "  faults that were on: {}", faults.join(", "));
    for line in &report.tail {
        let _ = writeln!(text, "  | {line}");
    }
    let _ = write!(
        text,
        "  again: {}\n  smaller: frontdesk simulate --seed {seed} --profile {} --shrink",
        repeat(seed, profile),
        profile.name()
    );
    text
}

fn shrunk(setup: &Setup, printer: &mut Printer) -> Result<Exit, Failure> {
    let Some(smallest) = shrink(setup) else {
        printer.text(&format!("seed {} breaks no promise", setup.seed))?;
        printer.json_line(&json!({ "seed": setup.seed, "violations": 0 }))?;
        return Ok(Exit::Done);
    };
    printer.text(&told(&smallest.report, setup.profile))?;
    let absent = smallest.setup.absent.len();
    let dropped = smallest.setup.dropped.len();
    printer.text(&format!(
        "the smallest of {} runs; left out: {dropped} deliveries, {absent} people",
        smallest.tried
    ))?;
    let faults: Vec<_> = smallest.report.plan.rates.keys().map(|fault| fault.name()).collect();
    printer.json_line(&json!({
        "seed": setup.seed, "violations": smallest.report.broken.len(), "promise": smallest.report.broken[0].promise,
        "what": smallest.report.broken[0].what, "faults": faults, "dropped": smallest.setup.dropped,
        "absent": smallest.setup.absent, "tried": smallest.tried,
    }))?;
    Ok(Exit::Found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_allowed_says_what_is() {
        for (given, said) in [
            (parse_range("5").map(drop), "such as `0..200`"),
            (parse_range("9..3").map(drop), "the smaller first"),
            (parse_profile("medium").map(drop), "`short` and `long`"),
            (parse_fault("flood").map(drop), "clock_jump (F89)"),
            (parse_base("any").map(drop), "`random`"),
        ] {
            assert!(given.clone().unwrap_err().contains(said), "{given:?}");
        }
        assert_eq!(parse_range("3..9"), Ok(3..9));
        assert_eq!(parse_fault("F89"), Ok(Some(Fault::ClockJump)));
    }
}
