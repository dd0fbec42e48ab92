//! `frontdesk sync`: what each target is owed, trying again, and releasing a brake.

use super::author;
use super::desk::Desk;
use super::who::{Meant, meant};
use super::{sweep, wording};
use crate::assemble::store_failed;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Subcommand;
use frontdesk_core::desired::Wish;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sync::{Hold, State, Sync};
use frontdesk_core::target::Target;
use frontdesk_engine::Ports as _;
use frontdesk_engine::acts::Acted;
use frontdesk_engine::settings::Mode;
use frontdesk_engine::view::CustomerView;
use frontdesk_store::{Error, SyncFilter};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rows that one page reads.
const PAGE: u32 = 200;
/// The words of the states.
const STATES: [&str; 7] = ["due", "sent", "unknown", "held", "applied", "parked", "contested"];

/// What to do.
#[derive(Clone, Debug, Subcommand, Serialize, Deserialize)]
pub enum Action {
    /// List what each target is owed: every row that is not seen to be as it should, or those in a state
    List {
        /// At this target alone: circle or kit
        #[arg(long, value_name = "TARGET", value_parser = target)]
        target: Option<Target>,
        /// In this state: due, sent, unknown, held, applied, parked or contested
        #[arg(long, value_name = "STATE", value_parser = STATES)]
        state: Option<String>,
        /// Whose access has ended, is still there, and should be gone by now
        #[arg(long)]
        overdue: bool,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: u32,
    },
    /// Try again at once for one customer, with all tries before it
    Retry {
        /// An address, an id of ours or of a provider, an event, or a case such as FD-1001
        #[arg(value_name = "WHO")]
        who: String,
        /// At this target alone: circle or kit
        #[arg(long, value_name = "TARGET", value_parser = target)]
        target: Option<Target>,
    },
    /// Lay the lists of a target beside the record, both ways, as soon as nothing more urgent is due
    Sweep {
        /// This target alone: circle or kit
        #[arg(value_name = "TARGET", value_parser = target)]
        target: Option<Target>,
        /// Lists that are empty, or much shorter than last time, are right
        #[arg(long)]
        accept: bool,
    },
    /// List what sweeps found: who pays and was missing, who has access that no payment gives
    Findings {
        /// At this target alone: circle or kit
        #[arg(long, value_name = "TARGET", value_parser = target)]
        target: Option<Target>,
        /// Those that are settled as well
        #[arg(long)]
        all: bool,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: u32,
    },
    /// Say how many calls each target has left, what a sweep costs, and how long new buyers take
    Forecast {
        /// So many buyers whom nobody has seen before
        #[arg(long, value_name = "NUMBER", default_value_t = 500)]
        buyers: u64,
    },
    /// Let the removals go that wait behind a brake; shows first who would lose what
    Release {
        /// The brake's name, as `frontdesk sync list --state held` shows it
        #[arg(value_name = "BRAKE")]
        brake: String,
        /// Who decides this; it stays in the audit log
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Answer the question with yes
        #[arg(long)]
        yes: bool,
    },
}

/// A target by its word.
pub(super) fn target(text: &str) -> Result<Target, String> {
    Target::parse(text).ok_or_else(|| "circle or kit".to_owned())
}

impl Action {
    /// The same, confirmed; `None` where nothing has to be.
    pub(super) fn confirmed(&self) -> Option<Self> {
        match self {
            Self::Release { brake, by, yes: false } => {
                Some(Self::Release { brake: brake.clone(), by: by.clone(), yes: true })
            }
            _ => None,
        }
    }
}

pub(super) async fn run(action: &Action, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    match action {
        Action::List { target, state, overdue, limit } => {
            let filter = SyncFilter {
                target: *target,
                state: state.clone(),
                overdue_at: overdue.then(|| desk.engine.ports().now_wall()),
                ..SyncFilter::default()
            };
            list(&filter, *limit, desk, printer).await
        }
        Action::Sweep { target, accept } => sweep::ask(*target, *accept, desk, printer).await,
        Action::Findings { target, all, limit } => {
            sweep::findings(*target, *all, *limit, desk, printer).await
        }
        Action::Forecast { buyers } => sweep::forecast(*buyers, desk, printer).await,
        Action::Retry { who, target } => {
            let customer = match meant(who, desk, printer).await? {
                Meant::One(customer) => customer,
                Meant::Several(exit) => return Ok(exit),
            };
            retry(&customer, *target, desk, printer).await
        }
        Action::Release { brake, by, yes } => release(brake, by, *yes, desk, printer).await,
    }
}

