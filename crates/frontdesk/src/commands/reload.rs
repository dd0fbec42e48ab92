//! `frontdesk reload`: reads the configuration again, shows what its catalogue would change, and takes it up.

use super::desk::Desk;
use super::{author, wording};
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Args;
use frontdesk_core::entitlement::Claim;
use frontdesk_core::outlook::Shift;
use frontdesk_core::plan::Change;
use frontdesk_core::target::Holder;
use frontdesk_engine::catalogue::{Earlier, Foreseen, Prospect};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What it takes.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub struct Arguments {
    /// Leave what earlier versions of the catalogue gave as it is, instead of taking it away
    #[arg(long)]
    keep: bool,
    /// Take away also what earlier versions gave and somebody decided to leave
    #[arg(long, conflicts_with = "keep")]
    withdraw_kept: bool,
    /// Who decides this; without it, whoever is signed in on this machine
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Answer the question with yes
    #[arg(long)]
    yes: bool,
}

impl Arguments {
    /// The same, confirmed; `None` where it is.
    pub(super) fn confirmed(&self) -> Option<Self> {
        (!self.yes).then(|| Self { yes: true, ..self.clone() })
    }

    /// The same, signed by whoever asks where nobody was named.
    pub(super) fn signed(&self, name: Option<&str>) -> Self {
        Self { by: author::signed(self.by.as_deref(), name), ..self.clone() }
    }
}

pub(super) async fn run(arguments: &Arguments, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let Some(reloader) = &desk.reloader else {
        let report = Report::error(Code::NotFound, "this Frontdesk was not started from a file");
        return Err(report.hint("a demo reads none again; start it anew").into());
    };
    let by = author::named(arguments.by.as_deref())?;
    let reading = reloader.read().await?;
    for warning in &reading.warnings {
        printer.warning(warning);
    }
    for key in &reading.needs_restart {
        printer.note(&format!("`{key}` needs a restart: until then it stays as it was"));
    }
    let earlier = match (arguments.keep, arguments.withdraw_kept) {
        (true, _) => Earlier::Keep,
        (false, false) => Earlier::WithdrawNew { by },
        (false, true) => Earlier::Withdraw { by },
    };
    let foreseen = reloader.foresee(&reading, earlier).await?;
    let takes = foreseen.takes();
    let is_taken_up = arguments.yes || !takes;
    show(&foreseen, desk, printer)?;
    printer.json(&document(&foreseen, &reading.needs_restart, is_taken_up))?;
    if !is_taken_up {
        return Ok(Exit::Found);
    }
    // Where nobody loses anything, nothing was confirmed: what earlier versions gave stays.
    let catalogue = if takes {
        foreseen.catalogue
    } else {
        desk.engine.next_catalogue(&reading.catalogue(), Earlier::Keep)
    };
    reloader.take_up(reading, catalogue, by).await?;
    printer.text("the configuration is in force")?;
    Ok(Exit::Done)
}

fn show(foreseen: &Foreseen, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let rows = ordered(foreseen).into_iter().map(|prospect| {
        vec![worst(prospect).symbol().to_string(), who(prospect).to_owned(), said(prospect, desk)]
    });
    if !foreseen.prospects.is_empty() {
        printer.table(&["", "who", "what, and why"], rows)?;
    }
    printer.text(&if foreseen.prospects.is_empty() {
        "nobody gains or loses anything".to_owned()
    } else {
        format!("\n{}", Totals::of(foreseen).said())
    })
}

fn who(prospect: &Prospect) -> &str {
    prospect.address.as_ref().map_or(prospect.customer.as_str(), |address| address.as_str())
}

/// Who loses first, then who is given, then who is left as they are; each by address.
fn ordered(foreseen: &Foreseen) -> Vec<&Prospect> {
    let mut prospects: Vec<_> = foreseen.prospects.iter().collect();
    let rank = |prospect: &Prospect| match worst(prospect) {
        Change::Take => 0,
        Change::Give => 1,
        Change::Leave => 2,
    };
    prospects.sort_by(|one, other| (rank(one), who(one)).cmp(&(rank(other), who(other))));
    prospects
}

fn has(prospect: &Prospect, change: Change) -> bool {
    prospect.shifts.iter().any(|shift| shift.change == change)
}

/// What leads the line of a customer for whom several things change: a loss before a gain.
fn worst(prospect: &Prospect) -> Change {
    let changes = [Change::Take, Change::Give];
    changes.into_iter().find(|change| has(prospect, *change)).unwrap_or(Change::Leave)
}

/// How many customers lose, are given and are left as they are. Who loses one thing for another counts among both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Totals {
    lose: usize,
    gain: usize,
    both: usize,
    stay: usize,
}

