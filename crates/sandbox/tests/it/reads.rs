//! The REST API: who may read, lists and their pages, shapes by version, refusals.

use frontdesk_sandbox::Call;
use serde_json::{Value, json};

use crate::tools::{KEY, Stage, header, text};

fn buy(stage: &mut Stage, price: &str) -> Value {
    stage.act("checkout", &json!({ "email": "ada@example.com", "name": "Ada", "price": price }))
}

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|row| text(&row["id"]).to_owned()).collect()
}

#[test]
fn keys_are_admitted_or_refused_in_stripes_words() {
    let mut stage = Stage::new();
    for (key, status) in
        [("rk_live_revoked", "revoked"), ("rk_live_expired", "expired"), ("rk_live_far", "other_address")]
    {
        stage.act("keys", &json!({ "key": key, "status": status }));
    }
    for (key, status, message) in [
        (KEY, 200, ""),
        ("rk_test_sandbox_frontdesk", 200, ""),
        ("", 401, "You did not provide an API key"),
        ("rk_live_of_somebody_else_0000", 401, "Invalid API Key provided: rk_live_*****************0000"),
        ("pasted whole", 401, "Invalid API Key provided: pasted whole"),
        ("rk_live_revoked", 401, "Invalid API Key provided"),
        ("rk_live_expired", 401, "Expired API Key provided"),
        ("rk_live_far", 403, "does not allow requests from your IP address"),
    ] {
        let (got, body) = stage.get_as("/v1/customers", key, None);
        assert_eq!(got, status, "{key}: {body}");
        if status != 200 {
            assert!(text(&body["error"]["message"]).contains(message), "{key}: {body}");
            assert_eq!(body["error"]["type"], "invalid_request_error");
        }
    }
    // Basic: the key as the user, no password; base64 of `rk_live_sandbox_frontdesk:`.
    let call = Call::new("GET", "/v1/customers")
        .header("authorization", "Basic cmtfbGl2ZV9zYW5kYm94X2Zyb250ZGVzazo=");
    assert_eq!(stage.call(&call).status, 200);
}

#[test]
fn a_key_without_a_permission_is_told_which_and_sees_no_such_events() {
    let mut stage = Stage::new();
    buy(&mut stage, "price_1Community");
    stage.act("keys", &json!({ "key": KEY, "permissions": ["rak_event_read", "rak_customer_read"] }));
    for (target, permission) in [
        ("/v1/subscriptions", "rak_subscription_read"),
        ("/v1/charges", "rak_charge_read"),
        ("/v1/refunds", "rak_charge_read"),
        ("/v1/invoices", "rak_invoice_read"),
        ("/v1/checkout/sessions", "rak_checkout_session_read"),
        ("/v1/prices", "rak_plan_read"),
        ("/v1/webhook_endpoints", "rak_webhook_read"),
    ] {
        let (status, body) = stage.get(target);
        assert_eq!(status, 403, "{target}");
        let message = text(&body["error"]["message"]);
        assert!(message.contains(&format!("Having the '{permission}' permission")), "{target}: {message}");
        assert!(!message.contains(KEY), "the key is masked: {message}");
    }
    let events = stage.read("/v1/events?limit=100");
    let kinds: Vec<&str> = events["data"].as_array().unwrap().iter().map(|it| text(&it["type"])).collect();
    assert_eq!(kinds, ["customer.created"]);
    let rule =
        json!({ "provider": "stripe", "switch": "session_permission", "value": "rak_bucket_checkout_read" });
    stage.world.add_faults(&rule).unwrap();
    let (_, body) = stage.get("/v1/checkout/sessions");
    assert!(text(&body["error"]["message"]).contains("rak_bucket_checkout_read"));
}

#[test]
fn an_object_of_the_other_mode_is_not_found_with_a_hint() {
    let mut stage = Stage::new();
    let live = buy(&mut stage, "price_1Community");
    let id = text(&live["customer"]);
    let (status, body) = stage.get_as(&format!("/v1/customers/{id}"), "rk_test_sandbox_frontdesk", None);
    assert_eq!(status, 404);
    assert!(
        text(&body["error"]["message"]).contains("a similar object exists in live mode, but a test mode key")
    );
    let (_, list) = stage.get_as("/v1/customers", "rk_test_sandbox_frontdesk", None);
    assert!(ids(&list).is_empty());
    let (status, body) = stage.get("/v1/customers/cus_nobody");
    assert_eq!((status, text(&body["error"]["code"])), (404, "resource_missing"));
}

