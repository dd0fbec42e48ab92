//! What people do in a run: they buy, renew, fail to pay, ask for their money, change their minds and addresses. Each
//! act goes through the sandbox's control surface and is noted in the [`Truth`].

use crate::fault::Fault;
use crate::rng::Rng;
use crate::run::Run;
use crate::truth::Purchase;
use frontdesk_core::target::Item;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a plan keeps access after a failed renewal in a run.
pub const GRACE: SignedDuration = SignedDuration::from_hours(2);

/// What is sold in a run, and what it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plan {
    /// The membership.
    Community,
    /// The membership and more.
    Pro,
    /// A course, bought once.
    Course,
}

impl Plan {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Community, Self::Pro, Self::Course];

    /// Its name in the catalogue; the entitlement that it grants is called so too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Community => "community",
            Self::Pro => "pro",
            Self::Course => "course",
        }
    }

    /// The price in the sandbox's catalogue.
    pub const fn price(self) -> &'static str {
        match self {
            Self::Community => "price_1Community",
            Self::Pro => "price_1Pro",
            Self::Course => "price_1Course",
        }
    }

    /// What it gives.
    pub fn items(self) -> BTreeSet<Item> {
        match self {
            Self::Community => [Item::CircleGroup(4012), Item::kit_tag("member")].into(),
            Self::Pro => [
                Item::CircleGroup(4012),
                Item::CircleGroup(4013),
                Item::kit_tag("member"),
                Item::kit_tag("pro"),
            ]
            .into(),
            Self::Course => [Item::CircleGroup(4014), Item::kit_tag("course")].into(),
        }
    }
}

/// The address of a person.
pub fn address(person: usize) -> String {
    format!("person{person}@example.com")
}

/// The address that a person may later give for bills.
pub fn billing_address(person: usize) -> String {
    format!("billing{person}@example.org")
}

/// A purchase, as the payment account knows it.
#[derive(Clone, Debug)]
pub struct Purchased {
    /// Which of [`crate::truth::Truth::purchases`] it is.
    pub nth: usize,
    /// What was bought.
    pub plan: Plan,
    /// What the sandbox answered: the objects concerned.
    pub done: Value,
}

/// One act of the payment account, and the events that it made.
struct Act<'a> {
    run: &'a Run,
    rng: &'a mut Rng,
}

impl Act<'_> {
    fn stripe(&mut self, action: &str, mut body: Value) -> Value {
        let plan = self.run.stage.with(|shared| shared.plan.clone());
        if plan.has(Fault::Reorder) && self.rng.hits(300) {
            body["deliver"] = json!("reversed");
            self.run.stage.with(|shared| shared.marks.hit(Fault::Reorder));
        }
        let versions = ["2024-06-20", "2025-09-30.clover", "2026-07-29.dahlia", "2026-10-28.endive"];
        if action == "checkout" {
            body["api_version"] = json!(self.rng.pick(&versions));
        }
        let done = self.run.stage.control(&format!("stripe/{action}"), &body);
        self.run.stage.trace(0, format!("world: {action} {body}"));
        self.run.sender.notify_one();
        done
    }
}

fn events(done: &Value) -> Vec<String> {
    let listed = done["events"].as_array().into_iter().flatten();
    listed.filter_map(|event| event.as_str().map(str::to_owned)).collect()
}

/// One of many who are members from the first hour on, and of whom most leave within the same minutes.
pub async fn live_in_the_crowd(run: Run, person: usize, all_leave_at: Duration, mut rng: Rng) {
    let millis = u64::try_from(run.span.as_millis()).unwrap_or(u64::MAX);
    run.stage.clock.sleep(Duration::from_millis(rng.below(millis / 10))).await;
    let mut act = Act { run: &run, rng: &mut rng };
    let (nth, done) = buy(&mut act, person, Plan::Community, json!({}));
    if act.rng.hits(80) {
        return;
    }
    let leaves_at = all_leave_at + Duration::from_secs(act.rng.below(200));
    run.stage.clock.sleep(leaves_at.saturating_sub(run.stage.clock.now())).await;
    let told = act.stripe("cancel", json!({ "subscription": done["subscription"], "when": "now" }));
    run.end(nth, run.stage.true_now(), &events(&told));
}

