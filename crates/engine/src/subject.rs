//! One customer at one instant: everything that is loaded to decide, and the writes that a decision comes to.
//!
//! Apply, wake-ups, answers from targets and acts of operators all end here, so that what follows from a record is
//! worked out in one place.

use crate::bell::Loop;
use crate::contest::{self, told_elsewhere};
use crate::engine::Engine;
use crate::ports::Ports;
use frontdesk_core::case::OpenCase;
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::decision::{Alert, Decision, Input, decide};
use frontdesk_core::desired::{Desired, Other, Removal, Wish};
use frontdesk_core::entitlement::Standing;
use frontdesk_core::id::{CustomerId, EntryId};
use frontdesk_core::overdue::owed;
use frontdesk_core::record::{Record, addresses};
use frontdesk_core::stage::{StageOf, headline};
use frontdesk_core::sync::{Hold, State, Sync};
use frontdesk_core::target::{Holder, Item, Target};
use frontdesk_store::{
    AuditDraft, Case, Commit, CustomerRow, Error, Expect, Identity, SourceRead, Store, Whole, Write,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How a case says that it closed by itself.
pub(crate) const CAUSE_GONE: &str = "the cause is gone";
/// How many mergers are followed from an id to the record that lives: each merger ends in a live one, so more than
/// two hops mean that mergers happened while we looked.
const MERGERS_MAX: usize = 16;

/// Whether a person closed the case.
fn is_dismissed(closed: &Case) -> bool {
    closed.closed_why.as_deref().is_some_and(|why| !why.starts_with(CAUSE_GONE))
}

/// Why a customer is looked at, for the audit log.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    /// What happened: `event`, `wake`, `answer`, `operator` …
    pub(crate) action: &'static str,
    /// Which one: a journal entry, a call, a command.
    pub(crate) by: String,
}

/// Everything that is loaded about one customer.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) record: Record,
    /// The row as stored; `None` for a customer that is new.
    pub(crate) row: Option<CustomerRow>,
    pub(crate) syncs: BTreeMap<Target, Sync>,
    /// The sync rows as stored, to write only those that change.
    pub(crate) stored_syncs: BTreeMap<Target, Sync>,
    pub(crate) cases: Vec<OpenCase>,
    /// Cases that a person closed: for the same reason they stay closed.
    pub(crate) dismissed: Vec<Case>,
    /// Contested items about which another customer's case tells.
    pub(crate) told_elsewhere: BTreeSet<Item>,
    pub(crate) reads: Vec<SourceRead>,
}

/// What was last decided, as kept beside the customer: for lists, and to see what a new decision changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The stages, as a customer sees them.
    pub stages: Vec<StageOf>,
}

impl Summary {
    /// What of it counts as a change of state: for each matter its stage and dates, not when it was last tried.
    fn essence(&self) -> serde_json::Value {
        let of = |stage: &StageOf| {
            let name = stage.entitlement.as_ref().map_or("purchase", |id| id.as_str());
            serde_json::json!({
                "for": name, "holder": stage.holder, "stage": stage.stage, "until": stage.until, "journey": stage.journey,
            })
        };
        self.stages.iter().map(of).collect()
    }
}

/// One row of the table, read back.
pub fn summary(row: &CustomerRow) -> Summary {
    serde_json::from_value(row.summary.clone()).unwrap_or_default()
}

/// What a decision comes to.
pub(crate) struct Plan {
    pub(crate) commit: Commit,
    /// Loops that have something to do once this is committed.
    pub(crate) ring: BTreeSet<Loop>,
}

impl Subject {
    /// A customer of whom nothing is stored yet.
    pub(crate) fn new(record: Record) -> Self {
        Self {
            record,
            row: None,
            syncs: BTreeMap::new(),
            stored_syncs: BTreeMap::new(),
            cases: Vec::new(),
            dismissed: Vec::new(),
            told_elsewhere: BTreeSet::new(),
            reads: Vec::new(),
        }
    }

    /// Loads a live customer; `None` if there is none of that id.
    pub(crate) async fn load(store: &Store, customer: &CustomerId) -> Result<Option<Self>, Error> {
        Ok(Self::load_all(store, std::slice::from_ref(customer)).await?.pop())
    }

