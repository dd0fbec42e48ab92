//! The sheet of those who may be one person under two addresses: written, edited by the founder, and taken up again.

use super::{Arguments, by};
use crate::assemble::store_failed;
use crate::cli::Context;
use crate::commands::desk::{self, Desk, Question};
use crate::commands::reach::Reach;
use crate::commands::sheets::{self, Member, needed};
use crate::config::Config;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use frontdesk_core::id::CustomerId;
use frontdesk_core::pairing::Word;
use frontdesk_core::target::{Holder, Target};
use frontdesk_engine::pairing::{Order, Paired};
use frontdesk_engine::plan::{Alike, Planned};
use frontdesk_providers::csv::{Column, Columns, Row};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::path::Path;

/// A column of the sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    Decision,
    Reason,
    Why,
    Customer,
    Holder,
    Target,
    Member,
    MemberAddress,
}

const COLUMNS: [Column<Holds>; 8] = [
    needed(Holds::Decision, &["decision"]),
    Column { holds: Holds::Reason, headers: &["reason"], is_needed: false },
    Column { holds: Holds::Why, headers: &["why"], is_needed: false },
    needed(Holds::Customer, &["customer"]),
    needed(Holds::Holder, &["holder"]),
    needed(Holds::Target, &["target"]),
    needed(Holds::Member, &["member"]),
    needed(Holds::MemberAddress, &["has access as"]),
];

/// The head of the sheet.
const HEAD: [&str; 12] = [
    "decision",
    "reason",
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
    /// What was said of two before.
    Said(Order),
    /// To take a person's word for it.
    Pair(Order),
}

/// Who may be whom.
#[derive(Debug, Serialize, Deserialize)]
struct Proposed {
    /// Those about whom nobody said anything yet.
    pairs: Vec<Alike>,
    /// Those whom somebody told apart.
    apart: Vec<Alike>,
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
                let planned = engine.plan(*target, &by(*offline)).await;
                planned.map(|Planned { pairs, apart, .. }| serde_json::json!(Proposed { pairs, apart }))
            }
            Self::Said(order) => engine.pairing_said(order).await.map(|said| serde_json::json!(said)),
            Self::Pair(order) => engine.pair(order).await.map(|paired| serde_json::json!(paired)),
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
            let orders = read(file, path, by.as_deref())?;
            if orders.is_empty() {
                let said = "no line of the sheet says yes or no: write yes into the column `decision` where two are one \
                            person, no where they are not";
                context.printer.note(said);
            } else {
                let mut open = Vec::new();
                for (line, order) in &orders {
                    let ask = Question::Pairs(Ask::Said(order.clone()));
                    let said: Option<Word> = reach.ask(&ask, &mut context.printer).await?;
                    if said == Some(order.word) {
                        let known = told(order, &Paired::Already);
                        context.printer.note(&format!("line {line}: {known}"));
                    } else {
                        open.push((line, order, said));
                    }
                }
                // The lists are read for what is new alone; a sheet that is handed in again costs one plan.
                let proposed = if open.is_empty() {
                    Vec::new()
                } else {
                    let Proposed { mut pairs, apart } = list(arguments, &mut reach, context).await?;
                    // Whoever was told apart may be one after all.
                    pairs.extend(apart);
                    pairs
                };
                for (line, order, said) in open {
                    if !proposed.iter().any(|alike| is_of(alike, order))
                        && let Some(left) = left(order, said)
                    {
                        context.printer.note(&format!("line {line}: {left}"));
                        continue;
                    }
                    let question = Question::Pairs(Ask::Pair(order.clone()));
                    let paired: Paired = reach.ask(&question, &mut context.printer).await?;
                    context.printer.note(&told(order, &paired));
                }
            }
            // Our own desk has the file: it is left before the plan is asked for.
            drop(reach);
            let plan = Arguments { pairs: None, ..arguments.clone() };
            desk::ask(&Question::Plan(plan), config, context).await
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Proposed { pairs, apart } = list(arguments, &mut reach, context).await?;
            write(path, &pairs)?;
            let count =
                if pairs.len() == 1 { "1 pair is".to_owned() } else { format!("{} pairs are", pairs.len()) };
            context.printer.text(&format!(
                "{count} in {}: write yes or no into the column `decision`, then run the same command again",
                path.display()
            ))?;
            if !apart.is_empty() {
                context
                    .printer
                    .note(&format!("{} more are alike and were told apart: they are not in it", apart.len()));
            }
            context.printer.json(&serde_json::json!({ "sheet": path, "pairs": pairs, "apart": apart }))?;
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
) -> Result<Proposed, Failure> {
    let (target, offline) = (arguments.target, arguments.offline);
    reach.ask(&Question::Pairs(Ask::List { target, offline }), &mut context.printer).await
}

/// Whether a line still says what was written into it.
fn is_of(alike: &Alike, order: &Order) -> bool {
    alike.customer == order.customer
        && alike.holder == order.holder
        && alike.target == order.target
        && alike.member == order.member
        && alike.has_access_as == order.address
}

