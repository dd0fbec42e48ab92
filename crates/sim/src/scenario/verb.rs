//! What can happen in a scenario: a list, and one thing of it with its particulars.

use super::document::{Node, Problem, Value as Written};
use super::people::{expand, people};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a particular takes.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// People: a name, a range or a list of both.
    People,
    /// A length of time.
    Span,
    /// A whole number.
    Number,
    /// True or false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// How events travel: `normal`, `lost`, `twice`, `reversed` or `late 30m`.
    Delivery,
    /// What a freeze covers: `marketing`, `circle`, `kit`, `plan:pro` or a person.
    Scope,
}

/// One particular of a verb.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Whether it must be there.
    pub is_needed: bool,
}

/// Something that can happen.
#[derive(Clone, Copy, Debug)]
pub struct Verb {
    /// Where: `stripe`, `circle`, `kit` or `frontdesk`.
    pub place: &'static str,
    /// What.
    pub name: &'static str,
    /// Its particulars. A plain value instead of a table is the first of them.
    pub fields: &'static [Field],
}

const fn needs(name: &'static str, takes: Takes) -> Field {
    Field { name, takes, is_needed: true }
}

const fn may(name: &'static str, takes: Takes) -> Field {
    Field { name, takes, is_needed: false }
}

const PLANS: Takes = Takes::Word(&["community", "pro", "course"]);
const TAGS: Takes = Takes::Word(&["member", "pro", "course"]);
const TARGETS: Takes = Takes::Word(&["circle", "kit"]);
const WHO: Field = needs("customer", Takes::People);
const DELIVER: Field = may("deliver", Takes::Delivery);
const PLAN: Field = may("plan", PLANS);
const GROUP: Field = may("group", PLANS);
const SPAN: Field = needs("for", Takes::Span);

const fn verb(place: &'static str, name: &'static str, fields: &'static [Field]) -> Verb {
    Verb { place, name, fields }
}

/// Everything that can happen.
pub const VERBS: &[Verb] = &[
    verb("stripe", "paid", &[WHO, PLAN, may("as", Takes::Word(&["new_customer"])), DELIVER]),
    verb("stripe", "card_declined", &[WHO, PLAN, DELIVER]),
    verb("stripe", "bank_debit_began", &[WHO, PLAN, DELIVER]),
    verb("stripe", "bank_debit_settled", &[WHO, DELIVER]),
    verb("stripe", "bank_debit_failed", &[WHO, DELIVER]),
    verb("stripe", "renewed", &[WHO, DELIVER]),
    verb("stripe", "renewal_failed", &[WHO, DELIVER]),
    verb("stripe", "renewal_recovered", &[WHO, DELIVER]),
    verb("stripe", "cancelled", &[WHO, may("when", Takes::Word(&["now", "period_end"])), DELIVER]),
    verb("stripe", "upgraded", &[WHO, needs("to", PLANS), DELIVER]),
    verb("stripe", "refunded", &[WHO, may("amount", Takes::Number), PLAN, DELIVER]),
    verb("stripe", "disputed", &[WHO, DELIVER]),
    verb("stripe", "dispute_won", &[WHO, DELIVER]),
    verb("stripe", "dispute_lost", &[WHO, DELIVER]),
    verb("stripe", "down_for", &[SPAN]),
    verb("stripe", "refuses_the_key_for", &[SPAN]),
    verb("stripe", "list_is_empty_for", &[SPAN]),
    verb(
        "circle",
        "member",
        &[needs("who", Takes::People), may("state", Takes::Word(&["active", "invited"]))],
    ),
    verb("circle", "accepted", &[needs("who", Takes::People)]),
    verb("circle", "added_by_hand", &[needs("who", Takes::People), GROUP]),
    verb("circle", "removed_by_hand", &[needs("who", Takes::People), GROUP]),
    verb("circle", "deactivated", &[needs("who", Takes::People)]),
    verb("circle", "changed_address", &[needs("who", Takes::People), needs("to", Takes::People)]),
    verb("circle", "down_for", &[SPAN]),
    verb("circle", "refuses_the_key_for", &[SPAN]),
    verb("circle", "lists_are_empty_for", &[SPAN]),
    verb("circle", "group_archived", &[needs("group", PLANS)]),
    verb("circle", "group_restored", &[needs("group", PLANS)]),
    verb("circle", "quota_left", &[needs("calls", Takes::Number)]),
    verb("kit", "subscriber", &[needs("who", Takes::People)]),
    verb("kit", "tagged", &[needs("who", Takes::People), needs("tag", TAGS)]),
    verb("kit", "untagged", &[needs("who", Takes::People), needs("tag", TAGS)]),
    verb("kit", "unsubscribed", &[needs("who", Takes::People)]),
    verb("kit", "down_for", &[SPAN]),
    verb("kit", "refuses_the_key_for", &[SPAN]),
    verb("frontdesk", "down_for", &[SPAN]),
    verb("frontdesk", "freeze", &[needs("what", Takes::Scope), may("for", Takes::Span)]),
    verb("frontdesk", "thaw", &[needs("what", Takes::Scope)]),
    verb("frontdesk", "release_brake", &[needs("target", TARGETS)]),
    verb("frontdesk", "sweep", &[needs("target", TARGETS), may("accept", Takes::Flag)]),
    verb("frontdesk", "retry", &[needs("who", Takes::People), needs("target", TARGETS)]),
    verb("frontdesk", "grant", &[needs("who", Takes::People), PLAN, may("for", Takes::Span)]),
    verb("frontdesk", "revoke", &[needs("who", Takes::People), PLAN, may("for", Takes::Span)]),
    verb("frontdesk", "import", &[needs("from", Takes::Word(&["stripe", "circle", "kit"]))]),
    verb("frontdesk", "file_says_live", &[needs("target", TARGETS)]),
    verb("frontdesk", "go_live", &[needs("target", TARGETS)]),
    verb("frontdesk", "page_looked_at", &[needs("who", Takes::People)]),
];

