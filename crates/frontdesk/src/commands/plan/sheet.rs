//! The sheet of those who may be one person under two addresses: written, edited by the founder, and taken up again.

use super::{Arguments, by};
use crate::assemble::store_failed;
use crate::cli::Context;
use crate::commands::desk::{self, Desk, Question};
use crate::commands::reach::Reach;
use crate::commands::sheets::{self, needed};
use crate::config::Config;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use frontdesk_core::email::Email;
use frontdesk_core::id::CustomerId;
use frontdesk_core::target::{Holder, Target};
use frontdesk_engine::pairing::{Paired, Pairing};
use frontdesk_engine::plan::Alike;
use frontdesk_providers::csv::{Column, Columns, Row};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::path::Path;

/// A column of the sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    Decision,
    Customer,
    Holder,
    Target,
    Member,
    MemberAddress,
}

const COLUMNS: [Column<Holds>; 6] = [
    needed(Holds::Decision, &["decision"]),
    needed(Holds::Customer, &["customer"]),
    needed(Holds::Holder, &["holder"]),
    needed(Holds::Target, &["target"]),
    needed(Holds::Member, &["member"]),
    needed(Holds::MemberAddress, &["has access as"]),
];

/// The head of the sheet.
const HEAD: [&str; 11] = [
    "decision",
    "alike",
    "why",
    "pays as",
    "payer's name",
    "has access as",
    "member's name",
    "customer",
    "holder",
    "target",
    "member",
];

/// What is asked where the record is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Who may be one person.
    List {
        /// At this target alone.
        target: Option<Target>,
        /// By what was last seen.
        offline: bool,
    },
    /// To take a person's word for it.
    Pair(Pairing),
}

impl Ask {
    pub(in crate::commands) async fn answer(
        &self,
        desk: &Desk,
        printer: &mut Printer,
    ) -> Result<Exit, Failure> {
        let engine = &desk.engine;
        let document = match self {
            Self::List { target, offline } => {
                engine.plan(*target, &by(*offline)).await.map(|planned| serde_json::json!(planned.pairs))
            }
            Self::Pair(pairing) => engine.pair(pairing).await.map(|paired| serde_json::json!(paired)),
        };
        let document = document.map_err(|error| store_failed(&error))?;
        printer.bytes(document.to_string().as_bytes())?;
        Ok(Exit::Done)
    }
}

/// Writes the sheet where there is none; else takes up what was decided in it, and shows the plan that follows.
pub(in crate::commands) async fn run(
    arguments: &Arguments,
    path: &Path,
    config: &Config,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let mut reach = Reach::new(config);
    match File::open(path) {
        Ok(file) => {
            let by = arguments.by.clone();
            let pairings = read(file, path, by.as_deref())?;
            let listed =
                if pairings.is_empty() { Vec::new() } else { list(arguments, &mut reach, context).await? };
            for (line, pairing) in &pairings {
                if !listed.iter().any(|alike| is_of(alike, pairing)) {
                    context.printer.note(&format!("line {line}: {}", not_listed(pairing)));
                    continue;
                }
                let question = Question::Pairs(Ask::Pair(pairing.clone()));
                let paired: Paired = reach.ask(&question, &mut context.printer).await?;
                context.printer.note(&told(pairing, &paired));
            }
            if pairings.is_empty() {
                let said = "no line of the sheet says yes: write it into the column `decision` where two are one person";
                context.printer.note(said);
            }
            // Our own desk has the file: it is left before the plan is asked for.
            drop(reach);
            let plan = Arguments { pairs: None, ..arguments.clone() };
            desk::ask(&Question::Plan(plan), config, context).await
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let pairs = list(arguments, &mut reach, context).await?;
            write(path, &pairs)?;
            let count =
                if pairs.len() == 1 { "1 pair is".to_owned() } else { format!("{} pairs are", pairs.len()) };
            context.printer.text(&format!(
                "{count} in {}: write yes or no into the column `decision`, then run the same command again",
                path.display()
            ))?;
            context.printer.json(&serde_json::json!({ "sheet": path, "pairs": pairs }))?;
            Ok(if pairs.is_empty() { Exit::Done } else { Exit::Found })
        }
        Err(error) => Err(sheets::unusable(path, "could not be read", &error)),
    }
}

/// Who may be whom, by what is known now.
async fn list(
    arguments: &Arguments,
    reach: &mut Reach<'_>,
    context: &mut Context,
) -> Result<Vec<Alike>, Failure> {
    let (target, offline) = (arguments.target, arguments.offline);
    reach.ask(&Question::Pairs(Ask::List { target, offline }), &mut context.printer).await
}

/// Whether a line still says what was written into it.
fn is_of(alike: &Alike, pairing: &Pairing) -> bool {
    alike.customer == pairing.customer
        && alike.holder == pairing.holder
        && alike.target == pairing.target
        && alike.member == pairing.member
        && alike.has_access_as == pairing.address
}

fn not_listed(pairing: &Pairing) -> String {
    let Pairing { customer, address, target, member, .. } = pairing;
    format!(
        "{customer} and {address} ({} member {member}) are left: they are no pair that is proposed now; they may be one \
         already, or the line was changed",
        target.title()
    )
}