#[test]
fn the_version_of_the_request_decides_the_shape() {
    let mut stage = Stage::new();
    let bought = buy(&mut stage, "price_1Community");
    let target = format!("/v1/invoices/{}", text(&bought["invoice"]));
    let (_, old) = stage.get_as(&target, KEY, Some("2024-06-20"));
    let (_, new) = stage.get_as(&target, KEY, Some("2026-07-29.dahlia"));
    assert_eq!(old["subscription"], bought["subscription"]);
    assert_eq!(old["payment_intent"], bought["payment_intent"]);
    assert!(new.get("subscription").is_none() && new.get("payment_intent").is_none());
    assert_eq!(new["parent"]["subscription_details"]["subscription"], bought["subscription"]);
    let (status, body) = stage.get_as(&target, KEY, Some("1999-01-01"));
    assert_eq!(status, 400, "{body}");
    let answer =
        stage.call(&Call::new("GET", "/v1/customers").header("authorization", &format!("Bearer {KEY}")));
    assert_eq!(header(&answer.headers, "stripe-version"), Some("2025-09-30.clover"));
    assert!(header(&answer.headers, "request-id").unwrap().starts_with("req_"));
    assert_eq!(header(&answer.headers, "date"), Some("Tue, 24 Nov 2026 10:00:00 GMT"));
}

#[test]
fn lists_page_in_both_directions_and_newcomers_appear_at_the_front() {
    let mut stage = Stage::new();
    let mut made: Vec<String> =
        (0..25).map(|_| text(&buy(&mut stage, "price_1Course")["customer"]).to_owned()).collect();
    made.reverse();
    let first = stage.read("/v1/customers");
    assert_eq!(ids(&first), made[..10], "ten by default, newest first, equal seconds in order");
    assert_eq!(first["has_more"], true);
    assert_eq!(first["url"], "/v1/customers");
    buy(&mut stage, "price_1Course");
    let second = stage.read(&format!("/v1/customers?limit=10&starting_after={}", made[9]));
    assert_eq!(ids(&second), made[10..20]);
    let third = stage.read(&format!("/v1/customers?limit=10&starting_after={}", made[19]));
    assert_eq!((ids(&third).as_slice(), &third["has_more"]), (&made[20..], &json!(false)));
    let back = stage.read(&format!("/v1/customers?limit=10&ending_before={}", made[24]));
    assert_eq!(ids(&back), made[14..24], "the ten next to the cursor, so that walking goes from old to new");
    assert_eq!(back["has_more"], true);
    for bad in ["limit=0", "limit=101", "limit=x", "starting_after=cus_nobody", "colour=red"] {
        assert_eq!(stage.get(&format!("/v1/customers?{bad}")).0, 400, "{bad}");
    }
}

#[test]
fn events_are_listed_for_thirty_days_with_their_filters() {
    let mut stage = Stage::new();
    buy(&mut stage, "price_1Community");
    stage.pass(29 * 86_400);
    let bought = buy(&mut stage, "price_1Course");
    assert_eq!(stage.read("/v1/events?limit=100")["data"].as_array().unwrap().len(), 11);
    let since = stage.now.as_second();
    assert_eq!(
        stage.read(&format!("/v1/events?limit=100&created[gte]={since}"))["data"].as_array().unwrap().len(),
        4
    );
    assert_eq!(stage.read("/v1/events?type=invoice.*")["data"].as_array().unwrap().len(), 2);
    let types = stage.read("/v1/events?types[]=customer.created&types[]=charge.succeeded");
    assert_eq!(types["data"].as_array().unwrap().len(), 4);
    let many = "&types[]=customer.created".repeat(21);
    assert_eq!(stage.get(&format!("/v1/events?limit=3{many}")).0, 400, "more than 20 types");
    assert_eq!(stage.get("/v1/events?type=a&types[]=b").0, 400);
    stage.pass(2 * 86_400);
    assert_eq!(stage.read("/v1/events?limit=100")["data"].as_array().unwrap().len(), 4);
    let event = text(&bought["events"][0]);
    assert_eq!(stage.get(&format!("/v1/events/{event}")).0, 200);
    stage.pass(30 * 86_400);
    assert_eq!(stage.get(&format!("/v1/events/{event}")).0, 404);
}

