//! `frontdesk settle`: who has access that no payment gives is kept, with a reason and an end, or removed; in bulk, by a sheet.

use super::desk::{self, Desk, Question};
use super::plan::{self, by};
use super::reach::Reach;
use super::sheets::{self, Member, needed};
use super::sync::target;
use super::{ruling, wording};
use crate::assemble::store_failed;
use crate::cli::{self, Context};
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::{Args, ValueEnum};
use frontdesk_core::email::Email;
use frontdesk_core::id::CustomerId;
use frontdesk_core::plan::{Left, Line, Paid};
use frontdesk_core::ruling::Verdict;
use frontdesk_core::target::{Holder, Item, Target};
use frontdesk_engine::settle::{Settled, Settlement};
use frontdesk_providers::csv::{Column, Columns, Row};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// What it takes.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// The sheet: written where there is none, with everyone who has access that no payment gives; else taken up
    #[arg(value_name = "FILE")]
    sheet: PathBuf,
    /// At this target alone: circle or kit
    #[arg(long, value_name = "TARGET", value_parser = target)]
    target: Option<Target>,
    /// By what was last seen, without reading the lists of the targets
    #[arg(long)]
    offline: bool,
    /// Decide the same about every line that says nothing; who pays for something else is removed by their own line alone
    #[arg(long, value_enum, value_name = "DECISION")]
    rest: Option<Decision>,
    /// When it ends for lines that do not say: 90d, 2027-01-31 or 2027-01-31T18:00; without it, never by itself
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Why, for lines that do not say
    #[arg(long, alias = "why", value_name = "TEXT")]
    reason: Option<String>,
    /// Who decides this; it stays in the audit log
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Answer the question with yes
    #[arg(long)]
    yes: bool,
}

/// What becomes of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Decision {
    /// They keep what they have, until the end if there is one.
    Keep,
    /// It is taken from them.
    Remove,
}

/// What is asked where the record is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Who has access that no payment gives.
    List {
        /// At this target alone.
        target: Option<Target>,
        /// By what was last seen.
        offline: bool,
    },
    /// When something that was typed is.
    When {
        /// What was typed.
        typed: String,
    },
    /// Whether anybody may be removed yet, and what keeping each would give beyond what they have.
    Look {
        /// Who is to be settled.
        settlements: Vec<Settlement>,
    },
    /// To settle one.
    Settle(Settlement),
}

/// What is to be known before anything is settled.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Looked {
    /// Whether what was sold before Frontdesk ran was ever read.
    knows_past: bool,
    /// For each who is to be settled, what they get that they do not have.
    also: Vec<BTreeSet<Item>>,
}

/// What somebody has at one target and no payment gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unpaid {
    /// Whose line of the plan it is: one person may have lines at several targets.
    person: usize,
    target: Target,
    member: u64,
    address: Option<Email>,
    name: Option<String>,
    customer: Option<CustomerId>,
    items: BTreeSet<Item>,
    /// What they pay for instead.
    pays_for: BTreeSet<Paid>,
}

impl Unpaid {
    /// What a line of the plan says of it, by target.
    fn of(person: usize, line: &Line) -> impl Iterator<Item = Self> {
        let mut items: BTreeMap<Target, BTreeSet<Item>> = BTreeMap::new();
        for part in line.parts.iter().filter(|part| part.left.is_some_and(Left::is_unsupported)) {
            items.entry(part.item.target()).or_default().insert(part.item.clone());
        }
        items.into_iter().filter_map(move |(target, items)| {
            Some(Self {
                person,
                target,
                member: *line.members.get(&target)?,
                address: line.known_as.get(&target).cloned(),
                name: line.name.clone(),
                // What is ruled is ruled for the customer: who has the use of somebody's purchase is another one.
                customer: line.customer.clone().filter(|_| line.holder == Holder::Customer),
                items,
                pays_for: line.pays_for.clone(),
            })
        })
    }
}

/// How many people these lines are about.
fn people<'a>(lines: impl IntoIterator<Item = &'a Unpaid>) -> usize {
    lines.into_iter().map(|line| line.person).collect::<BTreeSet<_>>().len()
}