    /// Loads the record that a customer's is by now: their own, or the one that it was merged into.
    pub(crate) async fn load_survivor(store: &Store, customer: &CustomerId) -> Result<Option<Self>, Error> {
        let mut id = customer.clone();
        for _ in 0..MERGERS_MAX {
            if let Some(subject) = Self::load(store, &id).await? {
                return Ok(Some(subject));
            }
            match store.customer(&id).await?.and_then(|row| row.merged_into) {
                Some(survivor) => id = survivor,
                None => return Ok(None),
            }
        }
        Err(Error::Corrupt(format!("the mergers of `{customer}` lead in a circle")))
    }

    /// Loads the live ones among `customers`, in this order, all as of one instant.
    pub(crate) async fn load_all(store: &Store, customers: &[CustomerId]) -> Result<Vec<Self>, Error> {
        let mut subjects = Vec::with_capacity(customers.len());
        for Whole { loaded, syncs, open_cases, mut closed_cases, reads } in store.whole(customers).await? {
            closed_cases.retain(is_dismissed);
            subjects.push(Self {
                stored_syncs: syncs.clone(),
                told_elsewhere: told_elsewhere(store, &loaded.record.id, &syncs).await?,
                syncs,
                cases: open_cases,
                dismissed: closed_cases,
                reads,
                record: loaded.record,
                row: Some(loaded.row),
            });
        }
        Ok(subjects)
    }

    /// The other live records that share a target's member or an address with this one: before a removal, what
    /// they want counts too (I14).
    pub(crate) async fn others(&self, store: &Store) -> Result<Vec<Self>, Error> {
        let mut known: BTreeSet<_> = self.record.access_address().into_iter().collect();
        known.extend(self.record.facts.values().flat_map(|fact| addresses(&fact.current().version.body)));
        for sync in self.syncs.values() {
            known.extend(sync.observed.people.keys().filter_map(|holder| match holder {
                Holder::Beneficiary(address) => Some(address.clone()),
                Holder::Customer => None,
            }));
            let people = sync.observed.people.values();
            known.extend(people.filter_map(|person| person.membership.address().cloned()));
        }
        let members = self.syncs.iter().flat_map(|(target, sync)| {
            let people = sync.observed.people.values();
            people.filter_map(|person| Some((*target, person.membership.id()?)))
        });
        let mut sharing = store.records_sharing(&members.collect(), &known).await?;
        sharing.remove(&self.record.id);
        if sharing.is_empty() {
            return Ok(Vec::new());
        }
        Self::load_all(store, &sharing.into_iter().collect::<Vec<_>>()).await
    }

    /// That the record is still as it was loaded, as a condition of a commit.
    pub(crate) fn as_looked_at(&self) -> Option<Expect> {
        let row = self.row.as_ref()?;
        Some(Expect::Revision { customer: self.record.id.clone(), revision: row.revision })
    }

    /// Decides for this customer.
    pub(crate) fn decide<P: Ports>(&self, engine: &Engine<P>, others: &[Self], now: Timestamp) -> Decision {
        self.decide_under(&engine.catalogue(), others, now)
    }

    /// Decides for this customer under a catalogue: the one in force, or one that may come.
    pub(crate) fn decide_under(&self, catalogue: &Catalogue, others: &[Self], now: Timestamp) -> Decision {
        let others: Vec<Other<'_>> =
            others.iter().map(|other| Other { record: &other.record, syncs: &other.syncs }).collect();
        decide(&Input {
            record: &self.record,
            others: &others,
            syncs: &self.syncs,
            open_cases: &self.cases,
            told_elsewhere: &self.told_elsewhere,
            catalogue,
            readable: true,
            now: now.max(self.told_at().unwrap_or(now)),
        })
    }

