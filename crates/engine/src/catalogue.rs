//! Taking up a catalogue: at start, or while the loops run.

use crate::bell::Loop;
use crate::engine::{Engine, new_entry_id};
use crate::ports::Ports;
use crate::settings::Settings;
use crate::subject::Subject;
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::email::Email;
use frontdesk_core::id::{CustomerId, SourceId};
use frontdesk_core::outlook::{Shift, shifts};
use frontdesk_core::plan::Change;
use frontdesk_store::{
    CatalogueVersion, Commit, EntryKind, EntryState, Error, Expect, NewEntry, Store, Write,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// Customers that one page reads.
const CUSTOMERS_PER_PAGE: u32 = 200;
/// Which version is in force, by its name, in the table `meta`: of two who bring one into force at once, one is refused.
const IN_FORCE: &str = "catalogue";
/// The least by which a later version is later.
const LATER: SignedDuration = SignedDuration::from_millis(1);

/// The catalogue in force: the file's, carrying along what earlier versions granted.
///
/// Another one than last time enters the journal, and every customer is looked at again under it: a price that was
/// added heals those who bought it, a line that was taken out removes nobody (DESIGN §3).
pub(crate) async fn take_up<P: Ports>(
    ports: &P,
    store: &Store,
    settings: &Settings,
) -> Result<Catalogue, Error> {
    loop {
        let previous = store.catalogue_at(Timestamp::MAX).await?.map(|version| version.catalogue);
        let catalogue = match &previous {
            Some(previous) => succeeding(&settings.catalogue, previous),
            None => settings.catalogue.clone(),
        };
        if previous.as_ref() == Some(&catalogue) {
            return Ok(catalogue);
        }
        match enter(ports, store, &settings.source.id, previous.as_ref(), &catalogue, None).await? {
            TakenUp::Done => return Ok(catalogue),
            // Another node was first: this file's follows what that one granted.
            TakenUp::Overtaken => {}
        }
    }
}

/// What came of bringing a version into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a version that was overtaken is not in force"]
pub enum TakenUp {
    /// It is in force.
    Done,
    /// Another process brought one into force meanwhile, of which this one knows nothing. Nothing was changed: follow that
    /// one, see what would follow from it, and decide again.
    Overtaken,
}

/// The version that what is written makes after `previous`: the same, where nothing was edited.
pub(crate) fn succeeding(written: &Catalogue, previous: &Catalogue) -> Catalogue {
    if previous.as_written() == *written { previous.clone() } else { written.clone().following(previous) }
}

/// Enters a version into the journal, with who confirmed it, if anybody had to. From then on it is in force for whoever
/// decides, and every customer is due. `previous` is the version that it was made to follow: what that one granted it
/// carries along, so nothing is entered where another one is in force by now.
async fn enter<P: Ports>(
    ports: &P,
    store: &Store,
    source: &SourceId,
    previous: Option<&Catalogue>,
    catalogue: &Catalogue,
    by: Option<&str>,
) -> Result<TakenUp, Error> {
    let now = ports.now_wall();
    // Read before the newest version is, so that whoever comes in between is found by the commit.
    let in_force = store.meta(IN_FORCE).await?;
    let newest = store.catalogue_at(Timestamp::MAX).await?;
    if newest.as_ref().map(|version| &version.catalogue) != previous {
        return Ok(TakenUp::Overtaken);
    }
    // The newest version is the one that came last, also where the clock jumped back meanwhile.
    let newest = newest.map(|version| version.since);
    let since = newest.and_then(|since| since.checked_add(LATER).ok()).map_or(now, |after| after.max(now));
    let entry = new_entry_id(ports);
    let version = catalogue.version();
    let body = serde_json::to_vec(catalogue).expect("a catalogue holds only strings, numbers and sets");
    let journal = NewEntry {
        id: entry.clone(),
        source: source.clone(),
        event_key: format!("catalogue:{entry}"),
        kind: EntryKind::Catalogue,
        event_type: "catalogue.changed".to_owned(),
        object_id: Some(version.clone()),
        object_created_at: None,
        livemode: None,
        api_version: None,
        received_at: now,
        verified_by: None,
        headers: by.map_or_else(|| "{}".to_owned(), |by| serde_json::json!({ "by": by }).to_string()),
        body,
        state: EntryState::Effect,
        reason: None,
    };
    let taken_up = CatalogueVersion { version: version.clone(), entry, catalogue: catalogue.clone(), since };
    let mut writes = vec![
        Write::Journal(journal),
        Write::CatalogueVersion(taken_up),
        Write::Meta { key: IN_FORCE.to_owned(), value: version.clone() },
        Write::WakeAll { at: now },
    ];
    for alert in store.open_alerts().await?.into_iter().filter(|alert| alert.kind == "unmapped") {
        let Some((source, id)) = alert.subject.split_once(':') else { continue };
        let source = SourceId::new(source);
        if catalogue.plan_for(&source, Some(id), None).is_some() || catalogue.ignores(&source, Some(id), None)
        {
            writes.push(Write::AlertClose { key: alert.key, at: now });
        }
    }
    let expect = vec![Expect::Meta { key: IN_FORCE.to_owned(), value: in_force }];
    match store.commit(Commit { expect, writes }).await {
        Err(error) if error.is_conflict() => return Ok(TakenUp::Overtaken),
        done => done?,
    };
    tracing::info!(catalogue.version = version, "the catalogue changed: every customer is looked at again");
    Ok(TakenUp::Done)
}

/// What another catalogue would change for one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// Who.
    pub customer: CustomerId,
    /// Under which address they get access.
    pub address: Option<Email>,
    /// What would be given, taken and left, holder by holder.
    pub shifts: Vec<Shift>,
}

