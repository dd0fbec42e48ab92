//! The large faults of a run, and what people do by hand at the targets while it goes on.

use crate::customers::{address, billing_address};
use crate::fault::Fault;
use crate::rng::Rng;
use crate::run::Run;
use crate::world::{epoch, next_day};
use frontdesk_core::target::Item;
use frontdesk_sandbox::Provider;
use jiff::SignedDuration;
use serde_json::json;
use std::time::Duration;

/// A day of the calendar.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);
/// How often it is looked whether a removal was tried.
const LOOKS_EVERY: Duration = Duration::from_mins(1);
/// How long after the wall clock told the truth again what was put off under a lie may take.
const AFTER_A_LIE: SignedDuration = SignedDuration::from_mins(15);

impl Run {
    /// The large faults: outages, refused credentials, a spent allowance, acts by hand, a lying clock, forgeries.
    pub(crate) async fn disturb(self, mut rng: Rng, people: usize) {
        let slots = 12u64;
        for _ in 0..slots {
            let slot = u64::try_from(self.span.as_millis()).unwrap_or(u64::MAX) / slots;
            self.stage.clock.sleep(Duration::from_millis(rng.between(slot / 4, slot))).await;
            let plan = self.stage.with(|shared| shared.plan.clone());
            let on = |fault| plan.has(fault);
            let provider = *rng.pick(&[Provider::Circle, Provider::Kit, Provider::Stripe]);
            let until = self.stage.clock.now() + Duration::from_secs(rng.between(30, 3000));
            let person = usize::try_from(rng.below(people as u64)).expect("few people");
            match rng.below(11) {
                0 if on(Fault::Outage) => self.stage.with(|shared| {
                    shared.marks.hit(Fault::Outage);
                    shared.out_until.insert(provider, until);
                }),
                1 if on(Fault::Unauthorized) => self.stage.with(|shared| {
                    shared.marks.hit(Fault::Unauthorized);
                    shared.refuses_until.insert(provider, until);
                }),
                2 if on(Fault::AllowanceSpent) => {
                    self.stage.control("circle/calls", &json!({ "n": 4200 }));
                    self.stage.with(|shared| shared.marks.hit(Fault::AllowanceSpent));
                }
                3 if on(Fault::ByHand) && rng.hits(300) => self.take_a_tag_off(person),
                3 if on(Fault::ByHand) => {
                    // Sweeps have no calls to spend beside a spent allowance: who is put out then stays out for weeks.
                    if on(Fault::AllowanceSpent) || self.reserve.is_some() || rng.hits(400) {
                        self.let_a_stranger_in(&mut rng);
                    } else {
                        self.put_out_by_hand(person);
                    }
                }
                4 if on(Fault::ClockJump) => {
                    let years = *rng.pick(&[10i64, -10, 1]);
                    self.stage.with(|shared| {
                        shared.marks.hit(Fault::ClockJump);
                        shared.clock_lie = SignedDuration::from_hours(years * 365 * 24);
                    });
                    self.stage.trace(0, format!("world: the wall clock lies by {years} years"));
                    let lied_at = self.stage.true_now();
                    self.stage.clock.sleep(Duration::from_secs(rng.between(1, 900))).await;
                    self.stage.with(|shared| shared.clock_lie = SignedDuration::ZERO);
                    self.stage.trace(0, "world: the wall clock is right again");
                    let right_at = self.stage.true_now();
                    self.stage.with(|shared| shared.jumped.extend([lied_at, right_at]));
                    self.stage.trouble(None, lied_at, AFTER_A_LIE);
                }
                5 if on(Fault::Forged) => {
                    let raw = json!({ "id": format!("evt_forged{}", rng.next()), "object": "event", "type": "checkout.session.completed",
                        "created": self.stage.true_now().as_second(), "livemode": true, "data": { "object": { "id": "cs_forged", "object": "checkout.session" } } });
                    self.stage
                        .control("stripe/event", &json!({ "raw_body": raw.to_string(), "sign": "wrong" }));
                    self.stage.with(|shared| shared.marks.hit(Fault::Forged));
                    self.sender.notify_one();
                }
                6 if on(Fault::UnknownType) => {
                    let object = json!({ "id": "px_1", "object": "payout" });
                    self.stage.control("stripe/event", &json!({ "type": "payout.paid", "object": object }));
                    self.stage.with(|shared| shared.marks.hit(Fault::UnknownType));
                    self.sender.notify_one();
                }
                8 if on(Fault::Conflict) => {
                    let known = self.truth(|truth| truth.acknowledged.keys().next().cloned());
                    let Some(id) = known else { continue };
                    let raw = json!({ "id": id, "object": "event", "type": "payout.failed", "api_version": "2026-07-29.dahlia",
                        "created": self.stage.true_now().as_second(), "livemode": true, "data": { "object": { "id": "po_conflict", "object": "payout" } } });
                    self.stage.control("stripe/event", &json!({ "raw_body": raw.to_string() }));
                    self.stage.with(|shared| shared.marks.hit(Fault::Conflict));
                    self.sender.notify_one();
                }
                7 => {
                    // Somebody accepts an invitation, if one is out.
                    let now = self.stage.true_now();
                    let state = self.stage.with(|shared| shared.world.circle.state(now));
                    let email = address(person);
                    let is_member = state["members"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|member| member["email"] == email.as_str());
                    if is_member {
                        self.stage.control("circle/accept", &json!({ "email": email }));
                    }
                }
                9 if on(Fault::Freeze) && !on(Fault::ClockJump) => {
                    // A freeze ends by the clock as well, and who reads another one may end it sooner.
                    self.freeze_for_a_while(&mut rng, person).await;
                }
                10 if on(Fault::ChangingList) => {
                    self.stage.control("circle/drift", &json!({}));
                    self.stage.with(|shared| shared.marks.hit(Fault::ChangingList));
                }
                _ => {}
            }
        }
    }