/// People, and their lines where these are more: `3 people (4 lines)`.
fn counted(people: usize, lines: usize) -> String {
    let noun = if people == 1 { "person" } else { "people" };
    let also = if people == lines { String::new() } else { format!(" ({lines} lines)") };
    format!("{people} {noun}{also}")
}

impl Ask {
    pub(super) async fn answer(&self, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
        let engine = &desk.engine;
        let document = match self {
            Self::List { target, offline } => {
                let planned =
                    engine.plan(*target, &by(*offline)).await.map_err(|error| store_failed(&error))?;
                let of = |(person, line)| Unpaid::of(person, line);
                json!(planned.lines.iter().enumerate().flat_map(of).collect::<Vec<_>>())
            }
            Self::When { typed } => json!(ruling::instant_of(typed, desk).map_err(|odd| odd.message)),
            Self::Look { settlements } => {
                let knows_past = engine.knows_past().await.map_err(|error| store_failed(&error))?;
                let also = settlements.iter().map(|settlement| engine.also_given(settlement)).collect();
                json!(Looked { knows_past, also })
            }
            Self::Settle(settlement) => {
                json!(engine.settle_access(settlement).await.map_err(|error| store_failed(&error))?)
            }
        };
        printer.bytes(document.to_string().as_bytes())?;
        Ok(Exit::Done)
    }
}

/// Writes the sheet, or takes it up.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    cli::runtime().block_on(async {
        let mut reach = Reach::new(&config);
        let printer = &mut context.printer;
        match File::open(&arguments.sheet) {
            Ok(file) => take_up(file, arguments, &mut reach, printer).await,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write(arguments, &mut reach, printer).await
            }
            Err(error) => Err(sheets::unusable(&arguments.sheet, "could not be read", &error)),
        }
    })
}

/// A column of the sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    Decision,
    Until,
    Reason,
    Address,
    Customer,
    Target,
    Member,
    Items,
}

const COLUMNS: [Column<Holds>; 8] = [
    needed(Holds::Decision, &["decision"]),
    needed(Holds::Until, &["until"]),
    needed(Holds::Reason, &["reason"]),
    needed(Holds::Address, &["has access as"]),
    needed(Holds::Customer, &["customer"]),
    needed(Holds::Target, &["target"]),
    needed(Holds::Member, &["member"]),
    needed(Holds::Items, &["items"]),
];

const HEAD: [&str; 11] = [
    "decision",
    "until",
    "reason",
    "has access as",
    "name",
    "has",
    "pays for",
    "customer",
    "target",
    "member",
    "items",
];

async fn write(arguments: &Arguments, reach: &mut Reach<'_>, printer: &mut Printer) -> Result<Exit, Failure> {
    let ask = Ask::List { target: arguments.target, offline: arguments.offline };
    let unpaid: Vec<Unpaid> = reach.ask(&Question::Settle(ask), printer).await?;
    let (named, nameless): (Vec<_>, Vec<_>) = unpaid.into_iter().partition(|one| one.address.is_some());
    let rows = named.iter().map(|one| {
        let has: Vec<_> = one.items.iter().map(wording::item).collect();
        let items: Vec<_> = one.items.iter().map(ToString::to_string).collect();
        vec![
            String::new(),
            String::new(),
            String::new(),
            one.address.as_ref().map(ToString::to_string).unwrap_or_default(),
            one.name.clone().unwrap_or_default(),
            has.join(", "),
            plan::paid(&one.pays_for),
            one.customer.as_ref().map(ToString::to_string).unwrap_or_default(),
            one.target.as_str().to_owned(),
            one.member.to_string(),
            items.join(" "),
        ]
    });
    sheets::write_new(&arguments.sheet, &HEAD, rows)?;
    let path = arguments.sheet.display();
    printer.text(&format!(
        "{} with access that no payment gives: in {path}; write keep or remove into the column `decision`, an end into \
         `until` where there is one, and a reason; then run the same command again, with `--by` and your name",
        counted(people(&named), named.len())
    ))?;
    let paying = people(named.iter().filter(|one| !one.pays_for.is_empty()));
    if paying > 0 {
        printer.note(&format!(
            "{paying} of them pay, for what stands in `pays for`, which does not give this: `--rest remove` leaves them out"
        ));
    }
    if !nameless.is_empty() {
        let without = counted(people(&nameless), nameless.len());
        printer.note(&format!("{without} more without an address there: not in the sheet"));
    }
    printer.json(&json!({
        "sheet": arguments.sheet, "people": people(&named), "paying": paying, "lines": named,
        "without_address": people(&nameless),
    }))?;
    Ok(if named.is_empty() { Exit::Done } else { Exit::Found })
}