fn write(path: &Path, pairs: &[Alike]) -> Result<(), Failure> {
    let rows = pairs.iter().map(|pair| {
        let why: Vec<_> = pair.because.iter().map(|likeness| likeness.as_str()).collect();
        vec![
            String::new(),
            pair.score.to_string(),
            why.join("; "),
            pair.pays_as.as_str().to_owned(),
            pair.payers_name.clone().unwrap_or_default(),
            pair.has_access_as.as_str().to_owned(),
            pair.members_name.clone().unwrap_or_default(),
            pair.customer.as_str().to_owned(),
            String::from(pair.holder.clone()),
            pair.target.as_str().to_owned(),
            pair.member.to_string(),
        ]
    });
    sheets::write_new(path, &HEAD, rows)
}

/// What was decided.
fn read(file: impl io::Read, path: &Path, by: Option<&str>) -> Result<Vec<(u64, Pairing)>, Failure> {
    let mut pairings = sheets::read(file, path, &COLUMNS, pairing)?;
    if pairings.is_empty() {
        return Ok(pairings);
    }
    let by = sheets::author(by)?;
    for (_, pairing) in &mut pairings {
        by.clone_into(&mut pairing.by);
    }
    Ok(pairings)
}

/// One line; `None` where it says no, or nothing yet.
fn pairing(row: &Row, columns: &Columns<Holds>) -> Result<Option<(u64, Pairing)>, String> {
    let get = |column| row.get(columns, column);
    let flaw = |what: String| format!("line {}: {what}", row.line);
    match get(Holds::Decision).to_lowercase().as_str() {
        "" | "no" | "n" | "0" | "false" => return Ok(None),
        "yes" | "y" | "1" | "x" | "true" => {}
        other => return Err(flaw(format!("`{other}` is neither yes nor no"))),
    }
    let target = get(Holds::Target);
    let target = Target::parse(target).ok_or_else(|| flaw(format!("`{target}` is no target")))?;
    let member = get(Holds::Member);
    let member = member.parse().map_err(|_| flaw(format!("`{member}` is no number of a member")))?;
    let address = get(Holds::MemberAddress);
    let address = Email::parse(address).ok_or_else(|| flaw(format!("`{address}` is no address")))?;
    let holder = Holder::try_from(get(Holds::Holder).to_owned()).map_err(flaw)?;
    let customer = CustomerId::new(get(Holds::Customer));
    Ok(Some((row.line, Pairing { customer, holder, target, member, address, by: String::new() })))
}

fn told(pairing: &Pairing, paired: &Paired) -> String {
    let Pairing { customer, address, target, member, .. } = pairing;
    let who = format!("{customer} and {address} ({} member {member})", target.title());
    match paired {
        Paired::Done => format!("{who} are one from now on"),
        Paired::Already => format!("{who} are one already"),
        Paired::KnownAs { member } => {
            format!("{who} are left: {} knows {customer} as member {member}", target.title())
        }
        Paired::SomebodyElse { customer: other } => format!("{who} are left: that member is {other}'s"),
        Paired::NotFound => format!("{who} are left: {customer} is not known, or owed nothing there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::plain;
    use frontdesk_providers::csv::line;

    const LINE: &str = "90,the same,ada.q@gmail.com,Ada,adaq@gmail.com,A,fdc_1,customer,circle,1001";

    fn read_sheet(lines: &[String], by: Option<&str>) -> Result<Vec<(u64, Pairing)>, Failure> {
        let text = format!("{}{}", line(HEAD), lines.join("\r\n"));
        read(text.as_bytes(), Path::new("pairs.csv"), by)
    }

    #[test]
    fn only_what_says_yes_is_taken_up_and_only_from_a_person() {
        let lines: Vec<_> = ["yes", "no", "", "X"].iter().map(|word| format!("{word},{LINE}")).collect();
        let pairings = read_sheet(&lines, Some("Ada")).expect("a sound sheet");
        assert_eq!(pairings.len(), 2);
        assert_eq!((pairings[0].1.member, pairings[0].1.by.as_str()), (1001, "Ada"));
        assert!(read_sheet(&lines, None).is_err(), "nobody decided");
        assert_eq!(read_sheet(&lines[1..3], None).expect("nothing is decided"), []);
    }

    #[test]
    fn a_flaw_names_its_line_and_nothing_is_taken_up() {
        let lines =
            [format!("yes,{LINE}"), format!("maybe,{LINE}"), format!("yes,{}", LINE.replace("1001", "one"))];
        let failure = read_sheet(&lines, Some("Ada")).expect_err("two lines are wrong");
        let said = plain(&failure.reports[0]);
        assert!(
            said.contains("line 3: `maybe` is neither") && said.contains("line 4: `one` is no number"),
            "{said}"
        );
        let failure =
            read("a,b\n1,2\n".as_bytes(), Path::new("pairs.csv"), None).expect_err("no sheet of ours");
        assert!(plain(&failure.reports[0]).contains("no column `decision`"));
    }
}