    /// The latest instant that the source has named for anything of the record. Time is never earlier than that: a
    /// clock that jumped back would give access anew to somebody whose time was seen to be over (RELIABILITY I8, I26).
    /// What people said is dated by our own clock and says nothing about it.
    fn told_at(&self) -> Option<Timestamp> {
        let told = self.record.facts.iter().filter(|(key, _)| !key.kind.is_by_hand());
        let versions = told.flat_map(|(_, fact)| [&fact.event, &fact.read]);
        versions.flatten().map(|version| version.at).max()
    }

    /// Decides, and works out what is to be written: the customer's row, sync rows, reads, cases, alerts and the
    /// audit entry. `first_entry` names the journal entry that a new customer was first needed by.
    pub(crate) fn plan<P: Ports>(
        mut self,
        engine: &Engine<P>,
        others: &[Self],
        first_entry: Option<&EntryId>,
        cause: &Cause,
        now: Timestamp,
    ) -> Plan {
        let catalogue = engine.catalogue();
        let mut decision = self.decide_under(&catalogue, others, now);
        let mut writes = Vec::new();
        let mut ring = BTreeSet::new();
        self.take_up_desired(&decision, engine, &mut ring, now);
        // What the rows now say may change a stage: a row that became due again is no longer parked.
        decision = self.decide_under(&catalogue, others, now);
        let is_forgetful = engine.ports().is_planted("forget_owed");
        for (target, sync) in self.syncs.iter_mut().filter(|_| !is_forgetful) {
            sync.owed = decision.desired.get(target).and_then(|desired| owed(desired, sync, &catalogue, now));
        }
        let customer = &self.record.id;
        for (target, sync) in &self.syncs {
            if self.stored_syncs.get(target) != Some(sync) {
                writes.push(Write::Sync(sync.clone()));
                writes.extend(contest::alert(sync, now));
            }
        }
        self.plan_reads(&decision, &mut writes, &mut ring, now);
        self.plan_cases(&decision, cause, &mut writes, now);
        for alert in &decision.alerts {
            let Alert::UnmappedGood { good } = alert;
            writes.push(Write::AlertOpen {
                key: format!("unmapped:{good}"),
                kind: "unmapped".to_owned(),
                subject: good.to_string(),
                detail: serde_json::json!({ "first_customer": customer }),
                at: now,
            });
        }
        let before = self.row.as_ref().map(summary).unwrap_or_default();
        let after = Summary { stages: decision.stages.clone() };
        if before.essence() != after.essence() {
            writes.push(Write::Audit(AuditDraft {
                customer: customer.clone(),
                linked: None,
                at: now,
                action: cause.action.to_owned(),
                cause: cause.by.clone(),
                node: engine.settings().node.clone(),
                before: before.essence(),
                after: after.essence(),
                personal: Vec::new(),
            }));
        }
        let (revision, created_at, known_first) = self
            .row
            .as_ref()
            .map_or((0, now, None), |row| (row.revision, row.created_at, Some(row.first_entry.clone())));
        let first_entry =
            known_first.or_else(|| first_entry.cloned()).unwrap_or_else(|| EntryId::new("fde_unknown"));
        writes.insert(
            0,
            Write::Customer(CustomerRow {
                id: customer.clone(),
                first_seq: self.record.first_seq,
                first_entry: first_entry.clone(),
                merged_into: None,
                revision,
                is_provisional: self.record.is_provisional(),
                is_entitled: decision
                    .entitled
                    .entitlements
                    .iter()
                    .any(|entitlement| matches!(entitlement.standing, Standing::Entitled(_))),
                next_wake_at: decision.next_wake_at,
                headline: headline(&decision.stages).map(|stage| stage.stage),
                summary: serde_json::to_value(&after).expect("a summary holds only text, numbers and times"),
                created_at,
                updated_at: now,
            }),
        );
        let mails: BTreeSet<_> =
            self.record.facts.values().flat_map(|fact| addresses(&fact.current().version.body)).collect();
        for address in mails {
            writes.push(Write::Identity {
                identity: Identity::Mail(address),
                customer: customer.clone(),
                entry: first_entry.clone(),
            });
        }
        let expect = match revision {
            0 => vec![Expect::NoCustomer(customer.clone())],
            revision => vec![Expect::Revision { customer: customer.clone(), revision }],
        };
        Plan { commit: Commit { expect, writes }, ring }
    }

