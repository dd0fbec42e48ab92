//! Who is in a scenario: a first name in small letters, whose address is that name at example.com.

use super::document::{Node, Problem};
use std::collections::BTreeSet;

/// The most people that one range may name.
const RANGE_MAX: u64 = 2_000;
const DOMAIN: &str = "@example.com";

/// The address of a person.
pub fn address(person: &str) -> String {
    format!("{person}{DOMAIN}")
}

/// The person of an address; an address of elsewhere is shown whole.
pub fn name(address: &str) -> String {
    address.strip_suffix(DOMAIN).unwrap_or(address).to_owned()
}

/// The people that a value names: a text or a list of texts, each a name or a range such as `buyer1..30`.
pub(super) fn people(node: &Node, key: &str) -> Result<Vec<String>, Problem> {
    let mut all = Vec::new();
    for text in node.texts(key)? {
        all.extend(expand(text).map_err(|what| Problem::new(node.line, format!("`{key}`: {what}")))?);
    }
    Ok(all)
}

/// `ada` is one person; `buyer1..30` is thirty.
pub(super) fn expand(text: &str) -> Result<Vec<String>, String> {
    let is_name = |name: &str| {
        let mut letters = name.chars();
        letters.next().is_some_and(|first| first.is_ascii_lowercase())
            && letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    let Some((first, last)) = text.split_once("..") else {
        return if is_name(text) {
            Ok(vec![text.to_owned()])
        } else {
            Err(format!(
                "a person is a name in small letters such as ada, or a range such as buyer1..30, not `{text}`"
            ))
        };
    };
    let stem = first.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let numbers = first[stem.len()..].parse::<u64>().ok().zip(last.parse::<u64>().ok());
    match numbers {
        Some((from, to)) if is_name(stem) && from <= to && to - from < RANGE_MAX => {
            Ok((from..=to).map(|nth| format!("{stem}{nth}")).collect())
        }
        _ => Err(format!("a range is written buyer1..30, not `{text}`")),
    }
}

/// People as one short text: runs of numbered names as ranges.
pub(super) fn short(all: &BTreeSet<String>) -> Vec<String> {
    let mut numbered: Vec<(&str, u64, &String)> = Vec::new();
    let mut shown: Vec<String> = Vec::new();
    for person in all {
        let stem = person.trim_end_matches(|letter: char| letter.is_ascii_digit());
        match person[stem.len()..].parse() {
            Ok(nth) if expand(person).is_ok() => numbered.push((stem, nth, person)),
            _ => shown.push(person.clone()),
        }
    }
    numbered.sort_unstable();
    for run in numbered.chunk_by(|one, next| one.0 == next.0 && one.1 + 1 == next.1) {
        match run {
            [(_, _, only)] => shown.push((*only).clone()),
            [(stem, from, _), .., (_, to, _)] => shown.push(format!("{stem}{from}..{to}")),
            [] => {}
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_names_everybody_in_it_and_is_shown_as_one() {
        assert_eq!(expand("ada").unwrap(), ["ada"]);
        assert_eq!(expand("buyer9..11").unwrap(), ["buyer9", "buyer10", "buyer11"]);
        for wrong in ["", "Ada", "ada@example.com", "buyer3..1", "1..3", "buyer..3", "buyer1..9999"] {
            assert!(expand(wrong).is_err(), "{wrong}");
        }
        let all: BTreeSet<String> = ["ada", "buyer9", "buyer10", "buyer12"].map(str::to_owned).into();
        assert_eq!(short(&all), ["ada", "buyer9..10", "buyer12"]);
        assert_eq!(name(&address("ada")), "ada");
    }
}
