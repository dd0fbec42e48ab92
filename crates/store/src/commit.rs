//! One decision, written whole or not at all.

use crate::account::AccountState;
use crate::audit::{AuditDraft, Heads};
use crate::call::{CallAnswer, CallIntent};
use crate::catalogue::CatalogueVersion;
use crate::customer::CustomerRow;
use crate::finding::Finding;
use crate::identity::Identity;
use crate::journal::{EntryState, Inserted, NewEntry};
use crate::link::StatusLink;
use crate::source_read::SourceRead;
use crate::sql::{Answers, Script};
use crate::{
    Error, RETRIES_MAX, Store, account, alert, audit, brake, call, case, catalogue, customer, finding,
    freeze, identity, journal, link, merge, meta, source_read, sync,
};
use frontdesk_core::case::{CaseKind, Reason};
use frontdesk_core::fact::{Fact, Key};
use frontdesk_core::freeze::Freeze;
use frontdesk_core::id::{CustomerId, EntryId};
use frontdesk_core::sweep::{List, Listed};
use frontdesk_core::sync::Sync;
use frontdesk_core::target::Target;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// One decision: what must still be true, and what follows.
///
/// Either all of it is committed, durably, or none. A violated expectation is
/// [`Error::Conflict`]: read again, decide again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// What was read and must still hold at the commit.
    pub expect: Vec<Expect>,
    /// What to write. Customers are written first, then merges, then the rest in the order given;
    /// audit entries and the ends of journal entries come last.
    pub writes: Vec<Write>,
}

/// Something that was read, and on which the decision rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The customer is live and nobody decided about them since. Implied by [`Write::Customer`].
    Revision {
        /// Who.
        customer: CustomerId,
        /// The revision that was read.
        revision: i64,
    },
    /// There is no such customer.
    NoCustomer(CustomerId),
    /// This node still holds the account's lease (I18).
    Epoch {
        /// The account.
        account: String,
        /// This node.
        holder: String,
        /// The lease's epoch.
        epoch: i64,
    },
    /// Desired is still of the generation that was reconciled (C9).
    SyncGeneration {
        /// Whose row.
        customer: CustomerId,
        /// Where.
        target: Target,
        /// The generation.
        generation: i64,
    },
    /// The journal entry is still in this state. Implied by [`Write::JournalEnd`] and
    /// [`Write::JournalRetry`] for waiting entries.
    JournalState {
        /// The entry.
        id: EntryId,
        /// The state.
        state: EntryState,
    },
    /// The installation's value of this name is still what was read.
    Meta {
        /// The name.
        key: String,
        /// The value; `None`: there is none. Then the commit has to set it, by a [`Write::Meta`].
        value: Option<String>,
    },
}

