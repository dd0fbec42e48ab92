//! What must be so: each line of a `[[then]]`.

use super::document::{Entry, Node, Problem, Value};
use super::people::{expand, people};
use frontdesk_core::stage::Stage;
use frontdesk_core::target::Target;
use frontdesk_sandbox::Provider;
use std::collections::BTreeSet;

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    /// The stage that a person sees first, or `none`.
    Stage(String),
    /// Who is in a group of Circle, by the name of the plan that gives it.
    Group(&'static str),
    /// Who has a tag in Kit.
    Tag(&'static str),
    /// Who gets mail from Kit.
    Subscribed,
    /// Whom Circle has sent an invitation, once for each.
    Invited,
    Cases,
    Findings,
    Held,
    Parked,
    /// Rows that are due, answered and not seen, or not known.
    Waiting,
    Contested,
    Alerts,
    Brakes,
    /// Events that came by the list alone.
    Healed,
    /// Requests since the `[[then]]` before.
    Calls(Provider),
    CallsAtMost(Provider),
    /// Requests of ours that changed something there, since the beginning.
    Writes(Provider),
}

/// One thing that must be so.
#[derive(Clone, Debug)]
pub(super) struct Expect {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) of: Of,
    pub(super) expected: BTreeSet<String>,
}

/// The keys of a `[[then]]`, besides people.
pub const KEYS: [&str; 14] = [
    "at",
    "after",
    "circle",
    "kit",
    "stripe",
    "cases",
    "findings",
    "held",
    "parked",
    "waiting",
    "contested",
    "alerts",
    "brakes",
    "healed",
];
/// The groups of Circle, each with its id.
pub(super) const GROUPS: [(&str, u64); 3] = [("community", 4012), ("pro", 4013), ("course", 4014)];
/// The tags of Kit.
pub(super) const TAGS: [&str; 3] = ["member", "pro", "course"];
const COUNTS: [&str; 3] = ["calls", "calls_at_most", "writes"];

impl Expect {
    /// Reads one entry of a `[[then]]` that is neither `at` nor `after`.
    pub(super) fn read(entry: &Entry, known: &BTreeSet<String>, into: &mut Vec<Self>) -> Result<(), Problem> {
        let Entry { key, line, node } = entry;
        let texts = |of| -> Result<Self, Problem> {
            let expected = node.texts(key)?.into_iter().flat_map(spread).collect();
            Ok(Self { line: *line, key: key.clone(), of, expected })
        };
        match key.as_str() {
            "circle" => return Self::place(Provider::Circle, node.table(key)?, into),
            "kit" => return Self::place(Provider::Kit, node.table(key)?, into),
            "stripe" => return Self::place(Provider::Stripe, node.table(key)?, into),
            "cases" => into.push(texts(Of::Cases)?),
            "findings" => into.push(texts(Of::Findings)?),
            "held" => into.push(rows(texts(Of::Held)?)?),
            "parked" => into.push(rows(texts(Of::Parked)?)?),
            "waiting" => into.push(rows(texts(Of::Waiting)?)?),
            "contested" => into.push(rows(texts(Of::Contested)?)?),
            "alerts" => into.push(texts(Of::Alerts)?),
            "brakes" => into.push(texts(Of::Brakes)?),
            "healed" => into.push(number(*line, key, node, Of::Healed)?),
            _ => return Self::person(entry, known, into),
        }
        Ok(())
    }

