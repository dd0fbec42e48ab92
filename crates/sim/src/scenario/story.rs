//! A scenario as read from its file: checked whole before anything happens.

use super::document::{Entry, Problem, parse};
use super::expect::{Expect, tables};
use super::given::{Given, unknown};
use super::verb::Act;
use std::collections::BTreeSet;
use std::time::Duration;

/// When a step happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Once everything before it has come to rest.
    AtRest,
    /// So long after the beginning.
    At(Duration),
    /// So long after the step before.
    After(Duration),
}

/// What a step is.
#[derive(Clone, Debug)]
pub(super) enum Do {
    Acts(Vec<Act>),
    Look(Vec<Expect>),
}

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) line: usize,
    pub(super) when: When,
    pub(super) does: Do,
}

/// A scenario.
#[derive(Clone, Debug)]
pub struct Story {
    /// What it shows, as a sentence.
    pub name: String,
    pub(super) given: Given,
    pub(super) steps: Vec<Step>,
}

impl Story {
    /// Reads a scenario. The first thing that is wrong is said, with its line and what is allowed.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let entries = parse(text)?;
        let mut name = None;
        let mut given = Given::default();
        let mut parts: Vec<(usize, bool, &[Entry])> = Vec::new();
        for Entry { key, line, node } in &entries {
            match key.as_str() {
                "name" => name = Some(node.text(key)?.to_owned()),
                // Why it matters, for people.
                "about" => drop(node.text(key)?),
                "given" => given = Given::read(node.table(key)?, *line)?,
                "when" => parts.extend(tables(node, key)?.into_iter().map(|(line, part)| (line, true, part))),
                "then" => {
                    parts.extend(tables(node, key)?.into_iter().map(|(line, part)| (line, false, part)));
                }
                _ => {
                    return Err(unknown(
                        *line,
                        "a scenario",
                        key,
                        &["name", "about", "given", "when", "then"],
                    ));
                }
            }
        }
        let Some(name) = name else { return Err(Problem::new(1, "a scenario needs a `name`")) };
        parts.sort_by_key(|(line, _, _)| *line);
        let mut people: BTreeSet<String> =
            given.targets.values().flat_map(|place| place.people.iter().cloned()).collect();
        people.extend(given.bought_before.iter().flat_map(|(_, _, people)| people.iter().cloned()));
        let mut steps = Vec::new();
        for (line, is_when, part) in parts {
            let step = Step::read(line, is_when, part, &people)?;
            if let Do::Acts(acts) = &step.does {
                people.extend(acts.iter().flat_map(Act::everybody).cloned());
            }
            steps.push(step);
        }
        if !matches!(steps.last(), Some(Step { does: Do::Look(_), .. })) {
            return Err(Problem::new(text.lines().count().max(1), "a scenario ends with a [[then]]"));
        }
        Ok(Self { name, given, steps })
    }
}

impl Step {
    fn read(line: usize, is_when: bool, part: &[Entry], people: &BTreeSet<String>) -> Result<Self, Problem> {
        let mut when = When::AtRest;
        let (mut acts, mut looks) = (Vec::new(), Vec::new());
        for entry in part {
            let Entry { key, line, node } = entry;
            let timed = match key.as_str() {
                "at" => Some(When::At(node.span(key)?)),
                "after" => Some(When::After(node.span(key)?)),
                _ => None,
            };
            if let Some(timed) = timed {
                if when != When::AtRest {
                    return Err(Problem::new(*line, "a step has one time: `at` or `after`"));
                }
                when = timed;
            } else if is_when {
                for happening in node.table(key)? {
                    acts.push(Act::read(key, &happening.key, happening.line, &happening.node)?);
                }
            } else {
                Expect::read(entry, people, &mut looks)?;
            }
        }
        Ok(Self { line, when, does: if is_when { Do::Acts(acts) } else { Do::Look(looks) } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Story::read(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_what_is_allowed() {
        let then = "[[then]]\nparked = []\n";
        for (text, said) in [
            ("name = ", "line 1: "),
            ("[[then]]\n", "line 1: a scenario needs a `name`"),
            ("name = \"x\"\n", "line 1: a scenario ends with a [[then]]"),
            ("name = \"x\"\nwhy = 1\n", "line 2: a scenario has no `why`; it takes name, about, given"),
            (
                "name = \"x\"\n[given]\nwebhook = \"lost\"\n",
                "line 3: [given] has no `webhook`; it takes webhooks",
            ),
            ("name = \"x\"\n[given]\nwebhooks = \"gone\"\n", "line 3: `webhooks` takes normal, lost, twice"),
            (
                "name = \"x\"\n[given]\ncircle.quota = \"few\"\n",
                "line 3: `quota` takes a whole number, not `few`",
            ),
            (
                "name = \"x\"\n[[when]]\nstripe.payed = \"ada\"\n",
                "line 3: `stripe.payed` cannot happen; at stripe there are paid",
            ),
            ("name = \"x\"\n[[when]]\npaddle.paid = \"ada\"\n", "line 3: nothing happens at `paddle`"),
            (
                "name = \"x\"\n[[when]]\nstripe.paid = { plan = \"pro\" }\n",
                "line 3: `stripe.paid` needs `customer`",
            ),
            (
                "name = \"x\"\n[[when]]\nstripe.paid = { customer = \"ada\", plan = \"gold\" }\n",
                "line 3: `plan` takes one of community, pro, course, not `gold`",
            ),
            ("name = \"x\"\n[[when]]\nat = \"soon\"\n", "line 3: `at` takes a length of time such as 90s"),
            (
                "name = \"x\"\n[[then]]\nbob.stage = \"active\"\n",
                "line 3: `bob` is nobody who was named before",
            ),
            (
                "name = \"x\"\n[[when]]\nstripe.paid = \"ada\"\n[[then]]\nada.stage = \"in\"\n",
                "line 5: `stage` takes one of support_review",
            ),
            (
                "name = \"x\"\n[[then]]\ncircle.vip = []\n",
                "line 3: `circle.vip` cannot be looked at; there are community",
            ),
            (
                "name = \"x\"\n[[then]]\nheld = [\"ada\"]\n",
                "line 3: `held` takes lines such as `ada in circle: brake`, not `ada`",
            ),
        ] {
            let found = wrong(text);
            assert!(found.starts_with(said), "{text:?}: {found}");
        }
        assert_eq!(Story::read(&format!("name = \"x\"\n{then}")).unwrap().name, "x");
    }

    #[test]
    fn steps_happen_in_the_order_in_which_they_are_written() {
        let text = "name = \"x\"\n[[when]]\nstripe.paid = \"ada\"\n[[then]]\nada.stage = \"active\"\n[[when]]\nafter = \"1h\"\nstripe.refunded = \"ada\"\n[[then]]\nparked = []\n";
        let story = Story::read(text).unwrap();
        let lines: Vec<_> =
            story.steps.iter().map(|step| (step.line, matches!(step.does, Do::Acts(_)))).collect();
        assert_eq!(lines, [(2, true), (4, false), (6, true), (9, false)]);
        assert_eq!(story.steps[2].when, When::After(Duration::from_hours(1)));
    }
}