    /// Gives each target's row its desired state, and makes it due where that changed.
    fn take_up_desired<P: Ports>(
        &mut self,
        decision: &Decision,
        engine: &Engine<P>,
        ring: &mut BTreeSet<Loop>,
        now: Timestamp,
    ) {
        for target in engine.settings().targets.keys() {
            // Nothing desired is something desired too: a row that kept an earlier hash would take the same wish, when
            // it comes back, for work that was done.
            let nothing = Desired { target: *target, holders: BTreeMap::new() };
            let desired = decision.desired.get(target).unwrap_or(&nothing);
            let is_new = !self.syncs.contains_key(target);
            if is_new && desired.holders.values().all(|wishes| wishes.items.is_empty()) {
                continue;
            }
            let customer = self.record.id.clone();
            let sync = self.syncs.entry(*target).or_insert_with(|| Sync::new(customer, *target, now));
            sync.forget_taken(desired);
            let hash = desired.hash();
            let needs_proof = desired
                .holders
                .values()
                .flat_map(|wishes| wishes.items.values())
                .any(|wish| matches!(wish, Wish::Absent { removal: Removal::NeedsProof(_), .. }));
            if sync.desired_hash != hash {
                sync.desire(hash, now);
            } else if matches!(sync.state, State::Held(Hold::Proof)) && !needs_proof {
                sync.retry(now);
            } else {
                continue;
            }
            ring.insert(Loop::of(*target));
        }
    }

    fn plan_reads(
        &self,
        decision: &Decision,
        writes: &mut Vec<Write>,
        ring: &mut BTreeSet<Loop>,
        now: Timestamp,
    ) {
        for want in &decision.reads {
            let due_at = want.not_before.unwrap_or(now);
            writes.push(Write::Read(SourceRead::new(
                want.object.clone(),
                self.record.id.clone(),
                want.purpose,
                due_at,
            )));
            ring.insert(Loop::Reads);
        }
        let wanted: BTreeSet<_> = decision.reads.iter().map(|want| &want.object).collect();
        for read in self.reads.iter().filter(|read| !wanted.contains(&read.key)) {
            writes.push(Write::ReadSettled(read.key.clone()));
        }
    }

    fn plan_cases(&self, decision: &Decision, cause: &Cause, writes: &mut Vec<Write>, now: Timestamp) {
        let customer = &self.record.id;
        let open = |case: &&OpenCase, journey: &str, kind| case.journey == journey && case.kind == kind;
        for wanted in &decision.cases {
            let is_dismissed = self.dismissed.iter().any(|case| {
                case.journey == wanted.journey && case.kind == wanted.kind && case.reason == wanted.reason
            });
            if !is_dismissed && !self.cases.iter().any(|case| open(&case, &wanted.journey, wanted.kind)) {
                writes.push(Write::CaseOpen {
                    customer: customer.clone(),
                    journey: wanted.journey.clone(),
                    kind: wanted.kind,
                    reason: wanted.reason.clone(),
                    at: now,
                    notes: Vec::new(),
                });
            }
        }
        for case in &self.cases {
            if !decision.cases.iter().any(|wanted| open(&case, &wanted.journey, wanted.kind)) {
                writes.push(Write::CaseClose {
                    number: case.number,
                    at: now,
                    why: format!("{CAUSE_GONE} ({} {})", cause.action, cause.by),
                });
            }
        }
    }
}

impl<P: Ports> Engine<P> {
    /// Looks at a customer anew and commits what follows. Repeats when somebody else changed the record meanwhile.
    pub(crate) async fn look_again(&self, customer: &CustomerId, cause: &Cause) -> Result<(), Error> {
        loop {
            let Some(subject) = Subject::load(self.store(), customer).await? else { return Ok(()) };
            let others = subject.others(self.store()).await?;
            let plan = subject.plan(self, &others, None, cause, self.ports().now_wall());
            match self.store().commit(plan.commit).await {
                Ok(_) => {
                    self.announce(customer);
                    self.bell().ring_each(plan.ring);
                    return Ok(());
                }
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
    }
}