/// One thing to write.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a commit holds a few dozen for a moment; boxes would cost every caller a word"
)]
pub enum Write {
    /// A customer, new (`revision` 0) or decided anew. A conflict if somebody decided since.
    Customer(CustomerRow),
    /// Everything of `loser` becomes `survivor`'s: facts, handles, reads, cases, links, calls,
    /// journal entries, and sync rows where the survivor has none. Where both have a sync row, the
    /// loser's goes: give the joined row as a [`Write::Sync`]. The loser's row stays and names the
    /// survivor; the audit chains stay apart, so give an entry to each, linked to the other.
    Merge {
        /// Who ends.
        loser: CustomerId,
        /// Who goes on.
        survivor: CustomerId,
        /// When.
        at: Timestamp,
    },
    /// A handle that leads to a customer. A tie that leads to another live customer is a conflict.
    Identity {
        /// The handle.
        identity: Identity,
        /// To whom it leads.
        customer: CustomerId,
        /// The journal entry that told it.
        entry: EntryId,
    },
    /// A fact as it is now known.
    Fact {
        /// The object.
        key: Key,
        /// Whose purchase it belongs to.
        customer: CustomerId,
        /// The fact.
        fact: Fact,
    },
    /// A sync row as it is now known, new or not.
    Sync(Sync),
    /// Ends a waiting journal entry, and gives it its place in the order of applying. A conflict
    /// unless it waits.
    JournalEnd {
        /// The entry.
        id: EntryId,
        /// How it ended; never waiting.
        state: EntryState,
        /// Why, for everything but an effect.
        reason: Option<String>,
        /// The customer whom it turned out to be about.
        customer: Option<CustomerId>,
        /// When.
        applied_at: Timestamp,
    },
    /// Puts a waiting journal entry off. A conflict unless it waits.
    JournalRetry {
        /// The entry.
        id: EntryId,
        /// Tries so far.
        tries: u32,
        /// Not before this instant.
        next_try_at: Timestamp,
        /// Why.
        reason: String,
    },
    /// Lets an ended journal entry wait again, as if it had just arrived. A conflict if it waits.
    JournalReplay(EntryId),
    /// A journal entry of our own making, or an answer of a source.
    Journal(NewEntry),
    /// Wants a read. Of two wishes for one object the earlier wins, except while it is failing.
    Read(SourceRead),
    /// Notes a failed try of a read: when next, how often, since when, whether it is parked.
    ReadFailed(SourceRead),
    /// Forgets a read that was answered or is wanted no more.
    ReadSettled(Key),
    /// Opens a case; an open one of the same customer, journey and kind gets the reason instead.
    CaseOpen {
        /// Whose.
        customer: CustomerId,
        /// The journey.
        journey: String,
        /// The kind.
        kind: CaseKind,
        /// The cause.
        reason: Reason,
        /// When.
        at: Timestamp,
        /// Notes to begin with: (author, text).
        notes: Vec<(String, String)>,
    },
    /// Adds a note to a case. A conflict if there is no such case.
    CaseNote {
        /// The case.
        number: u64,
        /// When.
        at: Timestamp,
        /// Who wrote it; `frontdesk` for our own.
        author: String,
        /// The text.
        body: String,
    },
    /// Closes a case. A conflict unless it is open.
    CaseClose {
        /// The case.
        number: u64,
        /// When.
        at: Timestamp,
        /// Why, in our words.
        why: String,
    },
    /// An entry in a customer's audit chain.
    Audit(AuditDraft),
    /// The intent of a call, before it leaves (I16).
    CallIntent(CallIntent),
    /// The outcome of a call. A conflict unless the account is at the answer's epoch (I18) and the
    /// call has no outcome yet.
    CallAnswer(CallAnswer),
    /// Opens an alert, or renews the particulars of an open one.
    AlertOpen {
        /// One cause has one key.
        key: String,
        /// What sort of trouble.
        kind: String,
        /// What it is about; no person.
        subject: String,
        /// The particulars.
        detail: serde_json::Value,
        /// When.
        at: Timestamp,
    },
    /// Closes an alert; nothing happens when none is open.
    AlertClose {
        /// Its key.
        key: String,
        /// When.
        at: Timestamp,
    },
    /// Engages a brake; nothing happens when one of this name exists.
    BrakeEngage {
        /// The name by which a person releases it.
        name: String,
        /// Where removals wait.
        target: Target,
        /// When.
        at: Timestamp,
        /// How many removals in what time, in our words.
        reason: String,
    },
    /// Has every live customer looked at again: the catalogue changed.
    WakeAll {
        /// When.
        at: Timestamp,
    },
    /// Releases a brake and makes the rows behind it due. A conflict unless it holds.
    BrakeRelease {
        /// Its name.
        name: String,
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
    },
    /// A link; of one purpose the newest [`link::LIVE_MAX`] stay.
    StatusLink(StatusLink),
    /// Takes back every link of a customer.
    StatusLinksRevoke {
        /// Whose.
        customer: CustomerId,
        /// When.
        at: Timestamp,
    },
    /// What holds a provider account up, as it is now known.
    Account {
        /// The account.
        name: String,
        /// What holds it up.
        state: AccountState,
    },
    /// One thing that a sweep found; found again by a later sweep it counts once more.
    Finding(Finding),
    /// Settles what a whole sweep found no more.
    FindingsClose {
        /// Where.
        target: Target,
        /// When that sweep began.
        began_at: Timestamp,
    },
    /// Keeps one page of a sweep under way.
    SweepPage {
        /// Whose lists are read.
        target: Target,
        /// The page's place in the sweep.
        nth: u32,
        /// Which list it belongs to.
        list: List,
        /// What is on it.
        entries: Vec<Listed>,
    },
    /// Forgets the pages of a sweep.
    SweepPagesClear(Target),
    /// Freezes, or gives a freeze that holds another end. A conflict if one of this name was thawed.
    Freeze(Freeze),
    /// Ends a freeze and makes the frozen rows due. A conflict unless it holds.
    Thaw {
        /// Its name.
        name: String,
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
    },
    /// Makes due every row of a target that waits because of shadow mode.
    Unshadow {
        /// Where.
        target: Target,
        /// When.
        at: Timestamp,
    },
    /// Brings a version of the catalogue into force.
    CatalogueVersion(CatalogueVersion),
    /// Sets a value of the installation.
    Meta {
        /// Its name.
        key: String,
        /// The value.
        value: String,
    },
}

