//! What would be done about everyone.

use crate::house::{EVERY, GROUP, House};
use frontdesk_core::catalogue::{Good, Meaning};
use frontdesk_core::email::Email;
use frontdesk_core::id::{CustomerId, EntitlementId, PlanId, SourceId};
use frontdesk_core::pairing::{Word, pairings};
use frontdesk_core::plan::{Change, Left, Line, Paid, Totals};
use frontdesk_core::ruling::Verdict;
use frontdesk_core::sync::State;
use frontdesk_core::target::{Holder, Item, Membership, Target};
use frontdesk_engine::pairing::{Order, Paired};
use frontdesk_engine::plan::{Alike, By, Looked, Planned};
use frontdesk_engine::rebuild::Rebuilt;
use frontdesk_engine::settings::{Mode, Settings};
use frontdesk_engine::settle::{Settled, Settlement};
use frontdesk_sandbox::{Answer, Provider};
use jiff::SignedDuration;
use serde_json::json;

fn shadow(settings: &mut Settings) {
    settings.targets.values_mut().for_each(|target| target.mode = Mode::Shadow);
}

fn plan(house: &House, fresh: bool) -> Planned {
    house
        .wait(house.engine.plan(Some(Target::Circle), if fresh { &By::Lists } else { &By::LastSeen }))
        .unwrap()
}

/// A line as `+ ada@example.com: give circle:group:4012`.
fn told(line: &Line) -> String {
    let parts = line.parts.iter().map(|part| {
        let why = part.left.map(|left| format!(" ({left:?})")).unwrap_or_default();
        format!("{:?} {}{why}", part.change, part.item)
    });
    let who = line.address.as_ref().map_or("nobody", |address| address.as_str());
    let new = if line.newcomer.is_empty() { "" } else { " new" };
    format!("{} {who}{new}: {}", line.change().symbol(), parts.collect::<Vec<_>>().join(", "))
}

fn member(house: &House, name: &str, groups: &[u64]) {
    let email = format!("{name}@example.com");
    house.act("circle/member", &json!({ "email": email, "state": "active" }));
    for group in groups {
        house.act("circle/add", &json!({ "email": email, "group": group }));
    }
}

/// Ada pays and is in, Ben pays and is unknown, Cleo pays and is in one of two groups, Dan is in and never paid, Eve is
/// in and was refunded before Frontdesk saw her there.
fn town(name: &str) -> House {
    let house = House::with(name, shadow);
    member(&house, "ada", &[GROUP, 4013]);
    member(&house, "cleo", &[GROUP]);
    member(&house, "dan", &[GROUP]);
    for name in ["ada", "ben", "cleo"] {
        house.buys(&format!("{name}@example.com"));
    }
    let eve = house.buys("eve@example.com");
    house.act("stripe/cancel", &json!({ "subscription": eve["subscription"], "when": "now" }));
    house.pass(SignedDuration::from_mins(1));
    member(&house, "eve", &[GROUP]);
    house.pass(SignedDuration::from_mins(1));
    house.heard(Provider::Circle);
    house
}

const TOLD: [&str; 4] = [
    "+ ben@example.com new: Give circle:group:4012, Give circle:group:4013",
    "+ cleo@example.com: Give circle:group:4013",
    "~ dan@example.com: Leave circle:group:4012 (Unpaid)",
    "~ eve@example.com: Leave circle:group:4012 (EndedUnpaid)",
];

#[test]
fn everyone_is_laid_beside_the_lists_and_nothing_is_written() {
    let house = town("plan");
    let planned = plan(&house, true);
    assert_eq!(planned.lines.iter().map(told).collect::<Vec<_>>(), TOLD);
    let calls = house.heard(Provider::Circle);
    assert!(calls.iter().all(|call| call.starts_with("GET")), "{calls:?}");
    assert_eq!(planned.looked[&Target::Circle], Looked::Now { calls: 3, flaw: None });
    assert_eq!(calls.len(), 3, "everyone, and each of two groups: {calls:?}");
    let Totals { pay_without_access, access_without_payment, lose_access, newcomers, .. } = &planned.totals;
    assert_eq!((*pay_without_access, *access_without_payment, *lose_access), (2, 2, 0));
    assert_eq!(newcomers[&Target::Circle], 1);
    let worth = &planned.totals.pay_without_access_worth["usd"];
    assert_eq!(worth.len(), 1, "both pay each month: {worth:?}");
    // Asked again, it says the same; and a sweep comes to the same without the lists being read anew.
    assert_eq!(plan(&house, true).lines, planned.lines);
    house.pass(EVERY);
    house.heard(Provider::Circle);
    assert_eq!(plan(&house, false).lines.iter().map(told).collect::<Vec<_>>(), TOLD);
    assert_eq!(house.heard(Provider::Circle), Vec::<String>::new());
}