impl Prospect {
    /// Whether somebody of this customer would lose something that they hold.
    pub fn takes(&self) -> bool {
        self.shifts.iter().any(|shift| shift.change == Change::Take)
    }
}

/// What taking up what is written would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// The version as it would be taken up; the one in force where nothing was edited.
    pub catalogue: Catalogue,
    /// The customers for whom it would change something, in the order of their ids.
    pub prospects: Vec<Prospect>,
}

impl Foreseen {
    /// Whether anybody would lose anything that they hold.
    pub fn takes(&self) -> bool {
        self.prospects.iter().any(Prospect::takes)
    }
}

/// What becomes of what earlier versions granted and this one does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier<'a> {
    /// All of it is left as it is.
    Keep,
    /// What the new version takes out is withdrawn; what was left before stays so.
    WithdrawNew {
        /// In whose name; empty where nobody confirmed it yet.
        by: &'a str,
    },
    /// All of it is withdrawn.
    Withdraw {
        /// In whose name.
        by: &'a str,
    },
}

impl<P: Ports> Engine<P> {
    /// The version that `written` makes after the one in force.
    pub fn next_catalogue(&self, written: &Catalogue, earlier: Earlier<'_>) -> Catalogue {
        let current = self.catalogue();
        let next = succeeding(written, &current);
        let now = self.ports().now_wall();
        let left = next.left();
        match earlier {
            Earlier::Keep => next,
            Earlier::WithdrawNew { by } => {
                let before = current.left();
                next.withdrawing(left.into_iter().filter(|grant| !before.contains(grant)), now, by)
            }
            Earlier::Withdraw { by } => next.withdrawing(left, now, by),
        }
    }

    /// Works out for every customer what another catalogue would change. Nothing is written.
    pub async fn foresee(&self, catalogue: Catalogue) -> Result<Foreseen, Error> {
        let mut prospects = Vec::new();
        let current = self.catalogue();
        if *current == catalogue {
            return Ok(Foreseen { catalogue, prospects });
        }
        let mut after = None;
        loop {
            let page = self.store().customers(None, after.as_ref(), CUSTOMERS_PER_PAGE).await?;
            let Some(last) = page.last() else { return Ok(Foreseen { catalogue, prospects }) };
            after = Some(last.id.clone());
            for row in page {
                prospects.extend(self.prospect(&row.id, &current, &catalogue).await?);
            }
        }
    }

    async fn prospect(
        &self,
        customer: &CustomerId,
        current: &Catalogue,
        next: &Catalogue,
    ) -> Result<Option<Prospect>, Error> {
        let Some(subject) = Subject::load(self.store(), customer).await? else { return Ok(None) };
        let others = subject.others(self.store()).await?;
        let now = self.ports().now_wall();
        let before = subject.decide_under(current, &others, now);
        let after = subject.decide_under(next, &others, now);
        let shifts = shifts(&before.desired, &after.desired, &subject.syncs);
        let address = subject.record.access_address();
        Ok((!shifts.is_empty()).then(|| Prospect { customer: customer.clone(), address, shifts }))
    }

    /// Has every decision from here on rest on another catalogue, and enters it into the journal, with who confirmed it.
    ///
    /// It is exchanged before it is durable: what is decided after the commit must not rest on the one before. What was
    /// under way meanwhile is refused by the revisions that the commit raises, and worked out again.
    pub async fn take_up(&self, catalogue: Catalogue, by: Option<&str>) -> Result<TakenUp, Error> {
        let source = self.settings().source.id.clone();
        let before = self.catalogue();
        if !catalogue.follows(&before) {
            return Ok(TakenUp::Overtaken);
        }
        self.exchange_catalogue(catalogue.clone());
        let entered = enter(self.ports(), self.store(), &source, Some(&before), &catalogue, by).await;
        match entered {
            Ok(TakenUp::Done) => self.look_at_everything().await,
            Ok(TakenUp::Overtaken) | Err(_) => self.exchange_catalogue(Catalogue::clone(&before)),
        }
        entered
    }

    /// Has another node's catalogue decide here as well. Whether there was one.
    pub async fn follow_catalogue(&self) -> Result<bool, Error> {
        let Some(newest) = self.store().catalogue_at(Timestamp::MAX).await? else { return Ok(false) };
        if newest.catalogue == *self.catalogue() {
            return Ok(false);
        }
        tracing::info!(
            catalogue.version = newest.version,
            "another process took up a catalogue: it is followed"
        );
        self.exchange_catalogue(newest.catalogue);
        // What was decided here meanwhile under the one before is looked at once more.
        let wake = Write::WakeAll { at: self.ports().now_wall() };
        self.store().commit(Commit { expect: Vec::new(), writes: vec![wake] }).await?;
        self.look_at_everything().await;
        Ok(true)
    }

    /// The lists of the targets are read again, for what the catalogue names now, and every loop looks.
    async fn look_at_everything(&self) {
        let targets: BTreeSet<_> = self.settings().targets.keys().copied().collect();
        for target in &targets {
            if let Some(known) = self.accounts().of(*target) {
                let mut known = known.lock().await;
                known.prepared_at = None;
                known.retry_at = None;
            }
        }
        self.bell().ring(Loop::Apply);
        self.bell().ring_each(targets.into_iter().map(Loop::of));
    }
}
