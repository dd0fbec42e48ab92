//! What happens at Circle and Kit when they, or the people there, do not do as expected.

use crate::town::{Rest, Settings, Town, text};
use frontdesk_core::desired::Desired;
use frontdesk_core::sync::State;
use frontdesk_core::target::Target;
use frontdesk_engine::golive::WentLive;
use jiff::SignedDuration;
use serde_json::json;

const ADA: &str = "ada@example.com";
const BEN: &str = "ben@example.com";
const CLEO: &str = "cleo@example.com";

#[test]
fn an_invitation_whose_answer_is_lost_is_sent_once_and_its_buyer_sees_how_far_it_is() {
    let town = Town::new("lost-answer");
    town.fault(json!({ "provider": "circle", "method": "POST", "path": "/v2/community_members", "kind": "timeout_after" }));
    let bought = town.buys(BEN, "price_1Community");
    town.until_stages(BEN, &["access_pending"]);
    town.until_page(&bought, &["access_pending"]);
    assert_eq!(town.invited(), [BEN]);
    town.soon_stages(BEN, &["invite_sent"]);
    town.until_page(&bought, &["invite_sent"]);
    town.settle();
    town.act("circle", "confirm", json!({ "email": BEN }));
    town.jump(SignedDuration::from_secs(601));
    // Somebody looks, which is worth one read.
    town.until_page(&bought, &["invite_sent"]);
    town.until_stages(BEN, &["active"]);
    town.until_page(&bought, &["active"]);
    town.rest(Rest {
        circle: vec![
            "GET access_groups 200",
            "POST access_groups/4012/community_members ben@example.com 404",
            "POST community_members ben@example.com timeout_after",
            "GET community_members/search ben@example.com 200",
            "POST access_groups/4012/community_members ben@example.com 201",
            "GET community_members/1001 200",
        ],
        kit: vec![
            "GET tags 200",
            "POST subscribers ben@example.com 201",
            "POST tags/11/subscribers/3001 201",
        ],
        ..Rest::default()
    });
    assert_eq!(town.invited(), [BEN]);
}

#[test]
fn an_invitation_that_never_arrived_is_sent_after_two_looks() {
    let town = Town::new("never-arrived");
    town.fault(json!({ "provider": "circle", "method": "POST", "path": "/v2/community_members", "kind": "reset_before" }));
    town.buys(BEN, "price_1Community");
    town.soon_stages(BEN, &["invite_sent"]);
    town.settle();
    let circle = town.calls("circle");
    let looks = circle.iter().filter(|call| call.starts_with("GET community_members/search")).count();
    assert_eq!(looks, 2, "{circle:?}");
    assert_eq!(town.invited(), [BEN]);
    town.rest_but_calls(Rest::default());
}

#[test]
fn circle_down_keeps_the_buyer_informed_and_lets_them_in_once_when_it_is_back() {
    let town = Town::new("circle-down");
    town.buys(ADA, "price_1Community");
    town.until_stages(ADA, &["invite_sent"]);
    town.settle();
    town.fault(json!({ "provider": "circle", "kind": "down" }));
    let bought = town.buys(BEN, "price_1Community");
    town.until_stages(BEN, &["access_pending"]);
    town.until_page(&bought, &["access_pending"]);
    town.until("Ben's tag", |town| town.tagged("member").contains(BEN).then_some(()));
    for _ in 0..20 {
        town.jump(SignedDuration::from_secs(31));
    }
    let row = town.sync(BEN, Target::Circle).unwrap();
    assert!(!matches!(row.state, State::Parked { .. }), "an outage parks nobody: {row:?}");
    town.heal();
    town.soon_stages(BEN, &["invite_sent"]);
    town.settle();
    assert_eq!(town.invited(), [ADA, BEN]);
    assert_eq!(town.in_group(4012), [ADA.to_owned(), BEN.to_owned()].into());
    town.rest_but_calls(Rest::default());
}