/// What one line says, times still as typed.
struct Decided {
    line: u64,
    settlement: Settlement,
    until: Option<String>,
    /// The line says nothing itself: `--rest` speaks.
    by_rest: bool,
}

/// The lines beside who has access that no payment gives now.
struct Beside {
    /// To be settled, each with whose line of the plan it is.
    stand: Vec<(Decided, usize)>,
    /// To be left, each with why.
    left: Vec<(Decided, Spared)>,
}

/// Why a line is left.
enum Spared {
    /// They are not among those who have access that no payment gives.
    NotListed,
    /// They pay for something else, and their line does not say that they are to be removed.
    Pays(BTreeSet<Paid>),
}

impl Spared {
    fn said(&self, decided: &Decided) -> String {
        let Settlement { address, target, member, .. } = &decided.settlement;
        let who = format!("line {}: {address} ({} member {member}) is left", decided.line, target.title());
        match self {
            Self::NotListed => format!("{who}: not among those who have access that no payment gives now"),
            Self::Pays(pays_for) => {
                let beyond = plan::beyond(pays_for);
                format!("{who}: {beyond}; to remove them, write remove into their line")
            }
        }
    }

    fn document(&self, decided: &Decided) -> Value {
        let Settlement { address, target, member, .. } = &decided.settlement;
        let (why, pays_for) = match self {
            Self::NotListed => ("not_listed", None),
            Self::Pays(pays_for) => ("pays_for_something_else", Some(pays_for)),
        };
        json!({
            "line": decided.line, "address": address, "target": target, "member": member, "why": why,
            "pays_for": pays_for,
        })
    }
}

async fn take_up(
    file: File,
    arguments: &Arguments,
    reach: &mut Reach<'_>,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let read =
        sheets::read(file, &arguments.sheet, &COLUMNS, |row, columns| decided(row, columns, arguments));
    let decided = read?;
    if decided.is_empty() {
        printer.note("no line of the sheet says keep or remove: write it into the column `decision`");
        return Ok(Exit::Done);
    }
    let by = sheets::author(arguments.by.as_deref())?.to_owned();
    let ask = Ask::List { target: arguments.target, offline: arguments.offline };
    let unpaid: Vec<Unpaid> = reach.ask(&Question::Settle(ask), printer).await?;
    let Beside { stand, left } =
        beside(decided, &unpaid).map_err(|flaws| sheets::flawed(&arguments.sheet, &flaws))?;
    for (one, why) in &left {
        printer.note(&why.said(one));
    }
    let whens = whens(&stand, arguments, reach, printer).await?;
    let settlements: Vec<_> = stand
        .into_iter()
        .map(|(Decided { settlement, until, .. }, person)| {
            let until = until.and_then(|typed| whens.get(&typed).copied());
            (Settlement { by: by.clone(), until, ..settlement }, person)
        })
        .collect();
    if !settlements.is_empty() {
        let ask =
            Ask::Look { settlements: settlements.iter().map(|(settlement, _)| settlement.clone()).collect() };
        let looked: Looked = reach.ask(&Question::Settle(ask), printer).await?;
        if !looked.knows_past && settlements.iter().any(|(one, _)| one.verdict == Verdict::Revoke) {
            return Err(past_unread());
        }
        tell_gains(&settlements, looked.also, &unpaid, printer);
        let of = |verdict| {
            let lines: Vec<_> = settlements.iter().filter(|(one, _)| one.verdict == verdict).collect();
            let people: BTreeSet<_> = lines.iter().map(|(_, person)| person).collect();
            counted(people.len(), lines.len())
        };
        printer.note(&format!(
            "kept: {}; removed: {}. To keep somebody is to grant them the entitlement, whole",
            of(Verdict::Grant),
            of(Verdict::Revoke)
        ));
        if !arguments.yes {
            desk::confirm()?;
        }
    }
    let mut done = Vec::new();
    for (settlement, _) in &settlements {
        let settled: Settled = reach.ask(&Question::Settle(Ask::Settle(settlement.clone())), printer).await?;
        printer.text(&told(settlement, &settled))?;
        done.push(json!({ "address": settlement.address, "member": settlement.member, "came_to": settled }));
    }
    let left: Vec<_> = left.iter().map(|(one, why)| why.document(one)).collect();
    printer.json(&json!({ "settled": done, "left": left }))?;
    Ok(Exit::Done)
}

