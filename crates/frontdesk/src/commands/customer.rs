//! `frontdesk customer`: the whole of one customer on a page, links to their status page, and what a person decides
//! about their access.

use super::desk::Desk;
use super::sync::as_they_stand;
use super::who::{Meant, meant};
use super::{ruling, unpair, wording};
use crate::assemble::store_failed;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Subcommand;
use frontdesk_core::id::CustomerId;
use frontdesk_core::ruling::Verdict;
use frontdesk_core::sync::State;
use frontdesk_core::target::{Holder, Holding, Item, Target};
use frontdesk_engine::view::CustomerView;
use frontdesk_web::mint_status_link;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What to do.
#[derive(Clone, Debug, Subcommand, Serialize, Deserialize)]
pub enum Action {
    /// Show payment, Circle, Kit, onboarding and support of one customer, each as of when it was seen
    Show {
        /// An address, an id of ours or of a provider, an event, or a case such as FD-1001
        #[arg(value_name = "WHO")]
        who: String,
    },
    /// Print a fresh link to the customer's status page; it opens for seven days
    Link {
        /// An address, an id of ours or of a provider, an event, or a case such as FD-1001
        #[arg(value_name = "WHO")]
        who: String,
    },
    /// Grant an entitlement by hand, paid or not; an address that nobody knows begins a record
    Grant(ruling::Arguments),
    /// Revoke an entitlement by hand, although it may be paid; shows first what would be lost
    Revoke {
        /// What is revoked, and why
        #[command(flatten)]
        arguments: ruling::Arguments,
        /// Answer the question with yes
        #[arg(long)]
        yes: bool,
    },
    /// Take back that a customer and a member under another address are one; shows first what follows
    Unpair(unpair::Arguments),
}

impl Action {
    /// The same, confirmed; `None` where nothing has to be.
    pub(super) fn confirmed(&self) -> Option<Self> {
        match self {
            Self::Revoke { arguments, yes: false } => {
                Some(Self::Revoke { arguments: arguments.clone(), yes: true })
            }
            Self::Unpair(arguments) => arguments.confirmed().map(Self::Unpair),
            _ => None,
        }
    }

    /// The same, signed by whoever asks where nobody was named.
    pub(super) fn signed(&self, name: Option<&str>) -> Self {
        match self {
            Self::Grant(arguments) => Self::Grant(arguments.signed(name)),
            Self::Revoke { arguments, yes } => Self::Revoke { arguments: arguments.signed(name), yes: *yes },
            Self::Unpair(arguments) => Self::Unpair(arguments.signed(name)),
            other => other.clone(),
        }
    }
}

pub(super) async fn run(action: &Action, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let who = match action {
        Action::Show { who } | Action::Link { who } => who,
        Action::Grant(arguments) => return ruling::run(Verdict::Grant, arguments, true, desk, printer).await,
        Action::Revoke { arguments, yes } => {
            return ruling::run(Verdict::Revoke, arguments, *yes, desk, printer).await;
        }
        Action::Unpair(arguments) => return unpair::run(arguments, desk, printer).await,
    };
    let customer = match meant(who, desk, printer).await? {
        Meant::One(customer) => customer,
        Meant::Several(exit) => return Ok(exit),
    };
    match action {
        Action::Link { .. } => link(&customer, desk, printer).await,
        _ => show(&customer, desk, printer).await,
    }
}

fn gone(customer: &CustomerId) -> Failure {
    let report = Report::error(Code::NotFound, format!("no customer has the id `{customer}`"));
    report.hint("it may have been erased; look in `frontdesk event list`").into()
}

async fn link(customer: &CustomerId, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let link = mint_status_link(&desk.engine, desk.site.url.as_str(), customer).await;
    let link = link.map_err(|error| store_failed(&error))?.ok_or_else(|| gone(customer))?;
    printer.note(
        "whoever has this link sees the customer's status: hand it to nobody else; it opens for 7 days",
    );
    printer.text(&link)?;
    printer.json(&json!({ "customer": customer, "link": link }))?;
    Ok(Exit::Done)
}