/// How what somebody bought before the run goes on in it; half of them live as anybody else beside that.
pub async fn live_on(run: Run, person: usize, before: Purchased, mut rng: Rng) {
    let Purchased { nth, plan, done } = before;
    if rng.hits(500) {
        run.stage.clock.spawn(0, live(run.clone(), person, rng.fork("anew")));
    }
    let pause = run.part(rng.below(700));
    run.stage.clock.sleep(pause).await;
    let mut act = Act { run: &run, rng: &mut rng };
    let subscription = done["subscription"].clone();
    match (act.rng.below(4), plan) {
        (0, Plan::Course) => {
            let told = act.stripe("refund", json!({ "charge": done["charge"] }));
            run.end(nth, run.stage.true_now(), &events(&told));
        }
        (0 | 1, Plan::Community | Plan::Pro) => {
            let told = act.stripe("cancel", json!({ "subscription": subscription, "when": "now" }));
            run.end(nth, run.stage.true_now(), &events(&told));
        }
        (2, Plan::Community | Plan::Pro) => {
            pay_again(&mut act, "renew", nth, &subscription);
        }
        (3, Plan::Community | Plan::Pro) => fail_to_renew(&mut act, nth, &subscription).await,
        _ => {}
    }
}

/// A later bill of a purchase is paid.
fn pay_again(act: &mut Act<'_>, action: &str, nth: usize, subscription: &Value) {
    act.stripe(action, json!({ "subscription": subscription }));
    let now = act.run.stage.true_now();
    act.run.truth(|truth| truth.renewals.push((truth.purchases[nth].person, now)));
}

/// A renewal fails, and is paid within the grace time or never.
async fn fail_to_renew(act: &mut Act<'_>, nth: usize, subscription: &Value) {
    let told = act.stripe("renewal_fail", json!({ "subscription": subscription }));
    // The source counts in whole seconds.
    let failed_at =
        Timestamp::from_second(act.run.stage.true_now().as_second()).expect("a second of this run");
    if act.rng.hits(500) {
        act.run.stage.clock.sleep(Duration::from_secs(act.rng.between(60, 3600))).await;
        pay_again(act, "renewal_recover", nth, subscription);
    } else {
        act.run.end_by_clock(nth, failed_at.saturating_add(GRACE).unwrap_or(Timestamp::MAX), &events(&told));
    }
}

