//! What is delivered to the webhook endpoint, and how it is answered.

use crate::town::{Rest, Settings, Town, text};
use frontdesk_store::{EntryFilter, EntryState};
use serde_json::{Value, json};

const ADA: &str = "ada@example.com";
const BEN: &str = "ben@example.com";

/// The journal's events in one state: key and reason.
fn events(town: &Town, state: EntryState) -> Vec<(String, String)> {
    let filter = EntryFilter { state: Some(state), ..EntryFilter::default() };
    let entries = town.ask(town.engine().store().journal_list(&filter, None, 1_000)).unwrap();
    entries.into_iter().map(|entry| (entry.event_key, entry.reason.unwrap_or_default())).collect()
}

/// An account that nobody was asked about.
fn nothing_done() -> Rest {
    Rest { circle: vec!["GET access_groups 200"], kit: vec!["GET tags 200"], ..Rest::default() }
}

#[test]
fn a_forged_webhook_on_the_path_of_an_endpoint_in_use_is_401_and_leaves_nothing() {
    let settings = Settings { path: "/api/webhooks/payment", ..Settings::default() };
    let town = Town::with("forged", settings);
    let forged = r#"{"event":"checkout.completed","user_id":"123"}"#;
    let headers = [("content-type", "application/json"), ("x-signature", "test")];
    let answer = town.http("POST", &town.webhooks(), &headers, forged);
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(problem["status"], 401);
    assert!(!problem.to_string().contains("checkout.completed"), "{problem}");
    assert_eq!(town.deliveries(), (0, 0));
    // The same endpoint takes what is signed.
    town.buys(BEN, "price_1Community");
    town.until_stages(BEN, &["invite_sent"]);
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_signature_that_is_wrong_old_future_or_missing_is_401_and_leaves_nothing() {
    let town = Town::new("signatures");
    for sign in ["wrong", "old", "future", "none"] {
        let session = json!({ "id": "cs_live_forged", "object": "checkout.session" });
        town.act(
            "stripe",
            "event",
            json!({ "type": "checkout.session.completed", "sign": sign, "object": session }),
        );
    }
    town.until("four answers", |town| (town.answers().len() == 4).then_some(()));
    assert_eq!(town.deliveries(), (0, 0));
    assert!(town.customers().is_empty());
    town.rest(Rest { refused: vec![401; 4], ..nothing_done() });
}

#[test]
fn what_is_authentic_and_no_event_is_400_and_kept() {
    let town = Town::new("no-event");
    town.act("stripe", "event", json!({ "raw_body": "not json" }));
    town.act("stripe", "thin", json!({}));
    town.until("two answers", |town| (town.answers().len() == 2).then_some(()));
    town.settle();
    assert_eq!(town.customers().len(), 0);
    town.rest(Rest { refused: vec![400; 2], quarantined: 2, ..nothing_done() });
}

#[test]
fn an_event_of_a_type_that_is_not_handled_has_no_effect() {
    let town = Town::new("unhandled");
    let account = json!({ "id": "acct_1Northwind", "object": "account" });
    town.act("stripe", "event", json!({ "type": "account.updated", "object": account }));
    town.until("one answer", |town| (town.answers() == [200]).then_some(()));
    assert_eq!(events(&town, EntryState::NoEffect).len(), 1);
    town.rest(nothing_done());
}

#[test]
fn an_event_that_cannot_be_read_is_kept_in_quarantine_with_the_field_named() {
    let town = Town::new("unreadable");
    let session = json!({ "id": "cs_live_1", "object": "checkout.session", "payment_status": 7 });
    town.act("stripe", "event", json!({ "type": "checkout.session.completed", "object": session }));
    town.until("one answer", |town| (town.answers() == [200]).then_some(()));
    let quarantined = events(&town, EntryState::Quarantined);
    assert!(quarantined.len() == 1 && quarantined[0].1.contains('`'), "{quarantined:?}");
    let (status, readyz) = town.readyz();
    assert_eq!((status, &readyz["status"]), (200, &json!("degraded")));
    assert!(town.customers().is_empty());
    town.rest(Rest {
        quarantined: 1,
        alerts: vec!["quarantined checkout.session.completed"],
        ..nothing_done()
    });
}

#[test]
fn an_event_of_the_other_mode_has_no_effect() {
    let town = Town::new("mode");
    let secret = town.settings.secret("STRIPE_SIGNING_SECRET").to_owned();
    town.act("stripe", "endpoint", json!({ "url": town.webhooks(), "secret": secret, "livemode": false }));
    town.act("stripe", "checkout", json!({ "email": BEN, "price": "price_1Community", "livemode": false }));
    town.until("the answers", |town| (town.answers().len() > 3).then_some(()));
    town.settle();
    let without = events(&town, EntryState::NoEffect);
    assert_eq!(without.len(), town.answers().len());
    assert!(without.iter().all(|(_, reason)| reason.contains("test mode")), "{without:?}");
    assert!(town.customers().is_empty());
    town.rest(nothing_done());
}

#[test]
fn an_event_of_another_account_has_no_effect() {
    let settings = Settings { source: "account = \"acct_1Northwind\"", ..Settings::default() };
    let town = Town::with("account", settings);
    let customer = json!({ "id": "cus_1", "object": "customer", "email": BEN });
    town.act(
        "stripe",
        "event",
        json!({ "type": "customer.created", "object": customer, "account": "acct_1Other" }),
    );
    town.until("one answer", |town| (town.answers() == [200]).then_some(()));
    let without = events(&town, EntryState::NoEffect);
    assert!(without.len() == 1 && without[0].1.contains("another account"), "{without:?}");
    town.rest(nothing_done());
}

#[test]
fn another_event_under_a_known_id_is_kept_alerted_and_without_effect() {
    let town = Town::new("conflict");
    let bought = town.buys(BEN, "price_1Community");
    town.until_stages(BEN, &["invite_sent"]);
    town.settle();
    let calls = (town.calls("circle"), town.calls("kit"));
    let first = bought["events"][0].clone();
    town.act("stripe", "conflict", json!({ "event": first }));
    town.until("it is kept", |town| (events(town, EntryState::Quarantined).len() == 1).then_some(()));
    let kept = events(&town, EntryState::Quarantined);
    assert!(kept[0].0.starts_with(&format!("{}#conflict:", text(&first))), "{kept:?}");
    let (status, readyz) = town.readyz();
    assert_eq!((status, &readyz["status"]), (200, &json!("degraded")));
    assert_eq!((town.calls("circle"), town.calls("kit")), calls);
    let alert = town.alerts().join(", ");
    assert!(alert.starts_with("conflict fde_"), "{alert}");
    town.rest_but_calls(Rest { quarantined: 1, alerts: vec![alert.leak()], ..Rest::default() });
}

#[test]
fn a_purchase_that_is_told_after_its_refund_lets_nobody_in() {
    let town = Town::new("late");
    let order = json!({ "email": BEN, "price": "price_1Course", "deliver": { "late": "60s" } });
    let bought = town.act("stripe", "checkout", order);
    town.act("stripe", "refund", json!({ "session": bought["session"] }));
    town.settle();
    town.jump(jiff::SignedDuration::from_secs(61));
    town.soon_stages(BEN, &["refunded"]);
    town.settle();
    assert_eq!(town.invited(), [""; 0]);
    assert!(town.in_group(4014).is_empty());
    town.rest(nothing_done());
}

#[test]
fn a_lost_webhook_of_a_later_event_is_made_up_for_by_what_is_read() {
    let town = Town::new("lost");
    town.act("circle", "member", json!({ "email": ADA }));
    let order = json!({ "email": ADA, "price": "price_1Community", "deliver": "lost" });
    let bought = town.act("stripe", "checkout", order);
    let last = bought["events"].as_array().unwrap().last().unwrap().clone();
    town.act("stripe", "redeliver", json!({ "event": last }));
    town.soon_stages(ADA, &["active"]);
    town.settle();
    assert_eq!(town.in_group(4012), [ADA.to_owned()].into());
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_purchase_whose_webhooks_are_all_lost_is_found_in_the_source_s_list() {
    let town = Town::new("all-lost");
    town.settle();
    let order = json!({ "email": BEN, "price": "price_1Community", "deliver": "lost" });
    let bought = town.act("stripe", "checkout", order);
    town.jump(jiff::SignedDuration::from_mins(16));
    town.soon_stages(BEN, &["invite_sent"]);
    town.settle();
    assert_eq!(town.deliveries().0, bought["events"].as_array().unwrap().len());
    assert_eq!(town.invited(), [BEN]);
    town.rest_but_calls(Rest::default());
}

#[test]
fn what_is_too_large_or_for_nobody_is_refused_and_leaves_nothing() {
    let town = Town::new("refused");
    let signed = [("stripe-signature", "t=1,v1=00")];
    let large = "x".repeat(2 * 1024 * 1024);
    let nobody = format!("{}/webhooks/paypal", town.site());
    // What is too large is refused before it is read, so whoever still sends may find the connection closed and not hear
    // why, and so may the next who takes the same one.
    for (url, body, status) in [(&town.webhooks(), large.as_str(), 413), (&nobody, "{}", 404)] {
        let refused = town.until("a refusal", |town| {
            town.try_http("POST", url, &signed, body).ok().map(|answer| answer.status())
        });
        assert_eq!(refused, status);
    }
    assert_eq!(town.deliveries(), (0, 0));
    town.rest(nothing_done());
}
