//! What one purchase comes to, on both engines of the store.

use crate::town::{Backend, Rest, Town, text};
use serde_json::json;

const ADA: &str = "ada@example.com";
const BEN: &str = "ben@example.com";

/// What is asked of an account before anything else.
const LISTS_GROUPS: &str = "GET access_groups 200";
const LISTS_TAGS: &str = "GET tags 200";

/// Tells a case in a town on each engine.
fn on_both(name: &str, case: impl Fn(Town)) {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if let Some(town) = Town::on(&format!("{name}-{backend:?}"), backend) {
            case(town);
        }
    }
}

#[test]
fn a_stranger_who_buys_is_one_customer_with_one_invitation_one_group_and_one_tag() {
    on_both("stranger", |town| {
        let bought = town.buys(BEN, "price_1Community");
        town.until_stages(BEN, &["invite_sent"]);
        town.until_page(&bought, &["invite_sent"]);
        town.settle();
        assert_eq!(town.customers().len(), 1);
        assert_eq!(town.invited(), [BEN]);
        assert_eq!(town.in_group(4012), [BEN.to_owned()].into());
        assert_eq!(town.tagged("member"), [BEN.to_owned()].into());
        town.rest(Rest {
            circle: vec![
                LISTS_GROUPS,
                "POST access_groups/4012/community_members ben@example.com 404",
                "POST community_members ben@example.com 201",
                "POST access_groups/4012/community_members ben@example.com 201",
            ],
            kit: vec![
                LISTS_TAGS,
                "POST subscribers ben@example.com 201",
                "POST tags/11/subscribers/3001 201",
            ],
            ..Rest::default()
        });
    });
}

#[test]
fn a_member_whom_frontdesk_has_not_seen_is_let_in_with_two_calls_and_no_invitation() {
    on_both("unseen", |town| {
        town.act("circle", "member", json!({ "email": ADA }));
        let bought = town.buys(ADA, "price_1Community");
        town.until_stages(ADA, &["active"]);
        town.until_page(&bought, &["active"]);
        town.rest(Rest {
            circle: vec![
                LISTS_GROUPS,
                "POST access_groups/4012/community_members ada@example.com 201",
                "GET community_members/search ada@example.com 200",
            ],
            kit: vec![
                LISTS_TAGS,
                "POST subscribers ada@example.com 201",
                "POST tags/11/subscribers/3001 201",
            ],
            ..Rest::default()
        });
        assert_eq!(town.invited(), [""; 0]);
    });
}

#[test]
fn a_member_whom_frontdesk_knows_is_let_in_with_one_call() {
    on_both("known", |town| {
        town.act("circle", "member", json!({ "email": ADA }));
        town.buys(ADA, "price_1Community");
        town.until_stages(ADA, &["active"]);
        town.settle();
        let before = (town.calls("circle"), town.calls("kit"));
        town.buys(ADA, "price_1Course");
        town.until_stages(ADA, &["active", "active"]);
        town.settle();
        let after = (town.calls("circle"), town.calls("kit"));
        assert_eq!(
            after.0[before.0.len()..],
            ["POST access_groups/4014/community_members ada@example.com 201"]
        );
        assert_eq!(after.1[before.1.len()..], ["POST tags/13/subscribers/3001 201"]);
        assert_eq!(town.customers().len(), 1);
        town.rest_but_calls(Rest::default());
    });
}

#[test]
fn fifty_deliveries_of_each_event_at_once_change_nothing() {
    on_both("fifty", |town| {
        let bought = town.act(
            "stripe",
            "checkout",
            json!({ "email": BEN, "price": "price_1Community", "deliver": { "times": 50 } }),
        );
        let events = bought["events"].as_array().unwrap().len();
        town.until("every delivery counted", |town| {
            (town.deliveries() == (events, 50 * i64::try_from(events).unwrap())).then_some(())
        });
        town.until_stages(BEN, &["invite_sent"]);
        town.settle();
        let before = (town.calls("circle").len(), town.calls("kit").len());
        assert_eq!(before, (4, 3));
        // And once more, long after.
        for event in bought["events"].as_array().unwrap() {
            town.act("stripe", "redeliver", json!({ "event": event, "times": 2 }));
        }
        town.until("every delivery counted", |town| {
            (town.deliveries() == (events, 52 * i64::try_from(events).unwrap())).then_some(())
        });
        town.settle();
        assert_eq!((town.calls("circle").len(), town.calls("kit").len()), before);
        assert_eq!(town.customers().len(), 1);
        assert_eq!(town.invited(), [BEN]);
        town.rest_but_calls(Rest::default());
    });
}

#[test]
fn events_in_reverse_order_come_to_the_same() {
    on_both("reverse", |town| {
        let order = json!({ "email": BEN, "price": "price_1Community", "deliver": "reversed" });
        town.act("stripe", "checkout", order);
        town.soon_stages(BEN, &["invite_sent"]);
        town.settle();
        assert_eq!((town.calls("circle").len(), town.calls("kit").len()), (4, 3));
        assert_eq!(town.customers().len(), 1);
        town.rest_but_calls(Rest::default());
    });
}