/// One person's life in a run: a random journey, at random times.
pub async fn live(run: Run, person: usize, mut rng: Rng) {
    let wait = |rng: &mut Rng, share: u64| run.part(rng.below(share));
    run.stage.clock.sleep(wait(&mut rng, 300)).await;
    let journey = rng.below(12);
    let mut act = Act { run: &run, rng: &mut rng };
    match journey {
        0 | 1 => {
            let (nth, done) = buy(&mut act, person, Plan::Course, json!({}));
            let pause = wait(act.rng, 300);
            run.stage.clock.sleep(pause).await;
            if act.rng.hits(500) {
                act.stripe("refund", json!({ "charge": done["charge"], "amount": 5000 }));
                let pause = wait(act.rng, 100);
                run.stage.clock.sleep(pause).await;
            }
            if act.rng.hits(700) {
                let told = act.stripe("refund", json!({ "charge": done["charge"] }));
                run.end(nth, run.stage.true_now(), &events(&told));
            }
        }
        2 => {
            let guest = json!({ "guest": true });
            let (nth, done) = buy(&mut act, person, Plan::Course, guest);
            let pause = wait(act.rng, 300);
            run.stage.clock.sleep(pause).await;
            if act.rng.hits(500) {
                let told = act.stripe("dispute", json!({ "charge": done["charge"], "reason": "fraudulent" }));
                run.end(nth, run.stage.true_now(), &events(&told));
                let pause = wait(act.rng, 100);
                run.stage.clock.sleep(pause).await;
                let dispute = told["dispute"].clone();
                act.stripe("dispute_close", json!({ "dispute": dispute, "status": "lost" }));
            }
        }
        3..=5 => {
            let (nth, done) = buy(&mut act, person, Plan::Community, json!({}));
            let subscription = done["subscription"].clone();
            let pause = wait(act.rng, 200);
            run.stage.clock.sleep(pause).await;
            pay_again(&mut act, "renew", nth, &subscription);
            let pause = wait(act.rng, 200);
            run.stage.clock.sleep(pause).await;
            if act.rng.hits(300) {
                act.stripe("cancel", json!({ "subscription": subscription, "when": "period_end" }));
                act.stripe("undo_cancel", json!({ "subscription": subscription }));
            }
            if act.rng.hits(600) {
                let told = act.stripe("cancel", json!({ "subscription": subscription, "when": "now" }));
                run.end(nth, run.stage.true_now(), &events(&told));
            }
        }
        6 | 7 => {
            let (nth, done) = buy(&mut act, person, Plan::Community, json!({}));
            let subscription = done["subscription"].clone();
            let pause = wait(act.rng, 200);
            run.stage.clock.sleep(pause).await;
            fail_to_renew(&mut act, nth, &subscription).await;
        }
        8 => {
            let (nth, done) = buy(&mut act, person, Plan::Community, json!({}));
            let subscription = done["subscription"].clone();
            let pause = wait(act.rng, 200);
            run.stage.clock.sleep(pause).await;
            let at = run.stage.true_now();
            let told =
                act.stripe("upgrade", json!({ "subscription": subscription, "price": Plan::Pro.price() }));
            run.end(nth, at, &events(&told));
            run.begin(person, Plan::Pro, at, &events(&told));
        }
        9 => {
            let body = json!({ "email": address(person), "price": Plan::Course.price(), "method": "sepa" });
            let done = act.stripe("checkout", body);
            let pause = wait(act.rng, 300);
            run.stage.clock.sleep(pause).await;
            if act.rng.hits(600) {
                let at = run.stage.true_now();
                let told = act.stripe("sepa_settle", json!({ "session": done["session"] }));
                run.begin(person, Plan::Course, at, &events(&told));
            } else {
                act.stripe("sepa_fail", json!({ "session": done["session"] }));
            }
        }
        10 => {
            // The same person pays twice, as two customers of the source; one is given back.
            let (_, _) = buy(&mut act, person, Plan::Community, json!({}));
            let (second, done) = buy(&mut act, person, Plan::Community, json!({}));
            let pause = wait(act.rng, 300);
            run.stage.clock.sleep(pause).await;
            let subscription = done["subscription"].clone();
            let told = act.stripe("cancel", json!({ "subscription": subscription, "when": "now" }));
            run.end(second, run.stage.true_now(), &events(&told));
        }
        _ => {
            let (_, done) = buy(&mut act, person, Plan::Pro, json!({}));
            let pause = wait(act.rng, 300);
            run.stage.clock.sleep(pause).await;
            let changed = json!({ "customer": done["customer"], "email": billing_address(person) });
            act.stripe("change_email", changed);
            let body =
                json!({ "email": address(person), "price": Plan::Course.price(), "method": "card_fails" });
            act.stripe("checkout", body);
        }
    }
}

fn buy(act: &mut Act<'_>, person: usize, plan: Plan, extra: Value) -> (usize, Value) {
    let mut body =
        json!({ "email": address(person), "name": format!("Person {person}"), "price": plan.price() });
    if let (Some(body), Value::Object(extra)) = (body.as_object_mut(), extra) {
        body.extend(extra);
    }
    let at = act.run.stage.true_now();
    let done = act.stripe("checkout", body);
    (act.run.begin(person, plan, at, &events(&done)), done)
}

impl Run {
    /// Notes a purchase.
    pub fn begin(&self, person: usize, plan: Plan, from: Timestamp, events: &[String]) -> usize {
        self.truth(|truth| {
            truth.purchases.push(Purchase {
                person,
                plan,
                from,
                untold: events.iter().cloned().collect(),
                known_at: None,
                until: None,
                end_known_at: None,
                end_events: BTreeSet::new(),
            });
            truth.purchases.len() - 1
        })
    }

    /// Notes the end of a purchase, told by these events.
    pub fn end(&self, nth: usize, at: Timestamp, events: &[String]) {
        self.truth(|truth| truth.end(nth, at, events));
    }

    /// Notes that a purchase ends by the clock, because of what these events told.
    pub fn end_by_clock(&self, nth: usize, at: Timestamp, events: &[String]) {
        self.end(nth, at, events);
    }
}
