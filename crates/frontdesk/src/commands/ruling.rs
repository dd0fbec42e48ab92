//! `frontdesk customer grant` and `customer revoke`: what a person decides about one entitlement of one customer.

use super::desk::Desk;
use super::who::{Meant, meant};
use super::{author, wording};
use crate::assemble::store_failed;
use crate::config;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Args;
use frontdesk_core::email::Email;
use frontdesk_core::entitlement::Standing;
use frontdesk_core::id::{CustomerId, EntitlementId};
use frontdesk_core::outlook::Shift;
use frontdesk_core::plan::Change;
use frontdesk_core::ruling::Verdict;
use frontdesk_core::target::Holder;
use frontdesk_engine::ruling::{Order, Ruled, Whom};
use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a grant and a revocation take.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub struct Arguments {
    /// An address, an id of ours or of a provider, an event, or a case such as FD-1001
    #[arg(value_name = "WHO")]
    who: String,
    /// An entitlement of the catalogue, such as community
    #[arg(value_name = "ENTITLEMENT")]
    entitlement: String,
    /// Why; it is kept, and `explain` shows it
    #[arg(long, alias = "why", value_name = "TEXT")]
    reason: String,
    /// When it ends, as in 30d, 2026-12-24 or 2026-12-24T18:00; without it, never by itself
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Who decides this; without it, whoever is signed in on this machine
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Of the one to whom WHO gave it, by their address: a gift or a seat
    #[arg(long, value_name = "ADDRESS")]
    beneficiary: Option<String>,
}

impl Arguments {
    /// The same, signed by whoever asks, where nobody was named.
    pub(super) fn signed(&self, name: Option<&str>) -> Self {
        Self { by: author::signed(self.by.as_deref(), name), ..self.clone() }
    }
}

/// Grants, or revokes; a revocation without `yes` shows what it would do.
pub(super) async fn run(
    verdict: Verdict,
    arguments: &Arguments,
    yes: bool,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let by = author::named(arguments.by.as_deref())?.to_owned();
    let reason = author::reason(&arguments.reason)?.to_owned();
    let entitlement = entitlement(&arguments.entitlement, desk)?;
    let until = arguments.until.as_deref().map(|text| end(text, desk)).transpose()?;
    let holder = holder(arguments)?;
    let whom = match whom(verdict, &arguments.who, desk, printer).await? {
        Named::One(whom) => whom,
        Named::Several(exit) => return Ok(exit),
    };
    let order = Order { whom, holder, verdict, entitlement, until, until_bought: false, by, reason };
    if verdict == Verdict::Revoke && !yes {
        let foreseen = desk.engine.would_rule(&order).await.map_err(|error| store_failed(&error))?;
        show(&order, &foreseen.ok_or_else(gone)?, desk, printer).await?;
        return Ok(Exit::Found);
    }
    let ruled = desk.engine.rule(&order).await.map_err(|error| store_failed(&error))?;
    show(&order, &ruled.ok_or_else(gone)?, desk, printer).await?;
    Ok(Exit::Done)
}

fn gone() -> Failure {
    let report = Report::error(Code::NotFound, "the customer is not there any more");
    report.hint("they were merged or erased meanwhile: look in `frontdesk event list`").into()
}

fn refused(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Report::error(Code::NotAnId, message).hint(hint).into()
}

fn entitlement(typed: &str, desk: &Desk) -> Result<EntitlementId, Failure> {
    let id = EntitlementId::new(typed.trim());
    let catalogue = desk.engine.catalogue();
    if catalogue.entitlements.contains_key(&id) {
        return Ok(id);
    }
    let known: Vec<_> = catalogue.entitlements.keys().map(|id| format!("`{id}`")).collect();
    let report = Report::error(Code::NotFound, format!("there is no entitlement `{id}`"));
    Err(report.hint(format!("entitlements of the catalogue: {}", known.join(", "))).into())
}

fn holder(arguments: &Arguments) -> Result<Holder, Failure> {
    let Some(typed) = &arguments.beneficiary else { return Ok(Holder::Customer) };
    let address = Email::parse(typed);
    address
        .map(Holder::Beneficiary)
        .ok_or_else(|| refused(format!("`{typed}` is no address"), "write it as in ada@example.com"))
}

/// Why something that was typed is no end of a ruling.
pub(super) struct Odd {
    /// What is wrong with it.
    pub(super) message: String,
    /// What would be right.
    hint: &'static str,
}

fn end(typed: &str, desk: &Desk) -> Result<Timestamp, Failure> {
    instant_of(typed, desk).map_err(|odd| refused(odd.message, odd.hint))
}

/// The instant at which a ruling ends: a length of time from now, an instant, or a day or time of the site's zone.
pub(super) fn instant_of(typed: &str, desk: &Desk) -> Result<Timestamp, Odd> {
    let zone = &desk.site.zone;
    let typed = typed.trim();
    let zoned = |at: DateTime| zone.to_timestamp(at).ok();
    let at = config::duration(typed)
        .and_then(|span| desk.now().checked_add(span).ok())
        .or_else(|| typed.parse::<Timestamp>().ok())
        .or_else(|| typed.parse::<Date>().ok().and_then(|date| zoned(date.at(0, 0, 0, 0))))
        .or_else(|| typed.parse::<DateTime>().ok().and_then(zoned));
    match at {
        Some(at) if at.duration_since(desk.now()) > SignedDuration::ZERO => Ok(at),
        Some(at) => {
            let (now, end) = (desk.when(desk.now()), desk.when(at));
            Err(Odd {
                message: format!("`{typed}` has passed: it is {now}, and the end was {end}"),
                hint: "name an end that is still to come, or leave `--until` out",
            })
        }
        None => Err(Odd {
            message: format!("`{typed}` is no time, such as 30d, 2026-12-24 or 2026-12-24T18:00"),
            hint: "write a length of time, a day, or a day and a time of the site's clock",
        }),
    }
}

