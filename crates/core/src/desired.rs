//! What each target should hold for a record: want, absent or leave, per managed item.

use crate::catalogue::{Catalogue, Good, Withdrawn};
use crate::email::Email;
use crate::entitlement::{CLOCK_SLACK, Claim, Entitled, Purchase, Standing, entitlements};
use crate::fact::{Fact, Key, Kind};
use crate::id::CustomerId;
use crate::record::Record;
use crate::sync::Sync;
use crate::target::{Holder, Item, Membership, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What one item should be for one holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "snake_case")]
pub enum Wish {
    /// The holder should have it.
    Want {
        /// Why.
        because: Vec<Claim>,
    },
    /// The holder should not have it.
    Absent {
        /// Why.
        because: Vec<Claim>,
        /// Since when.
        since: Timestamp,
        /// Whether the removal may be done.
        removal: Removal,
    },
    /// Neither added nor removed.
    Leave {
        /// Why.
        because: Vec<Claim>,
    },
}

impl Wish {
    /// The wish as one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Want { .. } => "want",
            Self::Absent { .. } => "absent",
            Self::Leave { .. } => "leave",
        }
    }

    /// Why.
    pub fn because(&self) -> &[Claim] {
        match self {
            Self::Want { because } | Self::Absent { because, .. } | Self::Leave { because } => because,
        }
    }

    /// Whether a person revoked it, so that also what was never seen is to be gone.
    pub fn is_revoked(&self) -> bool {
        matches!(self, Self::Absent { because, .. } if because.iter().any(Claim::is_revocation))
    }
}

/// Whether a removal may be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "removal", content = "objects", rename_all = "snake_case")]
pub enum Removal {
    /// The source confirmed every deciding object since access ended.
    Proven,
    /// These objects are to be read first. Empty: no source can be read, and the clock's slack has
    /// not passed yet.
    NeedsProof(BTreeSet<Key>),
}

/// What one holder should have in one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// The holder's address.
    pub address: Email,
    /// The holder's name, for a person whom the target does not know yet.
    pub name: Option<String>,
    /// The managed items that the record's purchases ever concerned.
    pub items: BTreeMap<Item, Wish>,
}

/// What one target should hold for a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Which target.
    pub target: Target,
    /// By holder.
    pub holders: BTreeMap<Holder, Wishes>,
}

impl Desired {
    /// Every wish, with whose and of what.
    pub fn wishes(&self) -> impl Iterator<Item = (&Holder, &Item, &Wish)> {
        self.holders
            .iter()
            .flat_map(|(holder, of)| of.items.iter().map(move |(item, wish)| (holder, item, wish)))
    }

    /// SHA-256, as hex, over what is wished of whom, not over why: a row's generation rises only
    /// when its work changes. That a removal became proven is such a change, and that a person revoked it: what was never
    /// seen is then looked for.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (holder, wishes) in &self.holders {
            hash.update(format!("{}\0{}\0{}\n", self.target, String::from(holder.clone()), wishes.address));
            for (item, wish) in &wishes.items {
                let proven = matches!(wish, Wish::Absent { removal: Removal::Proven, .. });
                let ruled = if wish.is_revoked() { "\0revoked" } else { "" };
                hash.update(format!("{item}\0{}\0{proven}{ruled}\n", wish.as_str()));
            }
        }
        hex::encode(hash.finalize())
    }
}

/// Another live record that shares a member or an address with the one in question, and its rows.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    /// The record.
    pub record: &'a Record,
    /// Its rows, which know its member ids.
    pub syncs: &'a BTreeMap<Target, Sync>,
}