#[test]
fn a_payment_that_fails_grants_nothing() {
    on_both("fails", |town| {
        for (email, price) in [(ADA, "price_1Community"), (BEN, "price_1Course")] {
            town.act("stripe", "checkout", json!({ "email": email, "price": price, "method": "card_fails" }));
        }
        town.settle();
        assert_eq!(town.in_group(4012).len() + town.in_group(4014).len(), 0);
        assert_eq!(town.invited(), [""; 0]);
        assert_eq!((town.stages(ADA).len(), town.stages(BEN).len()), (0, 0), "they are still at the till");
        town.rest(Rest { circle: vec![LISTS_GROUPS], kit: vec![LISTS_TAGS], ..Rest::default() });
    });
}

#[test]
fn a_bank_debit_that_fails_says_so_and_grants_nothing() {
    on_both("sepa-fails", |town| {
        let order = json!({ "email": BEN, "price": "price_1Course", "method": "sepa" });
        let bought = town.act("stripe", "checkout", order);
        town.until_stages(BEN, &["payment_processing"]);
        town.act("stripe", "sepa_fail", json!({ "session": bought["session"] }));
        town.until_stages(BEN, &["payment_failed"]);
        town.until_page(&bought, &["payment_failed"]);
        town.rest(Rest { circle: vec![LISTS_GROUPS], kit: vec![LISTS_TAGS], ..Rest::default() });
    });
}

#[test]
fn a_bank_debit_lets_nobody_in_before_the_money_is_there() {
    on_both("sepa", |town| {
        let order = json!({ "email": BEN, "price": "price_1Course", "method": "sepa" });
        let bought = town.act("stripe", "checkout", order);
        town.until_stages(BEN, &["payment_processing"]);
        town.until_page(&bought, &["payment_processing"]);
        town.settle();
        assert_eq!(town.calls("circle"), [LISTS_GROUPS]);
        town.act("stripe", "sepa_settle", json!({ "session": bought["session"] }));
        town.until_stages(BEN, &["invite_sent"]);
        town.settle();
        assert_eq!(town.in_group(4014), [BEN.to_owned()].into());
        town.rest_but_calls(Rest::default());
    });
}

#[test]
fn a_refund_takes_access_away_within_a_quarter_of_an_hour_and_nothing_else() {
    on_both("refund", |town| {
        town.act("circle", "member", json!({ "email": ADA }));
        town.buys(ADA, "price_1Community");
        let course = town.buys(ADA, "price_1Course");
        town.until_stages(ADA, &["active", "active"]);
        town.settle();
        let (circle, kit) = (town.calls("circle").len(), town.calls("kit").len());
        let refunded_at = town.now();
        town.act("stripe", "refund", json!({ "session": course["session"] }));
        town.soon_stages(ADA, &["active", "refunded"]);
        town.soon("Ada out of the course", |town| town.in_group(4014).is_empty().then_some(()));
        let removed_at = town.done_at("circle", "DELETE access_groups/4014").unwrap();
        let took = removed_at.duration_since(refunded_at);
        assert!(took <= jiff::SignedDuration::from_mins(15), "it took {took}");
        town.settle();
        assert_eq!(
            town.calls("circle")[circle..],
            ["DELETE access_groups/4014/community_members ada@example.com 200"]
        );
        assert_eq!(town.calls("kit")[kit..], ["DELETE tags/13/subscribers/3001 204"]);
        assert_eq!(town.in_group(4012), [ADA.to_owned()].into());
        assert!(
            town.calls("stripe")
                .iter()
                .any(|call| call.starts_with(&format!("GET charges/{}", text(&course["charge"])))),
            "it was read again at the source: {:?}",
            town.calls("stripe")
        );
        town.rest_but_calls(Rest::default());
    });
}

#[test]
fn two_purchases_of_one_moment_are_both_granted() {
    on_both("one-moment", |town| {
        let people: Vec<_> = (0..12).map(|nth| format!("member-{nth:02}@example.com")).collect();
        for person in &people {
            town.act("circle", "member", json!({ "email": person }));
            town.buys(person, "price_1Community");
            town.buys(person, "price_1Course");
        }
        for person in &people {
            town.until_stages(person, &["active", "active"]);
        }
        town.settle();
        assert_eq!(town.in_group(4012), people.iter().cloned().collect());
        assert_eq!(town.in_group(4014), town.in_group(4012));
        assert_eq!(
            (town.tagged("member"), town.tagged("course")),
            (town.in_group(4012), town.in_group(4012))
        );
        assert_eq!(town.customers().len(), people.len());
        town.rest_but_calls(Rest::default());
    });
}