#[test]
fn kit_down_does_not_keep_anybody_out() {
    let town = Town::new("kit-down");
    town.act("circle", "member", json!({ "email": ADA }));
    town.fault(json!({ "provider": "kit", "kind": "down" }));
    let bought = town.buys(ADA, "price_1Community");
    town.until_stages(ADA, &["active"]);
    town.until_page(&bought, &["active"]);
    assert_eq!(town.in_group(4012), [ADA.to_owned()].into());
    assert!(town.tagged("member").is_empty());
    town.heal();
    town.soon("the tag", |town| town.tagged("member").contains(ADA).then_some(()));
    town.settle();
    assert_eq!(town.stages(ADA), ["active"]);
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_member_who_changes_their_address_in_circle_loses_access_when_refunded() {
    let town = Town::new("moved");
    town.act("circle", "member", json!({ "email": ADA }));
    let course = town.buys(ADA, "price_1Course");
    town.until_stages(ADA, &["active"]);
    town.settle();
    town.act("circle", "change-email", json!({ "email": ADA, "to": "ada@elsewhere.example" }));
    town.act("stripe", "refund", json!({ "session": course["session"] }));
    town.soon_stages(ADA, &["refunded"]);
    town.soon("Ada out of the course", |town| town.in_group(4014).is_empty().then_some(()));
    town.rest(Rest {
        circle: vec![
            "GET access_groups 200",
            "POST access_groups/4014/community_members ada@example.com 201",
            "GET community_members/search ada@example.com 200",
            "DELETE access_groups/4014/community_members ada@example.com 404",
            "GET community_members/1001 200",
            "DELETE access_groups/4014/community_members ada@elsewhere.example 200",
        ],
        kit: vec![
            "GET tags 200",
            "POST subscribers ada@example.com 201",
            "POST tags/13/subscribers/3001 201",
            "DELETE tags/13/subscribers/3001 204",
        ],
        ..Rest::default()
    });
}

#[test]
fn a_member_whom_a_person_took_out_is_not_looked_for_twice_when_refunded() {
    let town = Town::new("gone");
    town.act("circle", "member", json!({ "email": ADA }));
    let course = town.buys(ADA, "price_1Course");
    town.until_stages(ADA, &["active"]);
    town.settle();
    town.act("circle", "deactivate", json!({ "email": ADA }));
    let before = town.calls("circle").len();
    town.act("stripe", "refund", json!({ "session": course["session"] }));
    town.soon_stages(ADA, &["refunded"]);
    town.settle();
    assert_eq!(
        town.calls("circle")[before..],
        ["DELETE access_groups/4014/community_members ada@example.com 404", "GET community_members/1001 404"]
    );
    town.rest_but_calls(Rest::default());
}

#[test]
fn two_payers_behind_one_address_and_the_refund_of_one_evicts_nobody() {
    let town = Town::new("two-payers");
    town.act("circle", "member", json!({ "email": ADA }));
    let first = town.buys(ADA, "price_1Course");
    town.until_stages(ADA, &["active"]);
    town.settle();
    let second = town.buys("Ada@Example.com", "price_1Course");
    assert_ne!(first["customer"], second["customer"], "two customers at Stripe");
    town.settle();
    let before = town.calls("circle").len();
    town.act("stripe", "refund", json!({ "session": first["session"] }));
    town.settle();
    town.jump(SignedDuration::from_mins(20));
    town.settle();
    assert_eq!(town.stages(ADA), ["active"]);
    assert_eq!(town.in_group(4014), [ADA.to_owned()].into());
    assert_eq!(town.calls("circle").len(), before);
    // The last one out closes the door.
    town.act("stripe", "refund", json!({ "session": second["session"] }));
    town.soon_stages(ADA, &["refunded"]);
    town.soon("Ada out of the course", |town| town.in_group(4014).is_empty().then_some(()));
    town.rest_but_calls(Rest::default());
}

#[test]
fn two_records_behind_one_address_and_the_refund_of_one_evicts_nobody() {
    let gift = r#"
[[plans]]
id = "gift"
prices = ["stripe:price_1Gift"]
grants = ["course"]
beneficiary = "recipient"
"#;
    let town = Town::with("two-records", Settings { more: gift, ..Settings::default() });
    town.act("stripe", "price", json!({ "id": "price_1Gift", "amount": 24_900 }));
    town.act("circle", "member", json!({ "email": ADA }));
    let own = town.buys(ADA, "price_1Course");
    town.until_stages(ADA, &["active"]);
    town.settle();
    let order = json!({ "email": BEN, "price": "price_1Gift", "metadata": { "recipient": ADA } });
    town.act("stripe", "checkout", order);
    town.until_stages(BEN, &["active"]);
    town.settle();
    assert_eq!(town.customers().len(), 2);
    let before = town.calls("circle").len();
    town.act("stripe", "refund", json!({ "session": own["session"] }));
    town.soon("the refund", |town| {
        let customer = town.customers().into_iter().find(|row| row.summary.to_string().contains("refunded"));
        customer.map(drop)
    });
    town.settle();
    town.jump(SignedDuration::from_mins(20));
    town.settle();
    assert_eq!(town.in_group(4014), [ADA.to_owned()].into());
    assert_eq!(town.calls("circle").len(), before);
    town.rest_but_calls(Rest::default());
}

#[test]
fn an_upgrade_adds_and_never_drops_access_in_between() {
    let town = Town::new("upgrade");
    town.act("circle", "member", json!({ "email": ADA }));
    let bought = town.buys(ADA, "price_1Community");
    town.until_stages(ADA, &["active"]);
    town.settle();
    let (circle, kit) = (town.calls("circle").len(), town.calls("kit").len());
    town.act("stripe", "upgrade", json!({ "subscription": bought["subscription"], "price": "price_1Pro" }));
    town.until_stages(ADA, &["active", "active"]);
    town.settle();
    assert_eq!(
        town.calls("circle")[circle..],
        ["POST access_groups/4013/community_members ada@example.com 201"]
    );
    assert_eq!(town.calls("kit")[kit..], ["POST tags/12/subscribers/3001 201"]);
    assert_eq!(town.in_group(4012), town.in_group(4013));
    town.rest_but_calls(Rest::default());
}

#[test]
fn thirty_removals_at_once_are_braked_while_grants_go_on_until_somebody_releases_the_brake() {
    let town = Town::new("brake");
    let people: Vec<_> = (0..30).map(|nth| format!("member-{nth:02}@example.com")).collect();
    let mut bought = Vec::new();
    for person in &people {
        town.act("circle", "member", json!({ "email": person }));
        bought.push(town.buys(person, "price_1Course"));
    }
    town.until("all are in", |town| (town.in_group(4014).len() == 30).then_some(()));
    town.settle();
    for one in &bought {
        town.act("stripe", "refund", json!({ "session": one["session"] }));
    }
    town.soon("the brake", |town| (!town.alerts().is_empty()).then_some(()));
    town.settle();
    assert_eq!(town.in_group(4014).len(), 20, "ten were let through");
    town.act("circle", "member", json!({ "email": BEN }));
    town.buys(BEN, "price_1Community");
    town.until_stages(BEN, &["active"]);
    assert_eq!(town.in_group(4012), [BEN.to_owned()].into());
    town.jump(SignedDuration::from_hours(2));
    town.settle();
    assert_eq!(town.in_group(4014).len(), 20, "time alone releases nothing");
    let brakes = town.ask(town.engine().store().brakes()).unwrap();
    for brake in &brakes {
        let (_, waiting) = town.ask(town.engine().release_brake(&brake.name, "the test")).unwrap();
        assert_eq!(waiting, 20, "{brakes:?}");
    }
    town.soon("all are out", |town| town.in_group(4014).is_empty().then_some(()));
    town.rest_but_calls(Rest::default());
}

#[test]
fn shadow_mode_writes_nothing_and_shows_what_it_would_do() {
    let mut town = Town::with("shadow", Settings { mode: "shadow", ..Settings::default() });
    let bought = town.buys(BEN, "price_1Community");
    town.until_stages(BEN, &["access_pending"]);
    town.until_page(&bought, &["access_pending"]);
    let (_, readyz) = town.readyz();
    assert_eq!(
        readyz["info"],
        json!([{ "kind": "shadow", "subject": "circle" }, { "kind": "shadow", "subject": "kit" }])
    );
    let view = town.ask(town.engine().view(&town.customer(BEN).unwrap())).unwrap().unwrap();
    let wanted = view.decision.desired.values().flat_map(Desired::wishes);
    let wanted: Vec<_> = wanted.map(|(_, item, wish)| format!("{} {item}", wish.as_str())).collect();
    assert_eq!(wanted, ["want circle:group:4012", "want kit:tag:member"]);
    town.rest(Rest {
        circle: vec!["GET access_groups 200"],
        kit: vec!["GET tags 200"],
        unsettled: vec!["circle held", "kit held"],
        ..Rest::default()
    });
    // Live, what happened before waits for a person, and what happens now does not.
    town.reopen(|settings| settings.mode = "live");
    town.act("circle", "member", json!({ "email": ADA }));
    town.buys(ADA, "price_1Course");
    town.until_stages(ADA, &["active"]);
    town.settle();
    assert!(town.in_group(4012).is_empty());
    assert_eq!(town.alerts(), ["not_live circle", "not_live kit"]);
    for target in Target::ALL {
        let went_live = town.ask(town.engine().go_live(target, "the test")).unwrap();
        assert_eq!(went_live, WentLive::Done { rows: 1 });
    }
    town.until_stages(BEN, &["invite_sent"]);
    town.settle();
    assert_eq!(town.tagged("member"), [BEN.to_owned()].into());
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_group_that_does_not_exist_holds_up_its_own_mapping_alone_until_it_is_made() {
    let mut town = Town::with("group", Settings { community_group: 9999, ..Settings::default() });
    town.act("circle", "member", json!({ "email": ADA }));
    town.until("the group named", |town| {
        (town.alerts() == ["misconfigured circle:group:9999"]).then_some(())
    });
    let bought = town.buys(ADA, "price_1Pro");
    town.until_stages(ADA, &["access_pending", "active"]);
    town.settle();
    town.until("the first of it on the page", |town| {
        (town.page(&bought)[0] == "access_pending").then_some(())
    });
    assert_eq!(town.in_group(4013), [ADA.to_owned()].into());
    assert_eq!((town.tagged("member"), town.tagged("pro")), (town.in_group(4013), town.in_group(4013)));
    let row = town.sync(ADA, Target::Circle).unwrap();
    assert_eq!((row.state.as_str(), row.attempts), ("held", 0));
    town.act("circle", "group", json!({ "id": 9999, "name": "Community" }));
    town.reopen(|_| {});
    town.soon_stages(ADA, &["active", "active"]);
    town.settle();
    assert_eq!(town.in_group(9999), [ADA.to_owned()].into());
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_tag_that_others_put_on_lets_nobody_in() {
    let town = Town::new("tagged");
    town.act("kit", "subscriber", json!({ "email": CLEO, "tags": ["member", "pro", "course"] }));
    town.act("circle", "member", json!({ "email": ADA }));
    town.buys(ADA, "price_1Course");
    town.until_stages(ADA, &["active"]);
    town.settle();
    town.act("kit", "tag", json!({ "email": ADA, "tag": "pro" }));
    town.jump(SignedDuration::from_hours(1));
    town.settle();
    assert!(town.in_group(4012).is_empty() && town.in_group(4013).is_empty());
    assert_eq!(town.in_group(4014), [ADA.to_owned()].into());
    assert_eq!(town.customers().len(), 1);
    town.rest_but_calls(Rest::default());
}

#[test]
fn who_unsubscribed_stays_unsubscribed() {
    let town = Town::new("unsubscribed");
    town.act("kit", "subscriber", json!({ "email": ADA }));
    town.act("kit", "unsubscribe", json!({ "email": ADA }));
    town.act("circle", "member", json!({ "email": ADA }));
    town.buys(ADA, "price_1Community");
    town.until_stages(ADA, &["active"]);
    town.settle();
    let state = town.state();
    let subscriber = &state["kit"]["subscribers"][0];
    assert_eq!((text(&subscriber["email_address"]), text(&subscriber["state"])), (ADA, "cancelled"));
    town.rest_but_calls(Rest::default());
}
