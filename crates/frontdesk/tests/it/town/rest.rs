//! How a town comes to rest, and what is then left: the end of every test.

use super::sight::{rows, text};
use super::{JUMP_MAX, Town};
use frontdesk_core::sync::State;
use frontdesk_core::target::Target;
use frontdesk_engine::account::SOURCE;
use frontdesk_engine::rebuild::Rebuilt;
use frontdesk_store::CaseFilter;
use jiff::Timestamp;
use serde_json::Value;

/// What is left once nothing is under way. All that a test does not mention is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    /// What Circle was asked, in order.
    pub(crate) circle: Vec<&'static str>,
    /// What Kit was asked, in order.
    pub(crate) kit: Vec<&'static str>,
    /// Rows that are not seen to be as desired: target and state.
    pub(crate) unsettled: Vec<&'static str>,
    /// Kind and subject of every open alert.
    pub(crate) alerts: Vec<&'static str>,
    /// The kind of every open case.
    pub(crate) cases: Vec<&'static str>,
    /// Answers to webhooks other than 200.
    pub(crate) refused: Vec<u64>,
    /// Entries of the journal in quarantine.
    pub(crate) quarantined: i64,
}

/// The same with words that live as long as they are looked at.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    circle: Vec<String>,
    kit: Vec<String>,
    unsettled: Vec<String>,
    alerts: Vec<String>,
    cases: Vec<String>,
    refused: Vec<u64>,
    quarantined: i64,
}

impl Town {
    /// Waits until nothing is under way or due soon, and compares what is left with what a test mentions.
    pub(crate) fn rest(&self, expected: Rest) {
        self.settle();
        let left = self.left();
        self.compare(&left, expected);
    }

    /// The same where the calls are not the matter.
    pub(crate) fn rest_but_calls(&self, expected: Rest) {
        self.settle();
        let left = Left { circle: Vec::new(), kit: Vec::new(), ..self.left() };
        self.compare(&left, expected);
    }

    fn compare(&self, left: &Left, expected: Rest) {
        let words = |lines: Vec<&str>| -> Vec<String> { lines.into_iter().map(str::to_owned).collect() };
        let Rest { circle, kit, unsettled, alerts, cases, refused, quarantined } = expected;
        let expected = Left {
            circle: words(circle),
            kit: words(kit),
            unsettled: words(unsettled),
            alerts: words(alerts),
            cases: words(cases),
            refused,
            quarantined,
        };
        assert!(*left == expected, "left {left:#?}\nand not {expected:#?}");
        self.holds_together();
    }

    fn left(&self) -> Left {
        let mut unsettled = Vec::new();
        for target in Target::ALL {
            let open = self.syncs(target).into_iter().filter(|row| row.state != State::Applied);
            unsettled.extend(open.map(|row| format!("{target} {}", row.state)));
        }
        unsettled.sort();
        let store = self.engine().store();
        let cases = self.ask(store.cases(&CaseFilter::default(), None, 1_000)).unwrap();
        let mut cases: Vec<_> = cases
            .into_iter()
            .filter(|case| case.closed_at.is_none())
            .map(|case| case.kind.to_string())
            .collect();
        cases.sort();
        Left {
            circle: self.calls("circle"),
            kit: self.calls("kit"),
            unsettled,
            alerts: self.alerts(),
            cases,
            refused: self.answers().into_iter().filter(|status| *status != 200).collect(),
            quarantined: self.ask(store.balance()).unwrap().quarantined,
        }
    }

    /// What holds of every Frontdesk at rest.
    fn holds_together(&self) {
        let engine = self.engine();
        let store = engine.store();
        let balance = self.ask(store.balance()).unwrap();
        assert!(balance.holds() && balance.pending == 0 && balance.failed == 0, "{balance:?}");
        let audit = self.ask(store.audit_verify()).unwrap();
        assert!(audit.broken.is_empty(), "{:?}", audit.broken);
        assert_eq!(engine.ports().panics(), 0);
        // A process that has just begun may ask only now what an account has.
        self.until("every call answered", |town| {
            let is_asking = |account: &&str| !town.ask(store.unanswered_intents(account)).unwrap().is_empty();
            (!["source", "circle", "kit"].iter().any(is_asking)).then_some(())
        });
        let difference = self.ask(async {
            let rebuilt = Rebuilt::from_journal(store).await.unwrap();
            rebuilt.first_difference(store).await.unwrap()
        });
        assert_eq!(difference, None, "the journal makes another record");
    }

    /// Waits until nothing is under way, and jumps to what is due within minutes.
    pub(crate) fn settle(&self) {
        loop {
            self.until("nothing under way", |town| town.is_quiet().then_some(()));
            let Some(next) = self.next_due() else { return };
            if next.duration_since(self.now()) > JUMP_MAX {
                return;
            }
            self.jump_to(next);
        }
    }

    fn is_quiet(&self) -> bool {
        let now = self.now();
        let state = self.state();
        let is_due = |due: &Value| due.as_str().is_some_and(|at| at.parse::<Timestamp>().unwrap() <= now);
        if rows(&state, "/deliveries")
            .iter()
            .any(|row| text(&row["fate"]) == "waiting" && is_due(&row["due_at"]))
        {
            return false;
        }
        // The first thing that is asked of an account is what it has.
        if ["circle", "kit"].iter().any(|provider| rows(&state, &format!("/{provider}/requests")).is_empty())
        {
            return false;
        }
        // A read of what an account has belongs to no row: it is under way while its intent has no answer.
        let store = self.engine().store();
        let is_asking = |account: &&str| !self.ask(store.unanswered_intents(account)).unwrap().is_empty();
        if ["circle", "kit"].iter().any(is_asking) {
            return false;
        }
        let balance = self.ask(store.balance()).unwrap();
        balance.pending == 0 && self.next_due().is_none_or(|at| at > now)
    }

    /// When Frontdesk has something to do next. What waits until a refused key works is nothing that it can do.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let store = self.engine().store();
        let now = self.now();
        self.ask(async {
            let stopped = store.account(SOURCE).await.unwrap().and_then(|account| account.state.stopped);
            let reads = if stopped.is_none() { store.next_read().await.unwrap() } else { None };
            let mut next = vec![store.next_apply(now).await.unwrap(), reads];
            for target in Target::ALL {
                next.push(store.next_sync(target).await.unwrap());
            }
            next.into_iter().flatten().min()
        })
    }
}