impl Totals {
    fn of(foreseen: &Foreseen) -> Self {
        let count = |of: &dyn Fn(&Prospect) -> bool| {
            foreseen.prospects.iter().filter(|prospect| of(prospect)).count()
        };
        Self {
            lose: count(&|prospect| has(prospect, Change::Take)),
            gain: count(&|prospect| has(prospect, Change::Give)),
            both: count(&|prospect| has(prospect, Change::Take) && has(prospect, Change::Give)),
            stay: count(&|prospect| worst(prospect) == Change::Leave),
        }
    }

    fn said(self) -> String {
        let Self { lose, gain, both, stay } = self;
        let exchanged =
            if both > 0 { format!(" ({both} of them one thing for another)") } else { String::new() };
        format!(
            "{lose} would lose something, {gain} would be given something{exchanged}, {stay} stay as they are"
        )
    }
}

/// `loses access group 4012, is given tag “pro” (catalogue: …)`.
fn said(prospect: &Prospect, desk: &Desk) -> String {
    let mut said = Vec::new();
    for (change, verb) in
        [(Change::Take, "loses"), (Change::Give, "is given"), (Change::Leave, "keeps as it is")]
    {
        let of: Vec<_> = prospect.shifts.iter().filter(|shift| shift.change == change).collect();
        if !of.is_empty() {
            let items: Vec<_> = of.iter().map(|shift| item(shift)).collect();
            said.push(format!("{verb} {}", items.join(", ")));
        }
    }
    let leading = prospect.shifts.iter().find(|shift| shift.change == worst(prospect));
    let why = leading.and_then(|shift| shift.because.last()).map(|claim| ahead(desk, claim));
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    format!("{}{why}", said.join(", "))
}

/// Why something would change. What a person is asked to confirm, nobody has confirmed yet.
fn ahead(desk: &Desk, claim: &Claim) -> String {
    match claim {
        Claim::Redefined { entitlement, means, .. } => {
            format!("catalogue: `{entitlement}` would mean {}", wording::meaning(means))
        }
        Claim::Withdrawn { good, entitlement, .. } => {
            format!("catalogue: `{good}` would give `{entitlement}` no more")
        }
        known => wording::claim(desk, known),
    }
}

fn item(shift: &Shift) -> String {
    let item = wording::item(&shift.item);
    match &shift.holder {
        Holder::Customer => item,
        Holder::Beneficiary(address) => format!("{item} of {}", address.as_str()),
    }
}

fn document(foreseen: &Foreseen, needs_restart: &[&str], is_taken_up: bool) -> Value {
    let of = |prospect: &Prospect| {
        json!({
            "customer": prospect.customer,
            "address": prospect.address,
            "change": worst(prospect),
            "shifts": prospect.shifts,
        })
    };
    json!({
        "needs_restart": needs_restart,
        "catalogue": foreseen.catalogue.version(),
        "customers": ordered(foreseen).into_iter().map(of).collect::<Vec<_>>(),
        "totals": Totals::of(foreseen),
        "taken_up": is_taken_up,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_core::catalogue::Catalogue;
    use frontdesk_core::email::Email;
    use frontdesk_core::id::CustomerId;
    use frontdesk_core::target::Item;

    fn prospect(address: &str, changes: &[Change]) -> Prospect {
        let address = Email::parse(address).expect("an address");
        let shifts = changes.iter().enumerate().map(|(nth, change)| Shift {
            holder: Holder::Customer,
            address: address.clone(),
            item: Item::KitTag(format!("tag{nth}")),
            change: *change,
            is_seen: true,
            because: Vec::new(),
        });
        Prospect {
            customer: CustomerId::new(format!("cus_{address}")),
            address: Some(address.clone()),
            shifts: shifts.collect(),
        }
    }

    #[test]
    fn who_loses_one_thing_for_another_counts_among_both_and_losses_come_first() {
        let foreseen = Foreseen {
            catalogue: Catalogue::default(),
            prospects: vec![
                prospect("a@example.com", &[Change::Leave]),
                prospect("b@example.com", &[Change::Give]),
                prospect("d@example.com", &[Change::Give, Change::Take]),
                prospect("c@example.com", &[Change::Take]),
            ],
        };
        let addresses: Vec<_> = ordered(&foreseen).into_iter().map(who).collect();
        assert_eq!(addresses, ["c@example.com", "d@example.com", "b@example.com", "a@example.com"]);
        assert_eq!(
            Totals::of(&foreseen).said(),
            "2 would lose something, 2 would be given something (1 of them one thing for another), 1 stay as they are"
        );
    }
}