impl Write {
    /// When it is written: rows must exist before others name them, and PostgreSQL must hold the
    /// customers' locks before it numbers the end of a journal entry.
    fn rank(&self) -> u8 {
        match self {
            Self::Customer(_) => 0,
            Self::Merge { .. } => 1,
            Self::Audit(_) => 3,
            Self::JournalEnd { .. } => 4,
            _ => 2,
        }
    }

    /// Rows of one rank that are locked are locked in the order of their ids.
    fn order(&self) -> &str {
        match self {
            Self::Customer(row) => row.id.as_str(),
            _ => "",
        }
    }
}

/// What a commit gave back, each in the order of the writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The numbers of the cases that were opened or found open.
    pub cases: Vec<u64>,
    /// The keys of alerts that began with this commit.
    pub alerts: Vec<String>,
    /// What became of the journal entries handed in.
    pub entries: Vec<Inserted>,
}

/// What an answer is good for.
enum Harvest<'a> {
    Case,
    Alert(&'a str, Timestamp),
    /// This statement's answer and the next one's.
    Entry(&'a NewEntry),
}

/// A commit as statements, and which answers matter.
struct Compiled<'a> {
    script: Script,
    harvest: Vec<(usize, Harvest<'a>)>,
}

impl Commit {
    /// The customers whose audit chains it touches.
    fn chains(&self) -> BTreeSet<CustomerId> {
        let drafts = self.writes.iter().filter_map(|write| match write {
            Write::Audit(draft) => Some(draft),
            _ => None,
        });
        drafts.flat_map(|draft| [Some(draft.customer.clone()), draft.linked.clone()]).flatten().collect()
    }

    fn compile(&self, mut heads: Heads) -> Compiled<'_> {
        let mut compiled = Compiled { script: Script::new(), harvest: Vec::new() };
        let mut expect: Vec<_> = self.expect.iter().collect();
        expect.sort_by_key(|expect| match expect {
            Expect::Epoch { .. } => (0, ""),
            Expect::Revision { customer, .. } | Expect::NoCustomer(customer) => (1, customer.as_str()),
            Expect::SyncGeneration { customer, .. } => (2, customer.as_str()),
            Expect::JournalState { id, .. } => (3, id.as_str()),
            Expect::Meta { key, .. } => (4, key.as_str()),
        });
        compiled.script.extend(expect.into_iter().map(|expect| match expect {
            Expect::Revision { customer, revision } => customer::expect(customer, *revision),
            Expect::NoCustomer(customer) => customer::expect_none(customer),
            Expect::Epoch { account, holder, epoch } => account::expect(account, holder, *epoch),
            Expect::SyncGeneration { customer, target, generation } => {
                sync::expect(customer, *target, *generation)
            }
            Expect::JournalState { id, state } => journal::expect(id, *state),
            Expect::Meta { key, value } => meta::expect(key, value.as_deref()),
        }));
        let mut writes: Vec<_> = self.writes.iter().collect();
        writes.sort_by_key(|write| (write.rank(), write.order()));
        for write in writes {
            compiled.add(write, &mut heads);
        }
        compiled
    }
}