/// All rows that fit, in the order of the customers.
async fn rows(
    filter: &SyncFilter,
    limit: usize,
    desk: &Desk,
    wanted: impl Fn(&Sync) -> bool,
) -> Result<Vec<Sync>, Error> {
    let (mut found, mut after) = (Vec::new(), None::<CustomerId>);
    while found.len() < limit {
        let page = desk.engine.store().sync_list(filter, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.customer.clone());
        found.extend(page.into_iter().filter(&wanted));
    }
    found.truncate(limit);
    Ok(found)
}

/// Rows as they stand: one that is due in shadow mode is held, also where nobody looked at it since it became due.
async fn standing(filter: &SyncFilter, limit: usize, desk: &Desk) -> Result<Vec<Sync>, Error> {
    let settings = desk.engine.settings();
    let is_shadow =
        |target: Target| settings.targets.get(&target).is_none_or(|told| told.mode == Mode::Shadow);
    let state_of = |sync: &Sync| match &sync.state {
        State::Due if is_shadow(sync.target) => State::Held(Hold::Shadow),
        state => state.clone(),
    };
    let wanted = |sync: &Sync| match filter.state.as_deref() {
        Some(state) => state_of(sync).as_str() == state,
        None => sync.state != State::Applied,
    };
    // In the store, what is held has two names.
    let state = filter.state.clone().filter(|state| state != "held");
    let mut found = rows(&SyncFilter { state, ..filter.clone() }, limit, desk, wanted).await?;
    for sync in &mut found {
        sync.state = state_of(sync);
    }
    Ok(found)
}

/// Has each row of a customer say that shadow mode holds it, where it does.
pub(super) async fn as_they_stand(view: &mut CustomerView, desk: &Desk) -> Result<(), Failure> {
    let mut kept = Vec::new();
    for sync in view.syncs.values().filter(|sync| sync.state == State::Due) {
        if !Owed::of(sync, view).is_empty()
            && desk.engine.keeps_back(sync).await.map_err(|error| store_failed(&error))?
        {
            kept.push(sync.target);
        }
    }
    for sync in view.syncs.values_mut().filter(|sync| kept.contains(&sync.target)) {
        sync.state = State::Held(Hold::Shadow);
    }
    Ok(())
}

/// How many rows stand how, as [`standing`] shows them.
pub(super) fn counted(
    stored: BTreeMap<(Target, String), i64>,
    desk: &Desk,
) -> BTreeMap<(Target, String), i64> {
    let settings = desk.engine.settings();
    let mut counts = BTreeMap::new();
    for ((target, state), count) in stored {
        let is_kept = settings.targets.get(&target).is_some_and(|settings| settings.mode == Mode::Shadow);
        let state = if is_kept && state == State::Due.as_str() { "held".to_owned() } else { state };
        *counts.entry((target, state)).or_default() += count;
    }
    counts
}

fn document_of(found: &[Sync], owed: &[Owed], counts: &BTreeMap<(Target, String), i64>) -> Value {
    let items: Vec<_> = found.iter().zip(owed).map(|(sync, owed)| document(sync, owed)).collect();
    let counts: Vec<_> = counts
        .iter()
        .map(|((target, state), count)| json!({ "target": target, "state": state, "count": count }))
        .collect();
    json!({ "syncs": items, "counts": counts })
}

/// What waits for a person is not overdue, and is told beside what is.
async fn behind_brakes(desk: &Desk, printer: &mut Printer) -> Result<Value, Failure> {
    let mut behind = Vec::new();
    for brake in desk.engine.store().brakes().await.map_err(|error| store_failed(&error))? {
        let filter = SyncFilter { brake: Some(brake.name.clone()), ..SyncFilter::default() };
        let rows = rows(&filter, usize::MAX, desk, |_| true).await.map_err(|error| store_failed(&error))?;
        printer.note(&format!(
            "{} waiting behind the brake `{}`, which are not overdue: `frontdesk sync release {}` shows them, and lets them go",
            if rows.len() == 1 { "1 removal is".to_owned() } else { format!("{} removals are", rows.len()) },
            brake.name,
            brake.name
        ));
        behind.push(json!({ "brake": brake.name, "target": brake.target, "count": rows.len() }));
    }
    Ok(json!(behind))
}