/// The same house, which sells a course as well.
fn with_course(settings: &mut Settings) {
    shadow(settings);
    let course = EntitlementId::new("course");
    let mut plan = settings.catalogue.plans[0].clone();
    plan.id = PlanId::new("course");
    "The course".clone_into(&mut plan.title);
    plan.goods = [Good { source: SourceId::new("stripe"), id: "price_1Course".to_owned() }].into();
    plan.grants = [course.clone()].into();
    settings.catalogue.plans.push(plan);
    let items = [Item::CircleGroup(4014), Item::kit_tag("course")].into();
    settings.catalogue.entitlements.insert(course, Meaning { title: "The course".to_owned(), items });
}

#[test]
fn who_pays_and_holds_what_that_does_not_give_is_not_said_to_pay_nothing() {
    let house = House::with("plan-beyond", with_course);
    for name in ["bea", "dan", "eve"] {
        member(&house, name, &[GROUP]);
    }
    for (name, price) in [("bea", "price_1Mystery"), ("eve", "price_1Course")] {
        house.act("stripe/checkout", &json!({ "email": format!("{name}@example.com"), "price": price }));
    }
    house.pass(SignedDuration::from_secs(1));
    house.pass(SignedDuration::from_mins(2));
    let expected = [
        "+ eve@example.com: Give circle:group:4014, Leave circle:group:4012 (BeyondPaid)",
        "~ bea@example.com: Leave circle:group:4012 (BeyondPaid)",
        "~ dan@example.com: Leave circle:group:4012 (Unpaid)",
    ];
    let planned = plan(&house, true);
    assert_eq!(planned.lines.iter().map(told).collect::<Vec<_>>(), expected);
    let course = Paid::Plan { id: PlanId::new("course"), title: Some("The course".to_owned()) };
    let mystery = Paid::Good(Good { source: SourceId::new("stripe"), id: "price_1Mystery".to_owned() });
    let pays_for: Vec<_> = planned.lines.iter().map(|line| line.pays_for.clone()).collect();
    assert_eq!(pays_for, [[course].into(), [mystery].into(), [].into()]);
    let Totals { access_without_payment, access_beyond_payment, .. } = planned.totals;
    assert_eq!((access_without_payment, access_beyond_payment), (1, 2));
    // What the last sweep found comes to the same.
    house.pass(EVERY);
    assert_eq!(plan(&house, false).lines.iter().map(told).collect::<Vec<_>>(), expected);
}

#[test]
fn a_person_has_one_line_however_many_targets_list_them() {
    let house = House::with("plan-once", with_course);
    member(&house, "dan", &[GROUP]);
    member(&house, "eve", &[GROUP]);
    for name in ["dan", "eve"] {
        house.act("kit/subscriber", &json!({ "email": format!("{name}@example.com"), "tags": ["member"] }));
    }
    house.act("stripe/checkout", &json!({ "email": "eve@example.com", "price": "price_1Course" }));
    house.pass(SignedDuration::from_secs(1));
    house.pass(SignedDuration::from_mins(2));
    let planned = house.wait(house.engine.plan(None, &By::Lists)).unwrap();
    assert_eq!(
        planned.lines.iter().map(told).collect::<Vec<_>>(),
        [
            "+ eve@example.com: Give circle:group:4014, Give kit:tag:course, Leave circle:group:4012 (BeyondPaid), Leave \
             kit:tag:member (BeyondPaid)",
            "~ dan@example.com: Leave circle:group:4012 (Unpaid), Leave kit:tag:member (Unpaid)",
        ]
    );
    let dan = &planned.lines[1];
    assert_eq!(dan.members.keys().collect::<Vec<_>>(), [&Target::Circle, &Target::Kit]);
    assert_eq!(planned.totals.left, [(Target::Circle, 2), (Target::Kit, 2)].into());
}