#[test]
fn subscriptions_are_listed_without_canceled_unless_asked() {
    let mut stage = Stage::new();
    let a = buy(&mut stage, "price_1Community");
    let b = buy(&mut stage, "price_1Pro");
    stage.act("cancel", &json!({ "subscription": a["subscription"] }));
    for (query, expect) in [
        ("", vec![&b["subscription"]]),
        ("?status=all", vec![&b["subscription"], &a["subscription"]]),
        ("?status=canceled", vec![&a["subscription"]]),
        ("?status=ended", vec![&a["subscription"]]),
        ("?status=active", vec![&b["subscription"]]),
        ("?status=all&price=price_1Pro", vec![&b["subscription"]]),
    ] {
        let expect: Vec<&str> = expect.into_iter().map(text).collect();
        assert_eq!(ids(&stage.read(&format!("/v1/subscriptions{query}"))), expect, "{query}");
    }
    assert_eq!(stage.get("/v1/subscriptions?customer=cus_nobody").0, 404);
}

#[test]
fn each_object_is_found_by_what_clients_look_it_up_with() {
    let mut stage = Stage::new();
    let course = buy(&mut stage, "price_1Course");
    let member = buy(&mut stage, "price_1Community");
    let refunded = stage.act("refund", &json!({ "session": course["session"], "amount": 100 }));
    let disputed = stage.act("dispute", &json!({ "charge": course["charge"] }));
    let id = |value: &Value| text(value).to_owned();
    for (target, expect) in [
        (
            format!("/v1/checkout/sessions?payment_intent={}", id(&course["payment_intent"])),
            &course["session"],
        ),
        (format!("/v1/checkout/sessions?subscription={}", id(&member["subscription"])), &member["session"]),
        (format!("/v1/checkout/sessions?customer={}", id(&member["customer"])), &member["session"]),
        (format!("/v1/charges?payment_intent={}", id(&course["payment_intent"])), &course["charge"]),
        (format!("/v1/payment_intents?customer={}", id(&course["customer"])), &course["payment_intent"]),
        (format!("/v1/refunds?charge={}", id(&course["charge"])), &refunded["refund"]),
        (format!("/v1/refunds?payment_intent={}", id(&course["payment_intent"])), &refunded["refund"]),
        (format!("/v1/disputes?charge={}", id(&course["charge"])), &disputed["dispute"]),
        (format!("/v1/disputes?payment_intent={}", id(&course["payment_intent"])), &disputed["dispute"]),
        (
            format!("/v1/invoices?subscription={}&status=paid", id(&member["subscription"])),
            &member["invoice"],
        ),
    ] {
        assert_eq!(ids(&stage.read(&target)), [text(expect)], "{target}");
    }
    let none = format!("/v1/invoices?subscription={}&status=open", id(&member["subscription"]));
    assert!(ids(&stage.read(&none)).is_empty());
    let items = stage.read(&format!("/v1/subscription_items?subscription={}", id(&member["subscription"])));
    assert_eq!(items["data"][0]["price"]["id"], "price_1Community");
    assert_eq!(ids(&stage.read("/v1/customers?email=ada@example.com")).len(), 2);
    assert!(ids(&stage.read("/v1/customers?email=Ada@example.com")).is_empty(), "case matters");
}