/// What every target should hold for `record`.
///
/// Whatever one of `others` wants for the same member or address is never [`Wish::Absent`] here:
/// last one out. `readable`: a key for the record's source is configured, so that removals wait
/// for fresh proof.
pub fn desired(
    record: &Record,
    entitled: &Entitled,
    syncs: &BTreeMap<Target, Sync>,
    others: &[Other<'_>],
    catalogue: &Catalogue,
    readable: bool,
    now: Timestamp,
) -> BTreeMap<Target, Desired> {
    let votes = votes(entitled, catalogue);
    let mut keepers = keepers(&record.id, record, syncs, &votes);
    for other in others.iter().filter(|other| other.record.id != record.id) {
        let entitled = entitlements(&other.record.facts, catalogue, now);
        let votes = self::votes(&entitled, catalogue);
        keepers.extend(self::keepers(&other.record.id, other.record, other.syncs, &votes));
    }
    let proof = Proof { facts: &record.facts, readable, now, unread: unread(entitled) };

    let mut desired: BTreeMap<Target, Desired> = BTreeMap::new();
    for ((holder, item), vote) in votes {
        let target = item.target();
        let known = || known_address(syncs, target, &holder);
        let Some(address) = address_of(record, &holder).or_else(known) else { continue };
        let person = Person::of(&address, &holder, target, syncs);
        let keeper = keepers.iter().find(|keeper| {
            keeper.item == item
                && keeper.person.is(&person)
                && (keeper.customer != record.id || keeper.holder != holder)
        });
        let wish = match (vote.wish(&proof), keeper) {
            (Wish::Absent { .. }, Some(keeper)) => {
                let because =
                    Claim::WantedByAnother { customer: keeper.customer.clone(), item: item.clone() };
                Wish::Leave { because: vec![because] }
            }
            (wish, _) => wish,
        };
        let name = match &holder {
            Holder::Customer => record.name(),
            Holder::Beneficiary(_) => None,
        };
        let of = desired.entry(target).or_insert_with(|| Desired { target, holders: BTreeMap::new() });
        let wishes =
            of.holders.entry(holder).or_insert_with(|| Wishes { address, name, items: BTreeMap::new() });
        wishes.items.insert(item, wish);
    }
    desired
}

/// The address under which a target knows a holder: who is in by member id is put out by it too.
fn known_address(syncs: &BTreeMap<Target, Sync>, target: Target, holder: &Holder) -> Option<Email> {
    syncs.get(&target)?.observed.people.get(holder)?.membership.address().cloned()
}

/// The goods of paid checkouts that are not read yet. What they give is not known, so nothing is taken meanwhile: a
/// second purchase must never find its buyer put out on account of the first.
fn unread(entitled: &Entitled) -> BTreeSet<Key> {
    let unread = entitled.purchases.iter().filter(|purchase| purchase.standing == Standing::Unread);
    unread
        .map(|purchase| Key::new(&purchase.sold_by.source, Kind::LineItems, purchase.sold_by.id.clone()))
        .collect()
}

/// The address under which a holder gets access.
pub(crate) fn address_of(record: &Record, holder: &Holder) -> Option<Email> {
    match holder {
        Holder::Customer => record.access_address(),
        Holder::Beneficiary(address) => Some(address.clone()),
    }
}

/// What the purchases of one record say about one item.
#[derive(Default)]
struct Vote {
    /// Someone is entitled.
    want: Vec<Claim>,
    /// A status that we do not know: as it is.
    leave: Vec<Claim>,
    /// Purchases that ended: since when, by the clock alone or not, and what proves it.
    over: Vec<Ended>,
    /// Only an earlier catalogue gave it.
    earlier: Vec<Claim>,
    /// Purchases that an earlier catalogue mapped are alive.
    earlier_lives: bool,
}

/// A purchase that ended.
struct Ended {
    because: Vec<Claim>,
    at: Timestamp,
    by_clock: bool,
    proof: BTreeSet<Key>,
}

impl Vote {
    fn add(&mut self, purchase: &Purchase) {
        let because = purchase.evidence.clone();
        let proof = purchase.proof.clone();
        match &purchase.standing {
            Standing::Entitled(_) => self.want.extend(because),
            Standing::Unclear { .. } => self.leave.extend(because),
            Standing::Over { why, at } => {
                self.over.push(Ended { because, at: *at, by_clock: why.is_by_clock(), proof });
            }
            // The source once called it active: access may have been given before the first money
            // was known to be missing.
            Standing::PaymentFailed { at, was_active: true, .. } => {
                let at = at.unwrap_or(purchase.started_at);
                self.over.push(Ended { because, at, by_clock: false, proof });
            }
            Standing::PaymentFailed { .. }
            | Standing::Processing
            | Standing::Unread
            | Standing::Nothing { .. } => {}
        }
    }

    /// Nothing was given and nothing is to be taken.
    fn is_empty(&self) -> bool {
        self.want.is_empty() && self.leave.is_empty() && self.over.is_empty() && self.earlier.is_empty()
    }

    fn keeps(&self) -> bool {
        !self.want.is_empty() || !self.leave.is_empty() || self.earlier_lives
    }

    fn wish(self, proof: &Proof<'_>) -> Wish {
        let tidy = |mut claims: Vec<Claim>| {
            claims.sort();
            claims.dedup();
            claims
        };
        if !self.want.is_empty() {
            return Wish::Want { because: tidy(self.want) };
        }
        if !self.leave.is_empty() {
            return Wish::Leave { because: tidy(self.leave) };
        }
        match self.over.iter().map(|over| over.at).max() {
            Some(since) if !self.earlier_lives => {
                let removal = proof.of(&self.over);
                let because = tidy(self.over.into_iter().flat_map(|over| over.because).collect());
                Wish::Absent { because, since, removal }
            }
            _ => Wish::Leave { because: tidy(self.earlier) },
        }
    }
}

/// What every purchase says, by holder and item.
fn votes(entitled: &Entitled, catalogue: &Catalogue) -> BTreeMap<(Holder, Item), Vote> {
    let mut votes: BTreeMap<(Holder, Item), Vote> = BTreeMap::new();
    let revoked =
        entitled.purchases.iter().filter_map(|ruling| Some(((&ruling.holder, ruling.revokes()?), ruling)));
    let revoked: BTreeMap<_, _> = revoked.collect();
    for purchase in &entitled.purchases {
        let mut items: BTreeSet<&Item> = BTreeSet::new();
        for id in purchase.gives(catalogue) {
            // What a person revoked is over, whatever its purchase says.
            let speaks = revoked.get(&(&purchase.holder, id)).copied().unwrap_or(purchase);
            for item in catalogue.entitlements.get(id).into_iter().flat_map(|meaning| &meaning.items) {
                votes.entry((purchase.holder.clone(), item.clone())).or_default().add(speaks);
                items.insert(item);
            }
        }
        // What an earlier catalogue gave and the present one does not: as it is, until a person
        // has confirmed the change (DESIGN §3).
        let lives = matches!(purchase.standing, Standing::Entitled(_) | Standing::Unclear { .. });
        let ended = matches!(purchase.standing, Standing::Over { .. });
        for grant in catalogue.earlier.iter().filter(|grant| sold(purchase, &grant.good) && (lives || ended))
        {
            let withdrawn = catalogue.withdrawn.iter().find(|withdrawn| withdrawn.grant == *grant);
            // Whoever bought it later never had that.
            if withdrawn.is_some_and(|withdrawn| purchase.started_at > withdrawn.at) {
                continue;
            }
            for item in grant.items.iter().filter(|item| !items.contains(*item)) {
                let vote = votes.entry((purchase.holder.clone(), item.clone())).or_default();
                let (good, entitlement) = (grant.good.clone(), grant.entitlement.clone());
                if let Some(Withdrawn { at, by, .. }) = withdrawn {
                    let (at, by) = (*at, by.clone());
                    let meaning = catalogue.entitlements.get(&entitlement);
                    let because = match meaning.filter(|_| purchase.gives(catalogue).contains(&entitlement)) {
                        Some(meaning) => {
                            Claim::Redefined { entitlement, means: meaning.items.clone(), at, by }
                        }
                        None => Claim::Withdrawn { good, entitlement, at, by },
                    };
                    let because = vec![because];
                    // A person saw whom it concerns and confirmed it: there is nothing more to prove.
                    vote.over.push(Ended { because, at, by_clock: false, proof: BTreeSet::new() });
                    continue;
                }
                vote.earlier.push(Claim::GrantedEarlier { good, entitlement });
                vote.earlier_lives |= lives;
            }
        }
    }
    votes.retain(|_, vote| !vote.is_empty());
    votes
}

/// Whether a purchase is of this price or product.
fn sold(purchase: &Purchase, good: &Good) -> bool {
    purchase.sold_by.source == good.source
        && [&purchase.price, &purchase.product].into_iter().flatten().any(|id| *id == good.id)
}

/// A holder in one target, by whatever leads to the same person there.
struct Person {
    addresses: BTreeSet<Email>,
    id: Option<u64>,
}

impl Person {
    fn of(address: &Email, holder: &Holder, target: Target, syncs: &BTreeMap<Target, Sync>) -> Self {
        let seen = syncs.get(&target).and_then(|sync| sync.observed.people.get(holder));
        let mut addresses: BTreeSet<Email> = [address.clone()].into();
        if let Some(Membership::Member { address, .. }) = seen.map(|person| &person.membership) {
            addresses.insert(address.clone());
        }
        Self { addresses, id: seen.and_then(|person| person.membership.id()) }
    }

    fn is(&self, other: &Self) -> bool {
        self.id.is_some() && self.id == other.id || !self.addresses.is_disjoint(&other.addresses)
    }
}

/// Somebody who keeps an item where it is.
struct Keeper {
    customer: CustomerId,
    holder: Holder,
    item: Item,
    person: Person,
}

fn keepers(
    customer: &CustomerId,
    record: &Record,
    syncs: &BTreeMap<Target, Sync>,
    votes: &BTreeMap<(Holder, Item), Vote>,
) -> Vec<Keeper> {
    let kept = votes.iter().filter(|(_, vote)| vote.keeps());
    let keepers = kept.filter_map(|((holder, item), _)| {
        let address = address_of(record, holder)?;
        let person = Person::of(&address, holder, item.target(), syncs);
        Some(Keeper { customer: customer.clone(), holder: holder.clone(), item: item.clone(), person })
    });
    keepers.collect()
}

/// Judges whether ends are proven.
struct Proof<'a> {
    facts: &'a BTreeMap<Key, Fact>,
    readable: bool,
    now: Timestamp,
    /// Goods that are to be read before anything is taken.
    unread: BTreeSet<Key>,
}

impl Proof<'_> {
    fn of(&self, over: &[Ended]) -> Removal {
        if !self.readable {
            let waits = over.iter().any(|over| over.by_clock && self.now < over.at + CLOCK_SLACK);
            return if waits || !self.unread.is_empty() {
                Removal::NeedsProof(BTreeSet::new())
            } else {
                Removal::Proven
            };
        }
        let missing = over.iter().flat_map(|over| {
            over.proof.iter().filter(|key| !self.facts.get(key).is_some_and(|fact| proves(fact, over.at)))
        });
        let missing: BTreeSet<Key> = missing.cloned().chain(self.unread.iter().cloned()).collect();
        if missing.is_empty() { Removal::Proven } else { Removal::NeedsProof(missing) }
    }
}

/// Whether a settled read shows the state that counts, from no earlier than the newest event and
/// the instant at which access ended.
pub(crate) fn proves(fact: &Fact, ended_at: Timestamp) -> bool {
    let told_at = fact.event.as_ref().map_or(ended_at, |event| event.at.max(ended_at));
    fact.current().confirmed_at.is_some_and(|at| at >= told_at)
}