#[test]
fn what_is_missing_lingers_or_was_taken_by_a_person_is_told() {
    let house = House::new("plan-live");
    let dan = house.buys("dan@example.com");
    house.buys("ada@example.com");
    house.buys("ben@example.com");
    for name in ["ada", "ben", "dan"] {
        house.act("circle/confirm", &json!({ "email": format!("{name}@example.com") }));
    }
    house.pass(EVERY);
    assert_eq!(plan(&house, true).lines, [], "all is as it should be");
    house.act("circle/remove", &json!({ "email": "ada@example.com", "group": GROUP }));
    house.act("circle/deactivate", &json!({ "email": "ben@example.com" }));
    // The lists may lag behind what was seen just now.
    house.pass(SignedDuration::from_mins(15));
    let planned = plan(&house, true);
    let told: Vec<_> = planned.lines.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "+ ada@example.com: Give circle:group:4012",
            "~ ben@example.com: Leave circle:group:4012 (TakenByPerson), Leave circle:group:4013 (TakenByPerson)",
        ]
    );
    // In shadow mode from now on, Dan is refunded: what he would lose is known.
    let mut house = house;
    house.restart_with(shadow);
    house.act("stripe/refund", &json!({ "subscription": dan["subscription"] }));
    house.pass(SignedDuration::from_mins(2));
    house.pass(SignedDuration::from_mins(2));
    let planned = plan(&house, true);
    let dans: Vec<_> =
        planned.lines.iter().filter(|line| line.change() == Change::Take).map(self::told).collect();
    assert_eq!(dans, ["- dan@example.com: Take circle:group:4012, Take circle:group:4013"]);
    assert!(house.is_in("dan@example.com"));
}

#[test]
fn lists_that_cannot_be_read_leave_what_was_last_seen_and_say_why() {
    let house = town("plan-down");
    house.pass(EVERY);
    house.stand_in(Some(|call| call.path.contains("/access_groups/").then(|| Answer::text(503, "down"))));
    let planned = plan(&house, true);
    assert_eq!(planned.lines.iter().map(told).collect::<Vec<_>>(), TOLD);
    let Looked::Before { at: Some(_), why: Some(why) } = &planned.looked[&Target::Circle] else {
        panic!("{:?}", planned.looked)
    };
    assert!(why.contains("could not be read"), "{why}");
    // An empty list is shown as what it is: nothing to rely on.
    house.stand_in(Some(|call| {
        call.path.contains("/access_groups/4012/").then(|| {
            Answer::json(200, &json!({ "page": 1, "per_page": 100, "has_next_page": false, "count": 0, "page_count": 0, "records": [] }))
        })
    }));
    house.pass(SignedDuration::from_mins(30));
    let planned = plan(&house, true);
    assert!(
        matches!(&planned.looked[&Target::Circle], Looked::Now { flaw: Some(flaw), .. } if flaw.now == 0),
        "{:?}",
        planned.looked
    );
    assert!(
        planned.lines.iter().all(|line| line.parts.iter().all(|part| part.left != Some(Left::EndedUnpaid)))
    );
}

#[test]
fn who_pays_under_one_address_and_has_access_under_another_is_one_when_a_person_says_so() {
    let mut house = House::with("plan-pairs", shadow);
    let member = json!({ "email": "mia.b@gmail.com", "name": "Mia Berg", "state": "active", "group": GROUP });
    house.act("circle/member", &member);
    house.act("circle/member", &json!({ "email": "zoe@example.com", "state": "active", "group": GROUP }));
    house.buys("miab@gmail.com");
    house.buys("ada@example.com");
    let planned = plan(&house, true);
    let [alike] = planned.pairs.as_slice() else { panic!("{:?}", planned.pairs) };
    assert_eq!((alike.pays_as.as_str(), alike.has_access_as.as_str()), ("miab@gmail.com", "mia.b@gmail.com"));
    assert_eq!((alike.members_name.as_deref(), alike.score), (Some("Mia Berg"), 90));
    let pairing = Order {
        word: Word::One,
        reason: "she said so".to_owned(),
        customer: alike.customer.clone(),
        holder: alike.holder.clone(),
        target: alike.target,
        member: alike.member,
        address: alike.has_access_as.clone(),
        by: "ada".to_owned(),
    };
    let pair = |house: &House, pairing: &Order| house.wait(house.engine.pair(pairing)).unwrap();
    assert_eq!(pair(&house, &pairing), Paired::Done);
    assert_eq!(pair(&house, &pairing), Paired::Already);
    let other = Order { member: pairing.member + 1, ..pairing.clone() };
    assert_eq!(pair(&house, &other), Paired::KnownAs { member: pairing.member });
    let ada = Order { customer: house.customer("ada@example.com"), ..pairing.clone() };
    assert_eq!(pair(&house, &ada), Paired::SomebodyElse { customer: pairing.customer.clone() });
    let nobody = Order { customer: CustomerId::new("fdc_nobody"), ..pairing.clone() };
    assert_eq!(pair(&house, &nobody), Paired::NotFound);
    let planned = plan(&house, true);
    let told: Vec<_> = planned.lines.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "+ ada@example.com new: Give circle:group:4012, Give circle:group:4013",
            "+ miab@gmail.com: Give circle:group:4013",
            "~ zoe@example.com: Leave circle:group:4012 (Unpaid)",
        ]
    );
    assert_eq!(planned.pairs, []);
    // Live, she is given what is missing under the address that Circle knows, and is not invited.
    house.restart_with(|settings| settings.targets.values_mut().for_each(|target| target.mode = Mode::Live));
    house.look();
    house.wait(house.engine.go_live(Target::Circle, "ada")).unwrap();
    house.heard(Provider::Circle);
    house.look();
    house.pass(SignedDuration::from_mins(2));
    let calls = house.heard(Provider::Circle);
    assert_eq!(
        calls.iter().filter(|call| call.starts_with("POST /api/admin/v2/community_members")).count(),
        1,
        "Ada: {calls:?}"
    );
    assert_eq!(house.row("miab@gmail.com", Target::Circle).state, State::Applied);
}