async fn list(filter: &SyncFilter, limit: u32, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let found = standing(filter, limit as usize, desk).await.map_err(|error| store_failed(&error))?;
    let counts = desk.engine.store().sync_states().await.map_err(|error| store_failed(&error))?;
    let counts = counted(counts, desk);
    let mut owed = Vec::new();
    for sync in &found {
        let view = desk.engine.view(&sync.customer).await.map_err(|error| store_failed(&error))?;
        owed.push(view.map(|view| Owed::of(sync, &view)).unwrap_or_default());
    }
    if found.is_empty() {
        printer.note(match filter {
            SyncFilter { overdue_at: Some(_), .. } => "no removal is overdue",
            SyncFilter { state: Some(_), .. } => "nothing is in that state",
            _ => "nothing is owed",
        });
    } else {
        let shown = found.iter().zip(&owed).map(|(sync, owed)| {
            let cells = vec![
                sync.customer.to_string(),
                sync.target.to_string(),
                desk.when(sync.due_since),
                sync.attempts.to_string(),
                desk.when_known(sync.next_attempt_at),
            ];
            (cells, owed.said(sync, desk))
        });
        printer.listing(&["customer", "target", "since", "tries", "next try"], shown)?;
    }
    let all: Vec<_> = counts
        .iter()
        .map(|((target, state), count)| format!("{} {state}: {count}", target.title()))
        .collect();
    printer.note(&format!("all rows: {}", if all.is_empty() { "none".to_owned() } else { all.join(", ") }));
    let mut document = document_of(&found, &owed, &counts);
    if filter.overdue_at.is_some() {
        document["behind_brakes"] = behind_brakes(desk, printer).await?;
    }
    printer.json(&document)?;
    let now = desk.engine.ports().now_wall();
    let overdue = found.iter().filter(|sync| sync.owed.is_some_and(|owed| owed.is_overdue(now))).count();
    if overdue > 0 {
        let what = if overdue == 1 { "removal is overdue" } else { "removals are overdue" };
        let report = Report::warning(
            Code::RemovalOverdue,
            format!("{overdue} {what}: access has ended and is still there"),
        );
        printer.warning(&report.hint("what failed last says why; take it away by hand if it cannot wait"));
    }
    let needs_person = overdue > 0
        || found.iter().any(|sync| matches!(sync.state, State::Parked { .. } | State::Contested { .. }));
    Ok(if needs_person { Exit::Found } else { Exit::Done })
}

/// What would be written for one row, if nothing held it.
#[derive(Default)]
struct Owed {
    address: Option<String>,
    give: Vec<String>,
    take: Vec<String>,
}

impl Owed {
    /// What is owed by a row of this customer.
    fn of(sync: &Sync, view: &CustomerView) -> Self {
        let address = view.access_address().map(|address| address.as_str().to_owned());
        let mut owed = Self { address, ..Self::default() };
        let wishes = view.decision.desired.get(&sync.target).into_iter().flat_map(|desired| &desired.holders);
        for (holder, wishes) in wishes {
            let person = sync.observed.people.get(holder);
            let is_present = |item| person.is_some_and(|person| person.holds(item));
            for (item, wish) in &wishes.items {
                match wish {
                    Wish::Want { .. } if !is_present(item) => owed.give.push(wording::item(item)),
                    Wish::Absent { .. } if is_present(item) => owed.take.push(wording::item(item)),
                    Wish::Want { .. } | Wish::Absent { .. } | Wish::Leave { .. } => {}
                }
            }
        }
        owed
    }

    const fn is_empty(&self) -> bool {
        self.give.is_empty() && self.take.is_empty()
    }

    /// The lines below a row: whose it is and how it stands, what is owed, what failed last.
    fn said(&self, sync: &Sync, desk: &Desk) -> Vec<String> {
        let address = self.address.as_deref().unwrap_or("no address");
        let mut said = vec![format!("{address}: {}", wording::state(&sync.state))];
        for (what, items) in [("to give", &self.give), ("to take away", &self.take)] {
            if !items.is_empty() {
                said.push(format!("{what}: {}", items.join(", ")));
            }
        }
        if let Some(owed) = sync.owed.filter(|owed| owed.is_overdue(desk.engine.ports().now_wall())) {
            said.push(format!(
                "overdue since {}: it could have been taken away since {}",
                desk.when(owed.overdue_at),
                desk.when(owed.since)
            ));
        }
        if sync.state != State::Applied {
            said.extend(wording::failed(desk, sync).map(|failed| format!("last: {failed}")));
        }
        said
    }
}

fn document(sync: &Sync, owed: &Owed) -> Value {
    json!({
        "customer": sync.customer, "target": sync.target, "state": sync.state, "generation": sync.generation,
        "applied_generation": sync.applied_generation, "attempts": sync.attempts, "due_since": sync.due_since,
        "next_try_at": sync.next_attempt_at, "applied_at": sync.applied_at, "last_failure": sync.last_failure,
        "address": owed.address, "to_give": owed.give, "to_take_away": owed.take,
        "removal_since": sync.owed.map(|owed| owed.since), "removal_overdue_at": sync.owed.map(|owed| owed.overdue_at),
    })
}