#[test]
fn a_session_of_more_than_ten_lines_pages_its_goods() {
    let mut stage = Stage::new();
    let lines: Vec<Value> = (0..11)
        .map(|n| {
            let id = format!("price_1Extra{n}");
            stage.act("price", &json!({ "id": id, "name": "Extra", "amount": 100 }));
            json!({ "price": id, "quantity": n + 1 })
        })
        .collect();
    let bought = stage.act("checkout", &json!({ "email": "ada@example.com", "lines": lines }));
    let session = text(&bought["session"]).to_owned();
    let whole = stage.read(&format!("/v1/checkout/sessions/{session}?expand[]=line_items"));
    assert_eq!(whole["line_items"]["data"].as_array().unwrap().len(), 10);
    assert_eq!(whole["line_items"]["has_more"], true);
    assert_eq!(whole["amount_total"], 6_600);
    let all = stage.read(&format!("/v1/checkout/sessions/{session}/line_items?limit=100"));
    assert_eq!(all["data"].as_array().unwrap().len(), 11);
    assert_eq!(all["data"][10]["quantity"], 11);
    let bare = stage.read(&format!("/v1/checkout/sessions/{session}"));
    assert!(bare.get("line_items").is_none(), "line items are shown on expansion alone");
}

#[test]
fn expansion_puts_objects_in_the_place_of_ids() {
    let mut stage = Stage::new();
    let bought = buy(&mut stage, "price_1Community");
    let charge = text(&bought["charge"]);
    let expanded = stage
        .read(&format!("/v1/charges/{charge}?expand[]=customer&expand[]=refunds&expand[]=payment_intent"));
    assert_eq!(expanded["customer"]["email"], "ada@example.com");
    assert_eq!(expanded["payment_intent"]["id"], bought["payment_intent"]);
    assert_eq!(expanded["refunds"]["object"], "list");
    let prices = stage.read("/v1/prices?active=true&expand[]=data.product");
    assert!(prices["data"].as_array().unwrap().iter().all(|price| price["product"]["object"] == "product"));
    let invoice = stage.read(&format!("/v1/invoices/{}?expand[]=payments", text(&bought["invoice"])));
    assert_eq!(invoice["payments"]["data"][0]["payment"]["payment_intent"], bought["payment_intent"]);
    assert_eq!(stage.get(&format!("/v1/charges/{charge}?expand[]=status")).0, 400);
}

#[test]
fn a_deleted_customer_reads_as_a_stub_with_200() {
    let mut stage = Stage::new();
    let bought = buy(&mut stage, "price_1Community");
    let id = text(&bought["customer"]).to_owned();
    stage.act("delete_customer", &json!({ "customer": id }));
    let read = stage.read(&format!("/v1/customers/{id}"));
    assert_eq!(read, json!({ "id": id, "object": "customer", "deleted": true }));
    assert!(ids(&stage.read("/v1/customers")).is_empty());
    let subscription = stage.read(&format!("/v1/subscriptions/{}", text(&bought["subscription"])));
    assert_eq!(subscription["status"], "canceled");
}

#[test]
fn a_read_lags_behind_the_event_as_long_as_switched() {
    let mut stage = Stage::new();
    stage.world.add_faults(&json!({ "provider": "stripe", "switch": "read_lag_s", "value": 10 })).unwrap();
    let bought = buy(&mut stage, "price_1Community");
    let target = format!("/v1/subscriptions/{}", text(&bought["subscription"]));
    assert_eq!(stage.read(&target)["status"], "active", "a new object is seen at once");
    stage.pass(60);
    stage.act("cancel", &json!({ "subscription": bought["subscription"] }));
    stage.pass(9);
    assert_eq!(stage.read(&target)["status"], "active");
    assert_eq!(ids(&stage.read("/v1/subscriptions")).len(), 1);
    stage.pass(1);
    assert_eq!(stage.read(&target)["status"], "canceled");
    assert!(ids(&stage.read("/v1/subscriptions")).is_empty());
}

#[test]
fn one_endpoint_takes_25_calls_a_second_per_key() {
    let mut stage = Stage::new();
    for n in 0..25 {
        assert_eq!(stage.get(&format!("/v1/customers/cus_{n}")).0, 404);
    }
    let refused = stage
        .call(&Call::new("GET", "/v1/customers/cus_26").header("authorization", &format!("Bearer {KEY}")));
    assert_eq!(refused.status, 429);
    assert_eq!(header(&refused.headers, "stripe-rate-limited-reason"), Some("endpoint-rate"));
    assert_eq!(stage.get("/v1/charges").0, 200, "another endpoint has its own limit");
    assert_eq!(stage.get_as("/v1/customers/cus_1", "rk_test_sandbox_frontdesk", None).0, 404);
    stage.pass(1);
    assert_eq!(stage.get("/v1/customers/cus_27").0, 404);
}

