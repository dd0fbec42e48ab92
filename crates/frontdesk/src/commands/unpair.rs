//! `frontdesk customer unpair`: takes back that a customer and a member are one.

use super::desk::Desk;
use super::who::{Meant, meant};
use super::{author, wording};
use crate::assemble::store_failed;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Args;
use frontdesk_core::id::CustomerId;
use frontdesk_core::pairing::{Pairing, Word, pairings};
use frontdesk_core::target::Target;
use frontdesk_engine::pairing::{Order, Paired};
use frontdesk_engine::view::CustomerView;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What it takes.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub struct Arguments {
    /// An address, an id of ours or of a provider, an event, or a case such as FD-1001
    #[arg(value_name = "WHO")]
    who: String,
    /// Why; it is kept, and `explain` shows it
    #[arg(long, alias = "why", value_name = "TEXT")]
    reason: String,
    /// The member's number there, where the customer is one with several
    #[arg(long, value_name = "NUMBER")]
    member: Option<u64>,
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

/// Says what would follow, or does it.
pub(super) async fn run(arguments: &Arguments, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let by = author::named(arguments.by.as_deref())?.to_owned();
    let reason = author::reason(&arguments.reason)?.to_owned();
    let customer = match meant(&arguments.who, desk, printer).await? {
        Meant::One(customer) => customer,
        Meant::Several(exit) => return Ok(exit),
    };
    let view = desk.engine.view(&customer).await.map_err(|error| store_failed(&error))?;
    let Some(view) = view else { return Err(unpaired(&customer)) };
    let pairing = one(&view, arguments.member, desk)?;
    let Pairing { holder, target, member, address, .. } = pairing.clone();
    let whose = view.access_address();
    let whose = whose.as_ref().map_or(view.row.id.as_str(), |address| address.as_str());
    let other = format!("{address} ({} member {member})", target.title());
    let follows = follows(target);
    if arguments.yes {
        let customer = view.row.id.clone();
        let order = Order { customer, holder, target, member, address, word: Word::Two, by, reason };
        match desk.engine.pair(&order).await.map_err(|error| store_failed(&error))? {
            Paired::Done => {}
            // Somebody said so, or the record became another's, since it was looked at.
            Paired::Already | Paired::KnownAs { .. } | Paired::SomebodyElse { .. } | Paired::NotFound => {
                return Err(unpaired(&view.row.id));
            }
        }
        printer.text(&format!("{whose} and {other} are two from now on: {follows}"))?;
    } else {
        printer.text(&format!("would say that {whose} and {other} are two: {follows}"))?;
    }
    printer.json(&json!({
        "customer": view.row.id, "target": target, "member": member, "unpaired": arguments.yes,
    }))?;
    Ok(if arguments.yes { Exit::Done } else { Exit::Found })
}

/// The pairing that is meant.
fn one<'a>(view: &'a CustomerView, member: Option<u64>, desk: &Desk) -> Result<&'a Pairing, Failure> {
    let counting = pairings(&view.record.facts).into_iter().map(|counts| counts.pairing);
    let ones: Vec<_> = counting.filter(|pairing| pairing.word == Word::One).collect();
    let mut meant = ones.iter().filter(|pairing| member.is_none_or(|member| pairing.member == member));
    match (meant.next(), meant.next()) {
        (Some(one), None) => Ok(one),
        (None, _) if ones.is_empty() => Err(unpaired(&view.row.id)),
        _ => {
            let all: Vec<_> = pairings(&view.record.facts)
                .iter()
                .filter(|counts| counts.pairing.word == Word::One)
                .map(|counts| wording::pairing(desk, counts))
                .collect();
            let message = format!("`{}` is one with {} members: {}", view.row.id, ones.len(), all.join("; "));
            Err(Report::error(Code::NotFound, message).hint("name one of them with `--member NUMBER`").into())
        }
    }
}

fn unpaired(customer: &CustomerId) -> Failure {
    let message = format!("nobody said that `{customer}` is one with a member under another address");
    let hint =
        "`frontdesk explain` shows what was said; who is known by their own address has nothing to take back";
    Report::error(Code::NotFound, message).hint(hint).into()
}

/// What follows at a target.
fn follows(target: Target) -> &'static str {
    match target {
        Target::Circle => {
            "the member keeps what they have there, and the customer is looked up by their own address, and invited where \
             nobody has it"
        }
        Target::Kit => "the subscriber keeps the tags, and the customer is looked up by their own address",
    }
}