/// A value of a particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    People(Vec<String>),
    Span(Duration),
    Number(u64),
    Flag(bool),
    Word(String),
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) line: usize,
    pub(super) verb: &'static Verb,
    values: BTreeMap<&'static str, Value>,
}

impl Act {
    /// Reads what is written under `place.name`.
    pub(super) fn read(place: &str, name: &str, line: usize, node: &Node) -> Result<Self, Problem> {
        let verb = VERBS.iter().find(|verb| verb.place == place && verb.name == name);
        let Some(verb) = verb else {
            let known: Vec<_> =
                VERBS.iter().filter(|verb| verb.place == place).map(|verb| verb.name).collect();
            let what = if known.is_empty() {
                format!("nothing happens at `{place}`; there are stripe, circle, kit, frontdesk")
            } else {
                format!("`{place}.{name}` cannot happen; at {place} there are {}", known.join(", "))
            };
            return Err(Problem::new(line, what));
        };
        let mut values = BTreeMap::new();
        let Written::Table(entries) = &node.value else {
            let first = verb.fields.first().expect("every verb has a first particular");
            return Self { line, verb, values: [(first.name, read(first, node)?)].into() }.whole();
        };
        for entry in entries {
            let Some(field) = verb.fields.iter().find(|field| field.name == entry.key) else {
                let known: Vec<_> = verb.fields.iter().map(|field| field.name).collect();
                let what = format!("`{place}.{name}` takes {}, not `{}`", known.join(", "), entry.key);
                return Err(Problem::new(entry.line, what));
            };
            values.insert(field.name, read(field, &entry.node)?);
        }
        Self { line, verb, values }.whole()
    }

    /// Refuses an act that lacks what its verb needs.
    fn whole(self) -> Result<Self, Problem> {
        let Verb { place, name, fields } = self.verb;
        match fields.iter().find(|field| field.is_needed && !self.values.contains_key(field.name)) {
            Some(field) => Err(Problem::new(self.line, format!("`{place}.{name}` needs `{}`", field.name))),
            None => Ok(self),
        }
    }

    /// The people under `key`; none where it is left out.
    pub(super) fn people(&self, key: &str) -> &[String] {
        match self.values.get(key) {
            Some(Value::People(people)) => people,
            _ => &[],
        }
    }

    pub(super) fn word(&self, key: &str) -> Option<&str> {
        match self.values.get(key) {
            Some(Value::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn span(&self) -> Option<Duration> {
        match self.values.get("for") {
            Some(Value::Span(span)) => Some(*span),
            _ => None,
        }
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        match self.values.get(key) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.values.get(key) == Some(&Value::Flag(true))
    }

    /// Everybody whom it names.
    pub(super) fn everybody(&self) -> impl Iterator<Item = &String> {
        self.values.values().flat_map(|value| match value {
            Value::People(people) => people.as_slice(),
            _ => &[],
        })
    }
}

fn read(field: &Field, node: &Node) -> Result<Value, Problem> {
    let key = field.name;
    Ok(match field.takes {
        Takes::People => Value::People(people(node, key)?),
        Takes::Span => Value::Span(node.span(key)?),
        Takes::Number => Value::Number(node.number(key)?),
        Takes::Flag => Value::Flag(node.flag(key)?),
        Takes::Word(allowed) => Value::Word(node.word(key, allowed)?.to_owned()),
        Takes::Delivery => Value::Word(delivery(node, key)?),
        Takes::Scope => Value::Word(scope(node, key)?),
    })
}

/// How events travel.
pub(super) fn delivery(node: &Node, key: &str) -> Result<String, Problem> {
    let text = node.text(key)?;
    let is_late = text.strip_prefix("late ").is_some_and(|span| !span.trim().is_empty());
    if is_late || ["normal", "lost", "twice", "reversed"].contains(&text) {
        return Ok(text.to_owned());
    }
    let what = format!("`{key}` takes normal, lost, twice, reversed or such as `late 30m`, not `{text}`");
    Err(Problem::new(node.line, what))
}

fn scope(node: &Node, key: &str) -> Result<String, Problem> {
    let text = node.text(key)?;
    let is_plan =
        text.strip_prefix("plan:").is_some_and(|plan| ["community", "pro", "course"].contains(&plan));
    if is_plan
        || ["marketing", "circle", "kit"].contains(&text)
        || expand(text).is_ok_and(|all| all.len() == 1)
    {
        return Ok(text.to_owned());
    }
    let what = format!("`{key}` takes marketing, circle, kit, plan:pro or a person, not `{text}`");
    Err(Problem::new(node.line, what))
}
