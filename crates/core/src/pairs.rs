//! Who pays without access and who has access without paying may be one person under two addresses. They are paired by
//! likeness, to be confirmed by a person: likeness alone never ties anybody to anything (DESIGN §4).

use crate::email::Email;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody as far as likeness goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Somebody {
    /// The address.
    pub address: Email,
    /// The name, where it is known.
    pub name: Option<String>,
}

/// In what two people are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// The addresses differ in dots or a `+tag` alone.
    SameMailbox,
    /// The same before the `@`, and one domain looks like a slip of the keyboard for the other.
    MistypedDomain,
    /// One letter apart.
    NearlySameAddress,
    /// The same name, of two words or more.
    SameName,
    /// The same before the `@`, at different domains.
    SameLocalPart,
    /// The one's address is made of the other's name.
    NameInAddress,
}

impl Likeness {
    /// How much it says, of a hundred.
    const fn weight(self) -> u32 {
        match self {
            Self::SameMailbox => 90,
            Self::MistypedDomain => 85,
            Self::NearlySameAddress => 70,
            Self::SameName => 60,
            Self::SameLocalPart => 50,
            Self::NameInAddress => 45,
        }
    }

    /// The likeness as a clause.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameMailbox => "the same mailbox but for dots or a +tag",
            Self::MistypedDomain => "one domain looks mistyped",
            Self::NearlySameAddress => "the addresses are one letter apart",
            Self::SameName => "the same name",
            Self::SameLocalPart => "the same before the @",
            Self::NameInAddress => "the name of one is in the address of the other",
        }
    }
}

/// Two who may be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The place among those who pay.
    pub payer: usize,
    /// The place among those who have access.
    pub member: usize,
    /// How alike, of a hundred.
    pub score: u32,
    /// In what.
    pub because: BTreeSet<Likeness>,
}

/// Mailboxes that many have: the same one at two domains says nothing.
const SHARED: [&str; 14] = [
    "admin", "billing", "contact", "hallo", "hello", "hi", "info", "kontakt", "mail", "me", "office",
    "sales", "support", "team",
];
/// The most that a likeness comes to: only a person is certain.
const SCORE_MAX: u32 = 99;
/// Of a domain with more people than this, addresses are not compared letter by letter.
const COMPARED_MAX: usize = 5_000;

/// Pairs everyone who has one much alike, each with one other at most, the most alike first.
///
/// `apart`: those whom a person told apart, by their places among payers and members. They are passed over.
///
/// Only those are compared who share something, so that many thousands take no time.
pub fn pairs(payers: &[Somebody], members: &[Somebody], apart: &BTreeSet<(usize, usize)>) -> Vec<Pair> {
    let traits: Vec<_> = members.iter().map(Traits::of).collect();
    let mut by_mailbox: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut by_name: BTreeMap<&[String], Vec<usize>> = BTreeMap::new();
    let mut by_words: BTreeMap<Vec<&str>, Vec<usize>> = BTreeMap::new();
    let mut by_domain: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (nth, member) in traits.iter().enumerate() {
        by_mailbox.entry(&member.mailbox).or_default().push(nth);
        by_domain.entry(member.domain).or_default().push(nth);
        if member.name.len() > 1 {
            by_name.entry(&member.name).or_default().push(nth);
            by_words.entry(member.name.iter().map(String::as_str).collect()).or_default().push(nth);
        }
        let words = member.words();
        if words.len() > 1 {
            by_words.entry(words).or_default().push(nth);
        }
    }
    let mut found = Vec::new();
    for (payer, somebody) in payers.iter().enumerate() {
        let own = Traits::of(somebody);
        let words = own.words();
        let name: Vec<_> = own.name.iter().map(String::as_str).collect();
        let near = by_domain.get(own.domain).filter(|near| near.len() <= COMPARED_MAX);
        let alike = [
            by_mailbox.get(own.mailbox.as_str()),
            by_name.get(own.name.as_slice()),
            by_words.get(&words),
            by_words.get(&name),
            near,
        ];
        let candidates: BTreeSet<usize> = alike.into_iter().flatten().flatten().copied().collect();
        for member in candidates.into_iter().filter(|member| !apart.contains(&(payer, *member))) {
            let because = likeness(&own, &traits[member]);
            if !because.is_empty() {
                let score = because.iter().map(|likeness| likeness.weight()).sum::<u32>().min(SCORE_MAX);
                found.push(Pair { payer, member, score, because });
            }
        }
    }
    found.sort_by_key(|pair| (std::cmp::Reverse(pair.score), pair.payer, pair.member));
    let (mut payers, mut members) = (BTreeSet::new(), BTreeSet::new());
    found.retain(|pair| {
        let is_free = !payers.contains(&pair.payer) && !members.contains(&pair.member);
        if is_free {
            payers.insert(pair.payer);
            members.insert(pair.member);
        }
        is_free
    });
    found
}

/// What of somebody is compared.
struct Traits<'a> {
    local: &'a str,
    domain: &'a str,
    /// The part before the `@`, without dots and `+tag`.
    mailbox: String,
    /// The words of the name, sorted.
    name: Vec<String>,
}