/// Why a line about two who are not proposed now, of whom `said` was said, is left; `None` where it says otherwise, and may.
fn left(order: &Order, said: Option<Word>) -> Option<String> {
    let Order { customer, address, target, member, .. } = order;
    let who = format!("{customer} and {address} ({} member {member})", target.title());
    match said {
        // It shows what follows before it is done: the customer may be invited anew.
        Some(Word::One) => Some(format!(
            "{who} are left: they are one, and a yes is taken back by `frontdesk customer unpair {customer} --member {member} \
             --reason …`, which shows first what follows"
        )),
        Some(Word::Two) => None,
        None => Some(format!(
            "{who} are left: they are no pair that is proposed now, and nobody said anything of them before; the line was \
             changed, or one of them is paired with somebody else by now"
        )),
    }
}

fn write(path: &Path, pairs: &[Alike]) -> Result<(), Failure> {
    let rows = pairs.iter().map(|pair| {
        let why: Vec<_> = pair.because.iter().map(|likeness| likeness.as_str()).collect();
        vec![
            String::new(),
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
fn read(file: impl io::Read, path: &Path, by: Option<&str>) -> Result<Vec<(u64, Order)>, Failure> {
    let mut orders = sheets::read(file, path, &COLUMNS, order)?;
    if orders.is_empty() {
        return Ok(orders);
    }
    let by = sheets::author(by)?;
    for (_, order) in &mut orders {
        by.clone_into(&mut order.by);
    }
    Ok(orders)
}

/// One line; `None` where it says nothing yet.
fn order(row: &Row, columns: &Columns<Holds>) -> Result<Option<(u64, Order)>, String> {
    let get = |column| row.get(columns, column);
    let flaw = |what: String| format!("line {}: {what}", row.line);
    let word = match get(Holds::Decision).to_lowercase().as_str() {
        "" => return Ok(None),
        "yes" | "y" | "1" | "x" | "true" => Word::One,
        "no" | "n" | "0" | "false" => Word::Two,
        other => return Err(flaw(format!("`{other}` is neither yes nor no"))),
    };
    let Member { target, id: member, address } =
        Member::parse(get(Holds::Target), get(Holds::Member), get(Holds::MemberAddress)).map_err(flaw)?;
    let holder = Holder::try_from(get(Holds::Holder).to_owned()).map_err(flaw)?;
    let customer = CustomerId::new(get(Holds::Customer));
    // In what they are alike speaks for a yes, and for nothing else.
    let reason = match (get(Holds::Reason), word) {
        ("", Word::One) => get(Holds::Why),
        (reason, _) => reason,
    };
    let (reason, by) = (reason.to_owned(), String::new());
    Ok(Some((row.line, Order { customer, holder, target, member, address, word, by, reason })))
}

fn told(order: &Order, paired: &Paired) -> String {
    let Order { customer, address, target, member, word, .. } = order;
    let who = format!("{customer} and {address} ({} member {member})", target.title());
    match (paired, word) {
        (Paired::Done, Word::One) => format!("{who} are one from now on"),
        (Paired::Done, Word::Two) => format!("{who} are two, and are not proposed again"),
        (Paired::Already, Word::One) => format!("{who} are one already"),
        (Paired::Already, Word::Two) => format!("{who} were told apart already"),
        (Paired::KnownAs { member }, _) => {
            format!("{who} are left: {} knows {customer} as member {member}", target.title())
        }
        (Paired::SomebodyElse { customer: other }, _) => format!("{who} are left: that member is {other}'s"),
        (Paired::NotFound, _) => format!("{who} are left: {customer} is not known, or owed nothing there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::plain;
    use frontdesk_providers::csv::line;

    const LINE: &str = ",90,the same,ada.q@gmail.com,Ada,adaq@gmail.com,A,fdc_1,customer,circle,1001";

    fn read_sheet(lines: &[String], by: Option<&str>) -> Result<Vec<(u64, Order)>, Failure> {
        let text = format!("{}{}", line(HEAD), lines.join("\r\n"));
        read(text.as_bytes(), Path::new("pairs.csv"), by)
    }

    #[test]
    fn what_says_yes_or_no_is_taken_up_and_only_from_a_person() {
        let lines: Vec<_> = ["yes", "no", "", "X"].iter().map(|word| format!("{word},{LINE}")).collect();
        let orders = read_sheet(&lines, Some("Ada")).expect("a sound sheet");
        let said: Vec<_> =
            orders.iter().map(|(line, order)| (*line, order.word, order.reason.as_str())).collect();
        assert_eq!(said, [(2, Word::One, "the same"), (3, Word::Two, ""), (5, Word::One, "the same")]);
        assert_eq!((orders[0].1.member, orders[0].1.by.as_str()), (1001, "Ada"));
        assert!(read_sheet(&lines, None).is_err(), "nobody decided");
        assert_eq!(read_sheet(&lines[2..3], None).expect("nothing is decided"), []);
        let sister = read_sheet(&[format!("no,her sister{LINE}")], Some("Ada")).expect("a sound sheet");
        assert_eq!(sister[0].1.reason, "her sister");
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