    /// Circle takes few new members a day, until its last day begins: whoever waits then can be let in before the faults stop.
    pub(crate) async fn cap(self, mut rng: Rng) {
        let limit = |limit: serde_json::Value| {
            let switch = json!({ "provider": "circle", "switch": "daily_member_limit", "value": limit });
            self.stage.control("faults", &switch);
        };
        limit(json!(rng.between(1, 2)));
        let last_day = next_day(self.ends_at().saturating_sub(A_DAY).unwrap_or_else(|_| epoch()));
        let left = Duration::try_from(last_day.duration_since(self.stage.true_now())).unwrap_or_default();
        self.stage.clock.sleep(left).await;
        limit(json!(null));
    }

    /// From some time on Circle fails at every removal, for most of an hour from the first of them.
    pub(crate) async fn stick(self, mut rng: Rng) {
        self.stage.clock.sleep(self.part(rng.below(500))).await;
        let lasts = Duration::from_secs(rng.between(1200, 3600));
        let stuck = |until| self.stage.with(|shared| shared.stuck_until = until);
        let lives = || self.stage.with(|shared| shared.plan.has(Fault::StuckRemoval));
        let has_struck =
            || self.stage.with(|shared| shared.marks.injected.contains_key(&Fault::StuckRemoval));
        stuck(Some(Duration::MAX));
        while lives() && !has_struck() {
            self.stage.clock.sleep(LOOKS_EVERY).await;
        }
        stuck(lives().then(|| self.stage.clock.now() + lasts));
    }

    /// A stranger is let in by hand: listed and left, never removed (F78).
    fn let_a_stranger_in(&self, rng: &mut Rng) {
        let email = format!("guest{:x}@example.com", rng.next());
        let member = json!({ "email": email, "name": "A guest", "state": "active" });
        self.stage.control("circle/member", &member);
        self.stage.control("circle/add", &json!({ "email": email, "group": 4012 }));
        self.stage.with(|shared| shared.marks.hit(Fault::ByHand));
    }

    /// Somebody who paid is put out of a group by hand, once a run: they are put back (F78).
    fn put_out_by_hand(&self, person: usize) {
        let now = self.stage.true_now();
        let circle = self.stage.with(|shared| shared.world.circle.state(now));
        let entitled = self.truth(|truth| truth.items(person, now));
        let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
        let theirs = [address(person), billing_address(person)];
        let members = list(&circle["members"]).into_iter();
        let ids: Vec<_> = members
            .filter(|member| theirs.iter().any(|email| member["email"] == email.as_str()))
            .map(|member| member["id"].clone())
            .collect();
        let held = list(&circle["groups"]).into_iter().find_map(|group| {
            let id = group["id"].as_u64().filter(|id| entitled.contains(&Item::CircleGroup(*id)))?;
            let member = list(&group["members"]).into_iter().find(|member| ids.contains(member))?;
            Some((id, member))
        });
        let Some((group, member)) = held else { return };
        if self.truth(|truth| truth.put_out.insert(person)) {
            self.stage.trace(0, format!("world: person{person} is put out of {group} by hand"));
            self.stage.control("circle/remove", &json!({ "id": member, "group": group }));
            self.stage.with(|shared| shared.marks.hit(Fault::ByHand));
        }
    }

    /// Another program takes a tag off somebody who paid, once a run: it is put back (DESIGN §5, contested).
    fn take_a_tag_off(&self, person: usize) {
        let now = self.stage.true_now();
        let kit = self.stage.with(|shared| shared.world.kit.state(now));
        let entitled = self.truth(|truth| truth.items(person, now));
        let tags = kit["tags"].as_array().into_iter().flatten();
        let wanted = tags.filter_map(|tag| Some((tag["id"].as_u64()?, tag["name"].as_str()?)));
        let wanted: Vec<_> =
            wanted.filter(|(_, name)| entitled.contains(&Item::kit_tag(name))).map(|(id, _)| id).collect();
        let theirs = [address(person), billing_address(person)];
        let held = kit["subscribers"].as_array().into_iter().flatten().find_map(|found| {
            let is_theirs = theirs.iter().any(|email| found["email_address"] == email.as_str());
            let tag = wanted.iter().find(|id| is_theirs && found["tags"].get(id.to_string()).is_some())?;
            Some((found["id"].clone(), *tag))
        });
        let Some((id, tag)) = held else { return };
        if self.truth(|truth| truth.untagged.insert(person)) {
            self.stage.trace(0, format!("world: tag {tag} is taken off person{person}"));
            self.stage.control("kit/untag", &json!({ "id": id, "tag": tag }));
            self.stage.with(|shared| shared.marks.hit(Fault::ByHand));
            self.sender.notify_one();
        }
    }
}