async fn retry(
    customer: &CustomerId,
    target: Option<Target>,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let syncs = desk.engine.store().syncs(customer).await.map_err(|error| store_failed(&error))?;
    let wanted: Vec<_> =
        syncs.into_keys().filter(|known| target.is_none_or(|target| target == *known)).collect();
    if wanted.is_empty() {
        let report = Report::error(Code::NotFound, format!("no target is owed anything for `{customer}`"));
        return Err(report.hint("`frontdesk explain` says what they bought, and what that gives").into());
    }
    let mut items = Vec::new();
    for target in wanted {
        let acted = desk.engine.retry_sync(customer, target, "frontdesk sync retry").await;
        let acted = acted.map_err(|error| store_failed(&error))?;
        let said = match acted {
            Acted::Done => "is due now, with all its tries before it",
            Acted::Nothing => "is due already",
            Acted::NotFound => "is owed nothing",
        };
        printer.text(&format!("{} {said}", target.title()))?;
        items.push(json!({ "target": target, "due": acted != Acted::NotFound }));
    }
    printer.json(&json!({ "customer": customer, "retried": items }))?;
    Ok(Exit::Done)
}

/// What one person would lose.
struct Loss {
    customer: CustomerId,
    address: String,
    items: Vec<String>,
}

async fn losses(name: &str, target: Target, desk: &Desk) -> Result<Vec<Loss>, Error> {
    let filter = SyncFilter {
        target: Some(target),
        state: Some("held".to_owned()),
        brake: Some(name.to_owned()),
        ..SyncFilter::default()
    };
    let mut losses = Vec::new();
    for sync in rows(&filter, usize::MAX, desk, |_| true).await? {
        let Some(view) = desk.engine.view(&sync.customer).await? else { continue };
        let wishes = view.decision.desired.get(&target).into_iter().flat_map(|desired| &desired.holders);
        for (holder, wishes) in wishes {
            let person = sync.observed.people.get(holder);
            let held = |item| person.is_some_and(|person| person.holds(item));
            let lost =
                wishes.items.iter().filter(|(item, wish)| matches!(wish, Wish::Absent { .. }) && held(item));
            let items: Vec<_> = lost.map(|(item, _)| wording::item(item)).collect();
            if !items.is_empty() {
                let address = wishes.address.as_str().to_owned();
                losses.push(Loss { customer: sync.customer.clone(), address, items });
            }
        }
    }
    Ok(losses)
}

async fn release(
    name: &str,
    by: &str,
    yes: bool,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let by = author::named(Some(by))?;
    let brake = desk.engine.store().brake(name).await.map_err(|error| store_failed(&error))?;
    let Some(brake) = brake else {
        let brakes = desk.engine.store().brakes().await.map_err(|error| store_failed(&error))?;
        let names: Vec<_> = brakes
            .iter()
            .filter(|brake| brake.released_at.is_none())
            .map(|brake| format!("`{}`", brake.name))
            .collect();
        let hint = if names.is_empty() {
            "no brake is engaged".to_owned()
        } else {
            format!("engaged: {}", names.join(", "))
        };
        return Err(Report::error(Code::NotFound, format!("there is no brake `{name}`")).hint(hint).into());
    };
    if let Some(at) = brake.released_at {
        let who = brake.released_by.unwrap_or_else(|| "somebody".to_owned());
        printer.text(&format!("`{name}` was released by {who} {}", desk.when(at)))?;
        printer.json(&json!({ "brake": name, "released": 0, "released_at": at, "released_by": who }))?;
        return Ok(Exit::Done);
    }
    if !yes {
        let losses = losses(name, brake.target, desk).await.map_err(|error| store_failed(&error))?;
        printer.text(&format!("`{name}` holds since {}: {}\n", desk.when(brake.engaged_at), brake.reason))?;
        let shown = losses
            .iter()
            .map(|loss| vec![loss.customer.to_string(), loss.address.clone(), loss.items.join(", ")]);
        printer.table(&["customer", "address", "would lose"], shown)?;
        printer.text(&format!("\n{} people would lose this at {}", losses.len(), brake.target.title()))?;
        let items: Vec<_> = losses.iter().map(|loss| json!({ "customer": loss.customer, "address": loss.address, "would_lose": loss.items })).collect();
        printer.json(&json!({ "brake": name, "engaged_at": brake.engaged_at, "reason": brake.reason, "losses": items }))?;
        return Ok(Exit::Found);
    }
    let (acted, released) =
        desk.engine.release_brake(name, by).await.map_err(|error| store_failed(&error))?;
    let said = match acted {
        Acted::Done => format!("`{name}` is released; {released} removals are due"),
        Acted::Nothing | Acted::NotFound => format!("`{name}` holds nothing any more"),
    };
    printer.text(&said)?;
    printer.json(&json!({ "brake": name, "released": released, "released_by": by }))?;
    Ok(Exit::Done)
}