#[test]
fn stripes_own_troubles_come_in_its_own_words() {
    for (kind, status, text_of) in [
        ("lock_timeout", 429, "lock_timeout"),
        ("rate_limit", 429, "rate_limit"),
        ("api_error", 500, "api_error"),
        ("bad_gateway", 502, "<html>"),
        ("unavailable", 503, "<html>"),
    ] {
        let mut stage = Stage::new();
        let value = json!({ "kind": kind, "times": 2 });
        stage
            .world
            .add_faults(&json!({ "provider": "stripe", "switch": "trouble", "value": value }))
            .unwrap();
        let call = Call::new("GET", "/v1/customers").header("authorization", &format!("Bearer {KEY}"));
        for expect in [status, status, 200] {
            let answer = stage.call(&call);
            assert_eq!(answer.status, expect, "{kind}");
            let is_said = String::from_utf8_lossy(&answer.body).contains(text_of);
            assert_eq!(is_said, expect != 200, "{kind}");
        }
    }
}

#[test]
fn objects_come_and_go_while_a_client_pages() {
    let mut stage = Stage::new();
    let bought: Vec<Value> = (0..3).map(|_| buy(&mut stage, "price_1Course")).collect();
    stage.world.add_faults(&json!({ "provider": "stripe", "switch": "page_drift", "value": 1 })).unwrap();
    let first = stage.read("/v1/customers?limit=2");
    let second = stage.read(&format!("/v1/customers?limit=2&starting_after={}", ids(&first)[1]));
    assert_eq!(ids(&second), [text(&bought[0]["customer"])]);
    assert_eq!(ids(&stage.read("/v1/customers")).len(), 4, "one more than before, at the front");
    let gone = text(&bought[1]["charge"]);
    assert!(ids(&stage.read("/v1/charges")).contains(&gone.to_owned()));
    stage.act("vanish", &json!({ "id": gone }));
    assert_eq!(stage.get(&format!("/v1/charges/{gone}")).0, 404);
}

#[test]
fn an_endpoint_can_be_registered_and_shows_its_secret_once() {
    let mut stage = Stage::new();
    let mut call = Call::new("POST", "/v1/webhook_endpoints")
        .header("authorization", &format!("Bearer {KEY}"))
        .header("idempotency-key", "k-1");
    call.body = b"url=https%3A%2F%2Fhooks.example.com%2Fstripe&enabled_events[]=invoice.paid&api_version=2025-09-30.clover".to_vec();
    let made = stage.call(&call);
    assert_eq!(made.status, 200);
    let endpoint: Value = serde_json::from_slice(&made.body).unwrap();
    assert!(text(&endpoint["secret"]).starts_with("whsec_"));
    let again = stage.call(&call);
    assert_eq!((again.status, &again.body), (200, &made.body), "the same key gives the same answer");
    assert_eq!(header(&again.headers, "idempotent-replayed"), Some("true"));
    call.body = b"url=https%3A%2F%2Fother.example.com&enabled_events[]=*".to_vec();
    let other = stage.call(&call);
    assert_eq!(other.status, 400);
    assert!(String::from_utf8_lossy(&other.body).contains("idempotency_error"));
    let shown = stage.read(&format!("/v1/webhook_endpoints/{}", text(&endpoint["id"])));
    assert!(shown.get("secret").is_none());
    let mut expect: Value =
        serde_json::from_str(include_str!("../../../../fixtures/stripe/rest/webhook_endpoint.json")).unwrap();
    let keys = |it: &mut Value| -> Vec<String> { it.as_object_mut().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&mut shown.clone()), keys(&mut expect));
    assert_eq!(ids(&stage.read("/v1/webhook_endpoints")).len(), 1);
}