/// Removing who does not pay asks for knowing who pays.
fn past_unread() -> Failure {
    let message = "what Stripe sold before Frontdesk ran was never read, so who bought before seems not to pay: nobody was \
                   settled";
    Report::error(Code::PastUnread, message)
        .hint("run `frontdesk import stripe`, write the sheet anew, and decide by that one")
        .into()
}

/// Says of each who is kept what they get that they do not have.
fn tell_gains(
    settlements: &[(Settlement, usize)],
    also: Vec<BTreeSet<Item>>,
    unpaid: &[Unpaid],
    printer: &mut Printer,
) {
    let mut gains: BTreeMap<usize, (&Settlement, BTreeSet<Item>)> = BTreeMap::new();
    for ((settlement, person), also) in settlements.iter().zip(also) {
        gains.entry(*person).or_insert((settlement, BTreeSet::new())).1.extend(also);
    }
    for (person, (settlement, mut also)) in gains {
        let has = unpaid.iter().filter(|one| one.person == person).flat_map(|one| &one.items);
        has.for_each(|item| {
            also.remove(item);
        });
        if !also.is_empty() {
            let also: Vec<_> = also.iter().map(wording::item).collect();
            printer.note(&format!(
                "{} gets {} as well, which they do not have",
                settlement.address,
                also.join(", ")
            ));
        }
    }
}

/// Lays the lines beside who has access that no payment gives now. A line that was changed in what it says of whom, or a
/// member whom two lines are about, is a flaw.
fn beside(decided: Vec<Decided>, unpaid: &[Unpaid]) -> Result<Beside, Vec<String>> {
    let (mut stand, mut left, mut flaws) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen: BTreeMap<(Target, u64), u64> = BTreeMap::new();
    for one in decided {
        let Settlement { target, member, address, items, customer, verdict, .. } = &one.settlement;
        if let Some(line) = seen.insert((*target, *member), one.line) {
            flaws.push(format!("line {}: line {line} is about the same member", one.line));
            continue;
        }
        match unpaid.iter().find(|unpaid| unpaid.target == *target && unpaid.member == *member) {
            None => left.push((one, Spared::NotListed)),
            Some(found)
                if found.address.as_ref() == Some(address)
                    && found.items == *items
                    && found.customer == *customer =>
            {
                // Nobody who pays is removed by what was said of the others.
                if one.by_rest && *verdict == Verdict::Revoke && !found.pays_for.is_empty() {
                    left.push((one, Spared::Pays(found.pays_for.clone())));
                } else {
                    stand.push((one, found.person));
                }
            }
            Some(_) => flaws.push(format!(
                "line {}: member {member} does not have that address, or not those items: only `decision`, `until` and \
                 `reason` are yours to write",
                one.line
            )),
        }
    }
    if flaws.is_empty() { Ok(Beside { stand, left }) } else { Err(flaws) }
}