#[test]
fn who_was_told_apart_is_not_proposed_again_and_a_pairing_can_be_taken_back() {
    let mut house = House::with("plan-apart", shadow);
    let member = |email: &str| json!({ "email": email, "state": "active", "group": GROUP });
    house.act("circle/member", &member("mia.b@gmail.com"));
    house.act("circle/member", &member("m.i.a.b@gmail.com"));
    house.buys("miab@gmail.com");
    let order = |house: &House, word| {
        let alike = plan(house, true).pairs.remove(0);
        let (by, reason) = ("ada".to_owned(), "her sister".to_owned());
        let Alike { customer, holder, target, member, has_access_as: address, .. } = alike;
        Order { customer, holder, target, member, address, word, by, reason }
    };
    let pair = |house: &House, order: &Order| house.wait(house.engine.pair(order)).unwrap();
    let first = order(&house, Word::Two);
    assert_eq!((pair(&house, &first), pair(&house, &first)), (Paired::Done, Paired::Already));
    // Another process, and the next best comes forward.
    house.restart_with(shadow);
    let planned = plan(&house, true);
    let members = |pairs: &[Alike]| pairs.iter().map(|alike| alike.member).collect::<Vec<_>>();
    let second = order(&house, Word::One);
    assert_ne!(second.member, first.member);
    assert_eq!((members(&planned.pairs), members(&planned.apart)), (vec![second.member], vec![first.member]));
    let view = |house: &House| {
        let customer = house.customer("miab@gmail.com");
        house.wait(house.engine.view(&customer)).unwrap().unwrap()
    };
    let record = view(&house).record;
    let [counts] = &pairings(&record.facts)[..] else { panic!("{:?}", record.facts) };
    assert_eq!((counts.pairing.by.as_str(), counts.pairing.reason.as_str()), ("ada", "her sister"));

    assert_eq!(pair(&house, &second), Paired::Done);
    assert!(
        plan(&house, true)
            .lines
            .iter()
            .all(|line| line.members.get(&Target::Circle) != Some(&second.member) || line.customer.is_some())
    );
    let known = |address: &str| house.wait(house.engine.known_at(&Email::parse(address).unwrap())).unwrap();
    assert_eq!(known(second.address.as_str()), [second.customer.clone()].into());
    assert_eq!(known(first.address.as_str()), [].into());
    // Taken back: the member is nobody's again, and what was seen of it is not hers.
    let back = Order { word: Word::Two, reason: "a mistake".to_owned(), ..second.clone() };
    assert_eq!(pair(&house, &back), Paired::Done);
    assert_eq!(known(second.address.as_str()), [].into());
    let row = house.row("miab@gmail.com", Target::Circle);
    assert_eq!(row.observed.people[&Holder::Customer].membership, Membership::Unseen);
    let planned = plan(&house, true);
    assert_eq!((planned.pairs.len(), planned.apart.len()), (0, 2));
    // And said once more, they are one after all; the journal alone knows all of it.
    assert_eq!(pair(&house, &second), Paired::Done);
    let row = house.row("miab@gmail.com", Target::Circle);
    assert_eq!(row.observed.people[&Holder::Customer].membership.id(), Some(second.member));
    let rebuilt = house.wait(Rebuilt::from_journal(house.engine.store())).unwrap();
    assert_eq!(house.wait(rebuilt.first_difference(house.engine.store())).unwrap(), None);
    let chain = house.wait(house.engine.store().audit_chain(&second.customer)).unwrap();
    let said: Vec<_> =
        chain.iter().map(|entry| entry.action.as_str()).filter(|action| action.ends_with("pair")).collect();
    assert_eq!(said, ["unpair", "pair", "unpair", "pair"]);
}