impl<'a> Traits<'a> {
    fn of(somebody: &'a Somebody) -> Self {
        let (local, domain) = somebody.address.as_str().rsplit_once('@').unwrap_or_default();
        let bare = local.split('+').next().unwrap_or(local);
        let mailbox = bare.chars().filter(|letter| *letter != '.').collect();
        let mut name: Vec<_> = somebody
            .name
            .iter()
            .flat_map(|name| name.split(|letter: char| !letter.is_alphanumeric()))
            .filter(|word| word.chars().count() > 1)
            .map(str::to_lowercase)
            .collect();
        name.sort();
        Self { local: bare, domain, mailbox, name }
    }

    /// The words that the address is made of, sorted.
    fn words(&self) -> Vec<&str> {
        let parts = self.local.split(['.', '_', '-']);
        let mut words: Vec<_> = parts.filter(|word| word.chars().count() > 1).collect();
        words.sort_unstable();
        words
    }

    fn is_shared(&self) -> bool {
        SHARED.contains(&self.mailbox.as_str())
    }
}

fn likeness(one: &Traits<'_>, other: &Traits<'_>) -> BTreeSet<Likeness> {
    let mut because = BTreeSet::new();
    let same_mailbox = one.mailbox == other.mailbox;
    if same_mailbox && one.domain == other.domain {
        because.insert(Likeness::SameMailbox);
    } else if same_mailbox && strsim::damerau_levenshtein(one.domain, other.domain) <= 2 {
        because.insert(Likeness::MistypedDomain);
    } else if same_mailbox && !one.is_shared() && one.mailbox.chars().count() > 3 {
        because.insert(Likeness::SameLocalPart);
    } else if one.domain == other.domain
        && one.mailbox.chars().count() > 5
        && one.mailbox.chars().count().abs_diff(other.mailbox.chars().count()) <= 1
        && strsim::damerau_levenshtein(&one.mailbox, &other.mailbox) == 1
    {
        because.insert(Likeness::NearlySameAddress);
    }
    if one.name.len() > 1 && one.name == other.name {
        because.insert(Likeness::SameName);
    }
    let made_of = |name: &[String], words: &[&str]| {
        name.len() > 1 && name.iter().map(String::as_str).eq(words.iter().copied())
    };
    if !same_mailbox && (made_of(&one.name, &other.words()) || made_of(&other.name, &one.words())) {
        because.insert(Likeness::NameInAddress);
    }
    because
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(address: &str, name: &str) -> Somebody {
        let name = Some(name.to_owned()).filter(|name| !name.is_empty());
        Somebody { address: Email::parse(address).unwrap(), name }
    }

    #[test]
    fn who_may_be_one_is_found_with_the_reasons() {
        use Likeness::{
            MistypedDomain, NameInAddress, NearlySameAddress, SameLocalPart, SameMailbox, SameName,
        };
        for (payer, member, score, because) in [
            (("ada.q@gmail.com", ""), ("adaq+circle@gmail.com", ""), 90, vec![SameMailbox]),
            (("ada@gmial.com", "Ada Q"), ("ada@gmail.com", ""), 85, vec![MistypedDomain]),
            (("adalovelace@work.example", ""), ("adalovelac@work.example", ""), 70, vec![NearlySameAddress]),
            (
                ("billing@studio.example", "Ada Lovelace"),
                ("x7@home.example", "Lovelace, Ada"),
                60,
                vec![SameName],
            ),
            (("ada.lovelace@work.example", ""), ("adalovelace@home.example", ""), 50, vec![SameLocalPart]),
            (
                ("office@studio.example", "Ada Lovelace"),
                ("ada.lovelace@home.example", ""),
                45,
                vec![NameInAddress],
            ),
            (("lovelace_ada@work.example", ""), ("x@home.example", "Ada Lovelace"), 45, vec![NameInAddress]),
            (
                ("ada.l@gmail.com", "Ada Lovelace"),
                ("adal@gmail.com", "Ada Lovelace"),
                99,
                vec![SameMailbox, SameName],
            ),
        ] {
            let found =
                pairs(&[somebody(payer.0, payer.1)], &[somebody(member.0, member.1)], &BTreeSet::new());
            let pair = found.first().unwrap_or_else(|| panic!("{payer:?} {member:?}"));
            assert_eq!((pair.score, &pair.because), (score, &because.into_iter().collect()), "{payer:?}");
        }
    }

    #[test]
    fn what_many_share_pairs_nobody() {
        for (payer, member) in [
            (("info@studio.example", ""), ("info@other.example", "")),
            (("ada@work.example", "Ada"), ("ben@home.example", "Ada")),
            (("ann@work.example", ""), ("anna@work.example", "")),
            (("ada@work.example", ""), ("ada@somewhere.example", "")),
        ] {
            let found =
                pairs(&[somebody(payer.0, payer.1)], &[somebody(member.0, member.1)], &BTreeSet::new());
            assert_eq!(found, [], "{payer:?} {member:?}");
        }
    }

    #[test]
    fn each_has_one_other_at_most_and_the_most_alike_goes_first() {
        let payers = [somebody("adaq@home.example", ""), somebody("ada.q@gmail.com", "")];
        let members = [somebody("adaq@gmail.com", "")];
        let places = |apart| -> Vec<_> {
            pairs(&payers, &members, &apart).iter().map(|pair| (pair.payer, pair.member)).collect()
        };
        assert_eq!(places(BTreeSet::new()), [(1, 0)]);
        assert_eq!(places([(1, 0)].into()), [(0, 0)], "who was told apart stands in nobody's way");
    }
}