    fn place(provider: Provider, entries: &[Entry], into: &mut Vec<Self>) -> Result<(), Problem> {
        for Entry { key, line, node } in entries {
            let whole = format!("{}.{key}", provider.name());
            let group = GROUPS.iter().find(|(group, _)| group == key).map(|(group, _)| *group);
            let tag = TAGS.into_iter().find(|tag| tag == key);
            let of = match (provider, key.as_str()) {
                (_, "calls") => Of::Calls(provider),
                (_, "calls_at_most") => Of::CallsAtMost(provider),
                (Provider::Circle | Provider::Kit, "writes") => Of::Writes(provider),
                (Provider::Circle, "invited") => Of::Invited,
                (Provider::Kit, "subscribed") => Of::Subscribed,
                (Provider::Circle, _) if group.is_some() => Of::Group(group.expect("it was just found")),
                (Provider::Kit, _) if tag.is_some() => Of::Tag(tag.expect("it was just found")),
                _ => {
                    let named: &[&str] = match provider {
                        Provider::Circle => &["community", "pro", "course", "invited"],
                        Provider::Kit => &["member", "pro", "course", "subscribed"],
                        Provider::Stripe => &[],
                    };
                    let counts: &[&str] = if provider == Provider::Stripe { &COUNTS[..2] } else { &COUNTS };
                    let allowed = [named, counts].concat().join(", ");
                    let what = format!("`{whole}` cannot be looked at; there are {allowed}");
                    return Err(Problem::new(*line, what));
                }
            };
            into.push(match of {
                Of::Group(_) | Of::Tag(_) | Of::Invited | Of::Subscribed => {
                    Self { line: *line, key: whole, of, expected: people(node, key)?.into_iter().collect() }
                }
                of => number(*line, &whole, node, of)?,
            });
        }
        Ok(())
    }

    fn person(entry: &Entry, known: &BTreeSet<String>, into: &mut Vec<Self>) -> Result<(), Problem> {
        let Entry { key, line, node } = entry;
        let Some(everybody) = expand(key).ok().filter(|all| all.iter().all(|one| known.contains(one))) else {
            let what = format!(
                "`{key}` is nobody who was named before, and nothing that can be looked at; there are {}",
                KEYS.join(", ")
            );
            return Err(Problem::new(*line, what));
        };
        for Entry { key: part, line, node } in node.table(key)? {
            if part != "stage" {
                return Err(Problem::new(*line, format!("a person has a `stage`, no `{part}`")));
            }
            let words: Vec<&'static str> =
                Stage::ALL.iter().map(|stage| stage.as_str()).chain(["none"]).collect();
            let word = node.word(part, &words)?;
            into.extend(everybody.iter().map(|one| Self {
                line: *line,
                key: format!("{one}.stage"),
                of: Of::Stage(one.clone()),
                expected: [word.to_owned()].into(),
            }));
        }
        Ok(())
    }
}

fn number(line: usize, key: &str, node: &Node, of: Of) -> Result<Expect, Problem> {
    let expected = [node.number(key)?.to_string()].into();
    Ok(Expect { line, key: key.to_owned(), of, expected })
}

/// A line about a range of people is a line about each.
fn spread(text: &str) -> Vec<String> {
    let (who, rest) = text.split_at(text.find([' ', ':']).unwrap_or(text.len()));
    match expand(who) {
        Ok(all) => all.into_iter().map(|one| format!("{one}{rest}")).collect(),
        Err(_) => vec![text.to_owned()],
    }
}

/// Rows are written `ada in circle`, or `buyer1..30 in circle: brake`; ranges become one line for each.
fn rows(mut expect: Expect) -> Result<Expect, Problem> {
    let mut all = BTreeSet::new();
    for text in &expect.expected {
        let parts = text.split_once(" in ").and_then(|(who, rest)| {
            let (target, why) =
                rest.split_once(": ").map_or((rest, None), |(target, why)| (target, Some(why)));
            Some((expand(who).ok()?, Target::parse(target)?, why))
        });
        let has_why = expect.of == Of::Held;
        let Some((who, target, why)) = parts.filter(|(_, _, why)| why.is_some() == has_why) else {
            let example = if has_why { "ada in circle: brake" } else { "ada in circle" };
            let what = format!("`{}` takes lines such as `{example}`, not `{text}`", expect.key);
            return Err(Problem::new(expect.line, what));
        };
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        all.extend(who.into_iter().map(|one| format!("{one} in {target}{why}")));
    }
    expect.expected = all;
    Ok(expect)
}

/// Whether a value is a table of tables, as `[[then]]` makes them.
pub(super) fn tables<'a>(node: &'a Node, key: &str) -> Result<Vec<(usize, &'a [Entry])>, Problem> {
    match &node.value {
        Value::Table(entries) => Ok(vec![(node.line, entries)]),
        Value::List(items) => items.iter().map(|item| Ok((item.line, item.table(key)?))).collect(),
        _ => Err(Problem::new(node.line, format!("write [[{key}]] before what belongs to it"))),
    }
}