impl<'a> Compiled<'a> {
    fn add(&mut self, write: &'a Write, heads: &mut Heads) {
        let at = self.script.len();
        match write {
            Write::Customer(row) => self.script.push(customer::put(row)),
            Write::Merge { loser, survivor, at } => self.script.extend(merge::merge(loser, survivor, *at)),
            Write::Identity { identity, customer, entry } => {
                self.script.push(identity::put(identity, customer, entry));
            }
            Write::Fact { key, customer, fact } => self.script.push(customer::put_fact(key, customer, fact)),
            Write::Sync(row) => self.script.extend(sync::put(row)),
            Write::JournalEnd { id, state, reason, customer, applied_at } => {
                self.script.push(journal::end(id, *state, reason.as_deref(), customer.as_ref(), *applied_at));
            }
            Write::JournalRetry { id, tries, next_try_at, reason } => {
                self.script.push(journal::retry(id, *tries, *next_try_at, reason));
            }
            Write::JournalReplay(id) => self.script.push(journal::replay(id)),
            Write::Journal(entry) => {
                self.harvest.push((at, Harvest::Entry(entry)));
                self.script.extend(entry.script());
            }
            Write::Read(read) => self.script.push(source_read::want(read)),
            Write::ReadFailed(read) => self.script.push(source_read::failed(read)),
            Write::ReadSettled(key) => self.script.push(source_read::settled(key)),
            Write::CaseOpen { customer, journey, kind, reason, at: opened_at, notes } => {
                self.harvest.push((at, Harvest::Case));
                self.script.push(case::open(customer, journey, *kind, reason, *opened_at));
                self.script.extend(notes.iter().map(|(author, body)| {
                    case::first_note(customer, journey, *kind, *opened_at, author, body)
                }));
            }
            Write::CaseNote { number, at, author, body } => {
                self.script.push(case::note(*number, *at, author, body));
            }
            Write::CaseClose { number, at, why } => self.script.push(case::close(*number, *at, why)),
            Write::Audit(draft) => self.script.extend(audit::append(draft, heads)),
            Write::CallIntent(intent) => self.script.push(call::intend(intent)),
            Write::CallAnswer(answer) => self.script.extend(call::answer(answer)),
            Write::AlertOpen { key, kind, subject, detail, at: opened_at } => {
                self.harvest.push((at, Harvest::Alert(key, *opened_at)));
                self.script.push(alert::open(key, kind, subject, detail, *opened_at));
            }
            Write::AlertClose { key, at } => self.script.push(alert::close(key, *at)),
            Write::BrakeEngage { name, target, at, reason } => {
                self.script.push(brake::engage(name, *target, *at, reason));
            }
            Write::WakeAll { at } => self.script.push(crate::due::wake_all(*at)),
            Write::BrakeRelease { name, at, by } => self.script.extend(brake::release(name, *at, by)),
            Write::StatusLink(row) => self.script.extend(link::put(row)),
            Write::StatusLinksRevoke { customer, at } => self.script.push(link::revoke(customer, *at)),
            Write::Account { name, state } => self.script.push(account::put(name, state)),
            Write::CatalogueVersion(version) => self.script.push(catalogue::put(version)),
            Write::Finding(row) => self.script.push(finding::put(row)),
            Write::FindingsClose { target, began_at } => {
                self.script.push(finding::close(*target, *began_at));
            }
            Write::SweepPage { target, nth, list, entries } => {
                self.script.push(finding::put_page(*target, *nth, list, entries));
            }
            Write::SweepPagesClear(target) => self.script.push(finding::clear_pages(*target)),
            Write::Freeze(row) => self.script.push(freeze::put(row)),
            Write::Thaw { name, at, by } => self.script.extend(freeze::end(name, *at, by)),
            Write::Unshadow { target, at } => self.script.push(sync::unshadow(*target, *at)),
            Write::Meta { key, value } => self.script.push(meta::put(key, value)),
        }
    }

    fn harvest(harvest: Vec<(usize, Harvest<'_>)>, mut answers: Answers) -> Result<Committed, Error> {
        let mut committed = Committed::default();
        let mut take = |at: usize| answers.get_mut(at).map(std::mem::take).unwrap_or_default();
        for (at, harvest) in harvest {
            match harvest {
                Harvest::Case => committed.cases.push(case::opened(take(at))?),
                Harvest::Alert(key, began) if alert::is_news(take(at), began)? => {
                    committed.alerts.push(key.to_owned());
                }
                Harvest::Alert(..) => {}
                Harvest::Entry(entry) => committed.entries.push(entry.inserted(take(at), take(at + 1))?),
            }
        }
        Ok(committed)
    }
}

impl Store {
    /// Writes one decision, whole or not at all; answers after the commit is durable.
    ///
    /// [`Error::Conflict`] says that something the decision rests on changed, or that a unique key
    /// (a tie, a customer) was taken meanwhile: nothing was written. An audit chain that merely
    /// grew meanwhile is no conflict; the entry is chained anew, a few times.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        let chains = commit.chains();
        let mut tries = 0;
        loop {
            let heads = if chains.is_empty() { Heads::new() } else { self.heads(chains.clone()).await? };
            let Compiled { script, harvest } = commit.compile(heads);
            match self.db.write(script).await {
                Ok(answers) => return Compiled::harvest(harvest, answers),
                Err(error) if audit::is_race(&error) && tries < RETRIES_MAX => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}