/// The instants that were typed, all of them before anything is done. Those that are none are told by their lines.
async fn whens(
    decided: &[(Decided, usize)],
    arguments: &Arguments,
    reach: &mut Reach<'_>,
    printer: &mut Printer,
) -> Result<BTreeMap<String, Timestamp>, Failure> {
    let typed: BTreeSet<_> = decided.iter().filter_map(|(one, _)| one.until.clone()).collect();
    let (mut whens, mut odd) = (BTreeMap::new(), BTreeMap::new());
    for typed in typed {
        let ask = Ask::When { typed: typed.clone() };
        match reach.ask(&Question::Settle(ask), printer).await? {
            Ok(at) => whens.insert(typed, at).map(drop),
            Err(why) => odd.insert(typed, why).map(drop),
        };
    }
    let flaws = flaws_of(decided.iter().map(|(one, _)| one), &odd);
    if flaws.is_empty() { Ok(whens) } else { Err(sheets::flawed(&arguments.sheet, &flaws)) }
}

/// The lines whose end is no time, or has passed.
fn flaws_of<'a>(
    decided: impl IntoIterator<Item = &'a Decided>,
    odd: &BTreeMap<String, String>,
) -> Vec<String> {
    let flaw = |one: &Decided| {
        let why = odd.get(one.until.as_ref()?)?;
        Some(format!("line {}: `until`, or `--until` where the line has none: {why}", one.line))
    };
    decided.into_iter().filter_map(flaw).collect()
}

/// One line; `None` where it says nothing.
fn decided(row: &Row, columns: &Columns<Holds>, arguments: &Arguments) -> Result<Option<Decided>, String> {
    let get = |column| row.get(columns, column);
    let flaw = |what: String| format!("line {}: {what}", row.line);
    let written = get(Holds::Decision).to_lowercase();
    let decision = match written.as_str() {
        "" => arguments.rest,
        "keep" => Some(Decision::Keep),
        "remove" => Some(Decision::Remove),
        other => return Err(flaw(format!("`{other}` is neither keep nor remove"))),
    };
    let Some(decision) = decision else { return Ok(None) };
    let own = |column, other: &Option<String>| {
        Some(get(column)).filter(|text| !text.is_empty()).map(ToOwned::to_owned).or_else(|| other.clone())
    };
    let reason = own(Holds::Reason, &arguments.reason);
    let reason =
        reason.ok_or_else(|| flaw("there is no reason: write one, or give `--reason`".to_owned()))?;
    let Member { target, id: member, address } =
        Member::parse(get(Holds::Target), get(Holds::Member), get(Holds::Address)).map_err(flaw)?;
    let items = items(get(Holds::Items)).map_err(flaw)?;
    let customer = Some(get(Holds::Customer)).filter(|id| !id.is_empty()).map(CustomerId::new);
    let verdict = match decision {
        Decision::Keep => Verdict::Grant,
        Decision::Remove => Verdict::Revoke,
    };
    if decision == Decision::Remove && !get(Holds::Until).is_empty() {
        return Err(flaw("what is removed has no end: `until` is for those who are kept".to_owned()));
    }
    let until = own(Holds::Until, &arguments.until).filter(|_| decision == Decision::Keep);
    let by = String::new();
    let settlement =
        Settlement { target, member, address, customer, items, verdict, until: None, reason, by };
    Ok(Some(Decided { line: row.line, settlement, until, by_rest: written.is_empty() }))
}

/// The items of a line. A tag may have blanks in its name, so an item begins where a target's name does.
fn items(text: &str) -> Result<BTreeSet<Item>, String> {
    let mut found: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let begins = ["circle:", "kit:"].iter().any(|lead| word.starts_with(lead));
        match found.last_mut() {
            Some(last) if !begins => {
                last.push(' ');
                last.push_str(word);
            }
            _ => found.push(word.to_owned()),
        }
    }
    if found.is_empty() {
        return Err("it names nothing that they have".to_owned());
    }
    found.into_iter().map(Item::try_from).collect()
}