/// Who was named, or that several were.
enum Named {
    One(Whom),
    Several(Exit),
}

/// An address means whoever has exactly that one: what merely begins alike is somebody else.
async fn whom(verdict: Verdict, who: &str, desk: &Desk, printer: &mut Printer) -> Result<Named, Failure> {
    if let Some(address) = Email::parse(who)
        && !is_known(&address, desk).await.map_err(|error| store_failed(&error))?
        && desk.engine.known_at(&address).await.map_err(|error| store_failed(&error))?.is_empty()
    {
        return match verdict {
            Verdict::Grant => Ok(Named::One(Whom::Address(address))),
            Verdict::Revoke => {
                let report = Report::error(Code::NotFound, format!("no customer matches `{who}`"));
                let hint = "whoever has access without a payment stands in `frontdesk sync findings`; \
                            a gift is revoked from who paid, with `--beneficiary ADDRESS`";
                Err(report.hint(hint).into())
            }
        };
    }
    Ok(match meant(who, desk, printer).await? {
        Meant::One(customer) => Named::One(Whom::Customer(customer)),
        Meant::Several(exit) => Named::Several(exit),
    })
}

async fn is_known(address: &Email, desk: &Desk) -> Result<bool, frontdesk_store::Error> {
    let store = desk.engine.store();
    for customer in store.find_customers(address.as_str(), 1).await? {
        if store.mails(&customer).await?.contains(address) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn show(order: &Order, ruled: &Ruled, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let address = ruled.address.as_ref().map_or("somebody without an address", |address| address.as_str());
    let until = order.until.map(|at| format!(" until {}", desk.when(at))).unwrap_or_default();
    let by = format!("by {}: {}", order.by, order.reason);
    let entitlement = &order.entitlement;
    printer.text(&match (order.verdict, &ruled.entry) {
        (Verdict::Grant, _) => format!("granted `{entitlement}` to {address}{until}, {by}"),
        (Verdict::Revoke, Some(_)) => format!("revoked `{entitlement}` from {address}{until}, {by}"),
        (Verdict::Revoke, None) => format!("would revoke `{entitlement}` from {address}{until}, {by}"),
    })?;
    for shift in &ruled.shifts {
        printer.text(&line(shift, desk))?;
    }
    if ruled.shifts.is_empty() {
        printer.note("nothing changes in the targets by it now");
    }
    let charging = charging(order, ruled.customer.as_ref(), desk).await?;
    for subscription in &charging {
        printer.note(&format!("`{subscription}` goes on charging: cancel it at the source as well"));
    }
    printer.json(&document(order, ruled, &charging))?;
    Ok(())
}

/// `- access group 4012`.
fn line(shift: &Shift, desk: &Desk) -> String {
    let item = wording::item(&shift.item);
    let why = shift.because.iter().find(|_| shift.change == Change::Leave);
    let why =
        why.map(|claim| format!(" is left as it is: {}", wording::claim(desk, claim))).unwrap_or_default();
    let unsure = if shift.change == Change::Take && !shift.is_seen {
        ", if they have it: nobody has looked yet"
    } else {
        ""
    };
    format!("  {} {item}{unsure}{why}", shift.change.symbol())
}

/// The subscriptions that go on charging for what is revoked.
async fn charging(order: &Order, customer: Option<&CustomerId>, desk: &Desk) -> Result<Vec<String>, Failure> {
    let Some(customer) = customer.filter(|_| order.verdict == Verdict::Revoke) else { return Ok(Vec::new()) };
    let view = desk.engine.view(customer).await.map_err(|error| store_failed(&error))?;
    let Some(view) = view else { return Ok(Vec::new()) };
    let catalogue = desk.engine.catalogue();
    let gives = |plan: &frontdesk_core::id::PlanId| {
        let plan = catalogue.plans.iter().find(|known| known.id == *plan);
        plan.is_some_and(|plan| plan.grants.contains(&order.entitlement))
    };
    let purchases = view.decision.entitled.purchases.iter();
    let alive = purchases.filter(|purchase| {
        purchase.recurring
            && matches!(purchase.standing, Standing::Entitled(_))
            && purchase.plan.as_ref().is_some_and(gives)
    });
    let mut journeys: Vec<_> = alive.map(|purchase| purchase.journey.clone()).collect();
    journeys.dedup();
    Ok(journeys)
}

fn document(order: &Order, ruled: &Ruled, charging: &[String]) -> Value {
    json!({
        "verdict": order.verdict,
        "entitlement": order.entitlement,
        "customer": ruled.customer,
        "address": ruled.address,
        "holder": order.holder,
        "until": order.until,
        "by": order.by,
        "reason": order.reason,
        "entry": ruled.entry,
        "changes": ruled.shifts,
        "goes_on_charging": charging,
    })
}