async fn show(customer: &CustomerId, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let view = desk.engine.view(customer).await.map_err(|error| store_failed(&error))?;
    let mut view = view.ok_or_else(|| gone(customer))?;
    as_they_stand(&mut view, desk).await?;
    let mails = desk.engine.store().mails(customer).await.map_err(|error| store_failed(&error))?;
    let address = view.access_address();
    let address = address.as_ref().map_or("no address", |address| address.as_str());
    printer.text(&format!("{address}  {}  since {}\n", view.row.id, desk.when(view.row.created_at)))?;
    printer.table(&["what", "as of", "how it stands"], rows(desk, &view))?;
    let further: Vec<_> = mails.iter().map(|mail| mail.as_str().to_owned()).collect();
    printer.json(&json!({
        "customer": view.row.id,
        "address": view.access_address().map(|address| address.as_str().to_owned()),
        "addresses": further,
        "created_at": view.row.created_at,
        "revision": view.row.revision,
        "payment": { "as_of": told_at(&view), "purchases": view.decision.entitled.purchases },
        "circle": target(&view, Target::Circle),
        "kit": target(&view, Target::Kit),
        "onboarding": { "as_of": view.as_of, "stage": view.headline().map(|of| of.stage), "stages": view.decision.stages },
        "support": { "as_of": view.as_of, "open_cases": view.cases },
    }))?;
    Ok(Exit::Done)
}

/// When the source last told anything about the customer.
fn told_at(view: &CustomerView) -> Option<Timestamp> {
    view.record.facts.values().map(|fact| fact.current().version.at).max()
}

fn target(view: &CustomerView, target: Target) -> Value {
    let Some(sync) = view.syncs.get(&target) else { return Value::Null };
    json!({
        "as_of": view.last_seen(target),
        "state": sync.state,
        "next_try_at": sync.next_attempt_at,
        "last_failure": sync.last_failure,
        "people": sync.observed,
    })
}

fn rows(desk: &Desk, view: &CustomerView) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = |what: &str, text: String, at: String| rows.push(vec![what.to_owned(), at, text]);
    let paid_at = desk.when_known(told_at(view));
    for purchase in &view.decision.entitled.purchases {
        if let Some(entitlement) = &purchase.by_hand {
            let said: Vec<_> = purchase.evidence.iter().map(|claim| wording::claim(desk, claim)).collect();
            let stands = wording::standing(desk, &purchase.standing);
            row(
                "by hand",
                format!("{entitlement}: {stands}; {}", said.join(", ")),
                desk.when(purchase.started_at),
            );
            continue;
        }
        let title = purchase
            .title
            .clone()
            .or_else(|| purchase.price.clone())
            .unwrap_or_else(|| purchase.journey.clone());
        row("payment", format!("{title}: {}", wording::standing(desk, &purchase.standing)), paid_at.clone());
    }
    for (target, sync) in &view.syncs {
        for (holder, person) in &sync.observed.people {
            let whose = match holder {
                Holder::Customer => String::new(),
                Holder::Beneficiary(address) => format!("{}: ", address.as_str()),
            };
            let present = |(item, holding): (&Item, &Holding)| {
                matches!(holding, Holding::Present { .. }).then(|| wording::item(item))
            };
            let holds: Vec<_> = person.items.iter().filter_map(present).collect();
            let holds =
                if holds.is_empty() { "nothing of the catalogue".to_owned() } else { holds.join(", ") };
            let known = wording::membership(desk, &person.membership);
            row(
                target.as_str(),
                format!("{whose}{known}; holds {holds}"),
                desk.when_known(view.last_seen(*target)),
            );
        }
        if sync.state != State::Applied {
            row(
                target.as_str(),
                format!("{}, since", wording::state(&sync.state)),
                desk.when(sync.due_since),
            );
        }
    }
    for of in &view.decision.stages {
        let title = of.title.clone().unwrap_or_else(|| "a purchase without a plan".to_owned());
        row("onboarding", format!("{title}: {}", of.stage), desk.when(view.as_of));
    }
    for case in &view.cases {
        row("support", format!("case FD-{} ({}) is open", case.number, case.kind), desk.when(case.opened_at));
    }
    if view.cases.is_empty() {
        row("support", "no open case".to_owned(), desk.when(view.as_of));
    }
    rows
}