fn told(settlement: &Settlement, settled: &Settled) -> String {
    let Settlement { address, target, member, verdict, .. } = settlement;
    let who = format!("{address} ({} member {member})", target.title());
    match settled {
        Settled::Done { customer, entitlements } => {
            let which: Vec<_> = entitlements.iter().map(|id| format!("`{id}`")).collect();
            let what = match verdict {
                Verdict::Grant => "is kept",
                Verdict::Revoke => "is removed",
            };
            format!("{who} {what}: {} of {customer}", which.join(", "))
        }
        Settled::Already { customer } => format!("{who} is {customer}, for whom that was decided already"),
        Settled::Supported { customer } => format!("{who} is left: {customer} has a right to it by now"),
        Settled::NoEntitlement => {
            format!("{who} is left: no entitlement of the catalogue gives what they have")
        }
        Settled::Gone => format!("{who} is left: their record is not there any more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_no_time_is_told_by_its_line() {
        let decided = |line, until: Option<&str>| Decided {
            line,
            by_rest: false,
            until: until.map(ToOwned::to_owned),
            settlement: Settlement {
                target: Target::Circle,
                member: line,
                address: Email::parse("ada@example.com").unwrap(),
                customer: None,
                items: [Item::CircleGroup(4012)].into(),
                verdict: Verdict::Grant,
                until: None,
                reason: "early".to_owned(),
                by: "Kim".to_owned(),
            },
        };
        let lines =
            [decided(2, Some("90d")), decided(3, Some("soon")), decided(4, None), decided(5, Some("soon"))];
        let odd = [("soon".to_owned(), "`soon` is no time".to_owned())].into();
        let flaws = flaws_of(&lines, &odd);
        assert_eq!(flaws.len(), 2);
        assert!(flaws[0].starts_with("line 3: ") && flaws[0].ends_with("`soon` is no time"), "{flaws:?}");
        assert!(flaws[1].starts_with("line 5: "), "{flaws:?}");
    }

    /// What a line of the plan says of somebody at one target.
    fn unpaid(person: usize, target: Target, member: u64, pays_for: &[Paid]) -> Unpaid {
        Unpaid {
            person,
            target,
            member,
            address: Email::parse("ada@example.com"),
            name: None,
            customer: None,
            items: [Item::CircleGroup(4012)].into(),
            pays_for: pays_for.iter().cloned().collect(),
        }
    }

    fn decided_of(unpaid: &Unpaid, line: u64, verdict: Verdict, by_rest: bool) -> Decided {
        let Unpaid { target, member, address, items, .. } = unpaid.clone();
        let (until, reason, by) = (None, "ended".to_owned(), "Kim".to_owned());
        let address = address.unwrap();
        let settlement =
            Settlement { target, member, address, customer: None, items, verdict, until, reason, by };
        Decided { line, by_rest, until: None, settlement }
    }

    #[test]
    fn a_person_at_two_targets_is_one_person_with_two_lines() {
        let both = [unpaid(3, Target::Circle, 1, &[]), unpaid(3, Target::Kit, 7, &[])];
        assert_eq!(counted(people(&both), both.len()), "1 person (2 lines)");
        let three = [unpaid(3, Target::Circle, 1, &[]), unpaid(4, Target::Circle, 2, &[])];
        assert_eq!(counted(people(&three), three.len()), "2 people");
    }

    #[test]
    fn what_is_said_of_all_others_removes_nobody_who_pays_and_a_line_of_their_own_does() {
        let pays = [unpaid(0, Target::Circle, 1, &[Paid::Unread])];
        for (verdict, by_rest, stands) in
            [(Verdict::Revoke, true, false), (Verdict::Revoke, false, true), (Verdict::Grant, true, true)]
        {
            let found = beside(vec![decided_of(&pays[0], 2, verdict, by_rest)], &pays);
            let Beside { stand, left } = found.expect("a sound sheet");
            assert_eq!((stand.len(), left.len()), (usize::from(stands), usize::from(!stands)), "{verdict:?}");
        }
        let does_not = [unpaid(0, Target::Circle, 1, &[])];
        let found = beside(vec![decided_of(&does_not[0], 2, Verdict::Revoke, true)], &does_not);
        assert_eq!(found.expect("a sound sheet").stand.len(), 1);
    }

    #[test]
    fn items_are_read_back_as_they_were_written() {
        let all = [Item::CircleGroup(4012), Item::CircleSpace(7), Item::kit_tag("gold member")];
        let text: Vec<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(items(&text.join(" ")), Ok(all.into_iter().collect()));
        assert!(items("").is_err() && items("circle:group:x").is_err());
    }
}