#[test]
fn who_has_access_without_paying_is_kept_until_an_end_or_removed_when_a_person_says_so() {
    let mut house = town("plan-settle");
    house.restart_with(|settings| settings.targets.values_mut().for_each(|target| target.mode = Mode::Live));
    house.look();
    house.wait(house.engine.go_live(Target::Circle, "ada")).unwrap();
    house.look();
    house.pass(SignedDuration::from_mins(2));
    let until = house.now() + SignedDuration::from_hours(48);
    let of = |house: &House, name: &str, verdict, until| {
        let planned = plan(house, true);
        let email = format!("{name}@example.com");
        let line =
            planned.lines.iter().find(|line| line.address.as_ref().is_some_and(|at| at.as_str() == email));
        let line = line.unwrap_or_else(|| panic!("{email}: {:?}", planned.lines));
        Settlement {
            target: Target::Circle,
            member: line.members[&Target::Circle],
            address: line.address.clone().unwrap(),
            customer: line.customer.clone(),
            items: line.parts.iter().map(|part| part.item.clone()).collect(),
            verdict,
            until,
            reason: "a speaker".to_owned(),
            by: "ada".to_owned(),
        }
    };
    let settle =
        |house: &House, settlement: &Settlement| house.wait(house.engine.settle_access(settlement)).unwrap();
    let dan = of(&house, "dan", Verdict::Grant, Some(until));
    assert!(matches!(settle(&house, &dan), Settled::Done { .. }));
    assert!(matches!(settle(&house, &dan), Settled::Already { .. }));
    let eve = of(&house, "eve", Verdict::Revoke, None);
    assert!(matches!(settle(&house, &eve), Settled::Done { .. }));
    house.look();
    house.pass(SignedDuration::from_mins(2));
    assert_eq!((house.is_in("dan@example.com"), house.is_in("eve@example.com")), (true, false));
    let calls = house.heard(Provider::Circle);
    assert!(!calls.iter().any(|call| call.starts_with("DELETE") && call.contains("dan@")), "{calls:?}");
    // Nobody who pays is removed by a sheet that was written before they did.
    let ada = house.row("ada@example.com", Target::Circle);
    let Membership::Member { id, address, .. } = &ada.observed.people[&Holder::Customer].membership else {
        panic!("{ada:?}")
    };
    let stale = Settlement { member: *id, address: address.clone(), customer: None, ..eve };
    assert_eq!(settle(&house, &stale), Settled::Supported { customer: ada.customer.clone() });
    // Whom a sheet removed and who pays afterwards is let in: a sheet is no ban.
    house.buys("eve@example.com");
    house.pass(SignedDuration::from_mins(2));
    assert!(house.is_in("eve@example.com"), "{:?}", house.row("eve@example.com", Target::Circle));
    house.pass(SignedDuration::from_hours(49));
    house.pass(SignedDuration::from_mins(2));
    assert!(!house.is_in("dan@example.com"), "the time is over");
    assert!(house.is_in("ada@example.com"));
}

#[test]
fn who_began_to_pay_since_a_sheet_was_written_is_left_alone_by_it() {
    let mut house = House::with("plan-stale", shadow);
    member(&house, "dan", &[GROUP]);
    let planned = plan(&house, true);
    let line = &planned.lines[0];
    let settlement = Settlement {
        target: Target::Circle,
        member: line.members[&Target::Circle],
        address: line.address.clone().unwrap(),
        customer: None,
        items: line.parts.iter().map(|part| part.item.clone()).collect(),
        verdict: Verdict::Revoke,
        until: None,
        reason: "left long ago".to_owned(),
        by: "ada".to_owned(),
    };
    // No row knows his member yet: he is found by his address.
    house.buys("dan@example.com");
    let settled = house.wait(house.engine.settle_access(&settlement)).unwrap();
    assert_eq!(settled, Settled::Supported { customer: house.customer("dan@example.com") });
    house.restart_with(|settings| settings.targets.values_mut().for_each(|target| target.mode = Mode::Live));
    house.look();
    house.wait(house.engine.go_live(Target::Circle, "ada")).unwrap();
    house.look();
    house.pass(SignedDuration::from_mins(2));
    assert!(house.is_in("dan@example.com"));
}
