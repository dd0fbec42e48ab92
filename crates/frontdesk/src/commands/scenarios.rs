//! `frontdesk scenarios`: stories from files, lived by the real engine in virtual time.

use crate::cli::Context;
use crate::errors::{Code, Failure, Place, Report};
use crate::exit::Exit;
use crate::printer::{Printer, span};
use clap::Args;
use frontdesk_sim::scenario::shipped::SHIPPED;
use frontdesk_sim::scenario::{Outcome, Problem, Story, Unmet, play};
use jiff::SignedDuration;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// What it takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Scenario files, or folders of them; those that come with the program where none is given
    #[arg(value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
}

/// A scenario that was played.
struct Played {
    file: String,
    name: String,
    ended: Result<Outcome, Problem>,
}

/// Plays them, and prints a table. One that does not hold is a finding.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let texts = texts(&arguments.paths)?;
    let mut stories = Vec::new();
    for (file, text) in &texts {
        let story = Story::read(text).map_err(|problem| could_not(file, &problem))?;
        stories.push((file, story));
    }
    let printer = &mut context.printer;
    let mut all = Vec::new();
    for (file, story) in stories {
        printer.note(&format!("playing {file}"));
        all.push(Played { file: file.clone(), name: story.name.clone(), ended: play(&story) });
    }
    let failed = all.iter().filter(|played| !is_ok(played)).count();
    table(&all, failed, printer)?;
    printer.json_line(&json!({
        "scenarios": all.len(), "failed": failed, "results": all.iter().map(as_json).collect::<Vec<_>>(),
    }))?;
    Ok(if failed == 0 { Exit::Done } else { Exit::Found })
}

fn could_not(file: &str, problem: &Problem) -> Failure {
    let line = (problem.line > 0).then_some(problem.line);
    Report::error(Code::ScenarioUnreadable, format!("the scenario cannot be read: {}", problem.what))
        .at(Place { file: file.to_owned(), line, key: String::new() })
        .into()
}

fn unreadable(path: &Path, why: &std::io::Error) -> Failure {
    let what = format!("could not read `{}`", path.display());
    Report::error(Code::ScenarioUnreadable, what).because(why).into()
}

/// The texts to play, each with the name of its file.
fn texts(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    if paths.is_empty() {
        return Ok(SHIPPED.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect());
    }
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut inside = Vec::new();
            for entry in fs::read_dir(path).map_err(|why| unreadable(path, &why))? {
                inside.push(entry.map_err(|why| unreadable(path, &why))?.path());
            }
            inside.retain(|file| file.extension().is_some_and(|end| end == "toml"));
            if inside.is_empty() {
                let what = format!("there are no scenarios (`*.toml`) in `{}`", path.display());
                return Err(Report::error(Code::ScenarioUnreadable, what).into());
            }
            inside.sort();
            files.append(&mut inside);
        } else {
            files.push(path.clone());
        }
    }
    files.iter().map(|file| text(file)).collect()
}

fn text(file: &Path) -> Result<(String, String), Failure> {
    let text = fs::read_to_string(file).map_err(|why| unreadable(file, &why))?;
    Ok((file.display().to_string(), text))
}

fn is_ok(played: &Played) -> bool {
    played.ended.as_ref().is_ok_and(|outcome| outcome.unmet.is_empty())
}

fn lived(outcome: &Outcome) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(outcome.lived.as_secs()).unwrap_or(i64::MAX))
}

fn table(all: &[Played], failed: usize, printer: &mut Printer) -> Result<(), Failure> {
    let rows = all.iter().map(|played| {
        let of = |key: &str| match &played.ended {
            Ok(outcome) => outcome.calls.get(key).copied().unwrap_or_default().to_string(),
            Err(_) => String::new(),
        };
        let time = played.ended.as_ref().map_or_else(|_| String::new(), |outcome| span(lived(outcome)));
        let how = if is_ok(played) { "ok" } else { "FAILED" };
        let calls = [of("stripe"), of("circle"), of("kit")];
        let mut row = vec![how.to_owned(), time];
        row.extend(calls);
        (row, vec![played.name.clone()])
    });
    printer.listing(&["", "time", "stripe", "circle", "kit"], rows)?;
    for played in all.iter().filter(|played| !is_ok(played)) {
        let file = &played.file;
        match &played.ended {
            Err(problem) => printer.text(&format!("{file} {problem}"))?,
            Ok(outcome) => {
                for Unmet { line, key, expected, found } in &outcome.unmet {
                    printer
                        .text(&format!("{file} line {line}: `{key}`: expected {expected}; found {found}"))?;
                }
            }
        }
    }
    printer.text(&format!("{} scenarios, {failed} failed", all.len()))
}

fn as_json(played: &Played) -> serde_json::Value {
    let mut value = json!({ "file": played.file, "name": played.name, "ok": is_ok(played) });
    match &played.ended {
        Err(problem) => value["unmet"] = json!([{ "line": problem.line, "what": problem.what }]),
        Ok(outcome) => {
            value["virtual_seconds"] = outcome.lived.as_secs().into();
            value["calls"] = json!(outcome.calls);
            let unmet = outcome.unmet.iter().map(|unmet| {
                json!({ "line": unmet.line, "key": unmet.key, "expected": unmet.expected, "found": unmet.found })
            });
            value["unmet"] = unmet.collect();
        }
    }
    value
}
