//! What the account holds after each change, as the reads show it.

use serde_json::{Value, json};

use crate::tools::{Stage, text};

const DAY: i64 = 86_400;

fn member(stage: &mut Stage, more: &Value) -> Value {
    let mut order = json!({ "email": "ada@example.com", "name": "Ada", "price": "price_1Community" });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    stage.act("checkout", &order)
}

fn subscription(stage: &mut Stage, bought: &Value) -> Value {
    stage.read(&format!("/v1/subscriptions/{}", text(&bought["subscription"])))
}

fn charge(stage: &mut Stage, bought: &Value) -> Value {
    stage.read(&format!("/v1/charges/{}", text(&bought["charge"])))
}

#[test]
fn a_failed_refund_makes_the_charge_paid_again() {
    let mut stage = Stage::new();
    let bought = stage.act("checkout", &json!({ "email": "ada@example.com", "price": "price_1Course" }));
    let first = stage.act("refund", &json!({ "session": bought["session"], "amount": 8_300 }));
    let partly = charge(&mut stage, &bought);
    assert_eq!((&partly["refunded"], &partly["amount_refunded"]), (&json!(false), &json!(8_300)));
    stage.act("refund", &json!({ "payment_intent": bought["payment_intent"] }));
    assert_eq!(charge(&mut stage, &bought)["refunded"], true);
    let over = json!({ "charge": bought["charge"], "amount": 1 });
    assert!(stage.world.act("stripe", "refund", &over, stage.now).is_err(), "there is nothing left");
    stage.act("refund_fail", &json!({ "refund": first["refund"] }));
    let after = charge(&mut stage, &bought);
    assert_eq!((&after["refunded"], &after["amount_refunded"]), (&json!(false), &json!(16_600)));
    let refund = stage.read(&format!("/v1/refunds/{}", text(&first["refund"])));
    assert_eq!(
        (&refund["status"], &refund["failure_reason"]),
        (&json!("failed"), &json!("lost_or_stolen_card"))
    );
}

#[test]
fn a_lost_dispute_leaves_the_charge_not_refunded() {
    for (close, inquiry) in [("lost", false), ("won", false), ("warning_closed", true)] {
        let mut stage = Stage::new();
        let bought = stage.act("checkout", &json!({ "email": "ada@example.com", "price": "price_1Course" }));
        let disputed = stage.act("dispute", &json!({ "charge": bought["charge"], "inquiry": inquiry }));
        let shown = stage.read(&format!("/v1/disputes/{}", text(&disputed["dispute"])));
        let status = if inquiry { "warning_needs_response" } else { "needs_response" };
        assert_eq!(shown["status"], status);
        assert_eq!(shown["balance_transactions"].as_array().unwrap().len(), usize::from(!inquiry));
        stage.act("dispute_close", &json!({ "dispute": disputed["dispute"], "status": close }));
        let charge = charge(&mut stage, &bought);
        assert_eq!((&charge["refunded"], &charge["disputed"]), (&json!(false), &json!(true)));
        assert_eq!(stage.read(&format!("/v1/disputes/{}", text(&disputed["dispute"])))["status"], close);
    }
}

#[test]
fn a_renewal_starts_where_the_last_period_ended() {
    let mut stage = Stage::new();
    let bought = member(&mut stage, &json!({}));
    let end = subscription(&mut stage, &bought)["items"]["data"][0]["current_period_end"].clone();
    stage.pass(31 * DAY);
    let renewed = stage.act("renew", &json!({ "subscription": bought["subscription"] }));
    let item = subscription(&mut stage, &bought)["items"]["data"][0].clone();
    assert_eq!(item["current_period_start"], end);
    assert_eq!(item["current_period_end"].as_i64(), end.as_i64().map(|end| end + 31 * DAY));
    let invoice = stage.read(&format!("/v1/invoices/{}", text(&renewed["invoice"])));
    assert_eq!(
        (&invoice["status"], &invoice["billing_reason"]),
        (&json!("paid"), &json!("subscription_cycle"))
    );
    assert_eq!(invoice["lines"]["data"][0]["period"]["start"], end);
}

#[test]
fn a_renewal_that_is_never_paid_ends_as_the_account_says() {
    for (end, status, reason) in [
        ("canceled", "canceled", Some("payment_failed")),
        ("unpaid", "unpaid", None),
        ("past_due", "past_due", None),
        ("paused", "paused", None),
    ] {
        let mut stage = Stage::new();
        let bought = member(&mut stage, &json!({}));
        stage.pass(31 * DAY);
        let id = &bought["subscription"];
        let first = stage.act("renewal_fail", &json!({ "subscription": id }));
        assert_eq!(subscription(&mut stage, &bought)["status"], "past_due");
        let target = format!("/v1/invoices/{}", text(&first["invoice"]));
        let open = stage.read(&target);
        assert_eq!((&open["status"], &open["attempt_count"]), (&json!("open"), &json!(1)));
        assert!(open["next_payment_attempt"].is_i64());
        stage.pass(3 * DAY);
        stage.act("renewal_fail", &json!({ "subscription": id, "end": end }));
        let open = stage.read(&target);
        assert_eq!((&open["attempt_count"], &open["next_payment_attempt"]), (&json!(2), &Value::Null));
        let after = subscription(&mut stage, &bought);
        assert_eq!(after["status"], status);
        assert_eq!(after["cancellation_details"]["reason"].as_str(), reason);
        let listed = stage.read(&format!("/v1/invoices?subscription={}&status=open", text(id)));
        assert_eq!(listed["data"].as_array().unwrap().len(), 1, "the grace starts at the open invoice");
        if end != "canceled" {
            stage.act("renewal_recover", &json!({ "subscription": id }));
            assert_eq!(subscription(&mut stage, &bought)["status"], "active");
            assert_eq!(stage.read(&target)["status"], "paid");
        }
    }
}

#[test]
fn the_reason_of_a_pause_is_told_since_endive_unless_left_out() {
    for (body, version, reason) in [
        (json!({}), "2026-10-28.endive", Some("pause_requested")),
        (json!({ "reason": "system" }), "2026-10-28.endive", Some("system")),
        (json!({ "reason": null }), "2026-10-28.endive", None),
        (json!({}), "2025-09-30.clover", None),
    ] {
        let mut stage = Stage::new();
        let bought = member(&mut stage, &json!({}));
        stage.pass(5 * DAY);
        let mut pause = body.clone();
        pause["subscription"] = bought["subscription"].clone();
        stage.act("pause", &pause);
        let target = format!("/v1/subscriptions/{}", text(&bought["subscription"]));
        let (_, paused) = stage.get_as(&target, crate::tools::KEY, Some(version));
        assert_eq!(paused["status"], "paused");
        assert_eq!(paused["status_details"]["paused"]["subscription"]["type"].as_str(), reason, "{body}");
        let end = paused["items"]["data"][0]["current_period_end"].as_i64();
        assert_eq!(end, Some(stage.now.as_second()), "the period end moves to the pause");
        stage.act("resume", &json!({ "subscription": bought["subscription"] }));
        let resumed = stage.read(&target);
        assert_eq!(resumed["status"], "active");
        assert!(resumed.get("status_details").is_none());
    }
}

#[test]
fn a_declined_resume_leaves_it_past_due_or_paused() {
    for (behavior, status, tries_again) in
        [("resume_on_payment_attempt", "past_due", false), ("resume_on_payment_success", "paused", true)]
    {
        let mut stage = Stage::new();
        let bought = member(&mut stage, &json!({}));
        stage.act("pause", &json!({ "subscription": bought["subscription"] }));
        let body = json!({ "subscription": bought["subscription"], "fail": true, "behavior": behavior });
        let resumed = stage.act("resume", &body);
        assert_eq!(subscription(&mut stage, &bought)["status"], status);
        let invoice = stage.read(&format!("/v1/invoices/{}", text(&resumed["invoice"])));
        assert_eq!(invoice["next_payment_attempt"].is_i64(), tries_again, "{behavior}");
    }
}

#[test]
fn an_upgrade_swaps_the_price_and_charges_the_difference() {
    let mut stage = Stage::new();
    let bought = member(&mut stage, &json!({}));
    stage.pass(31 * DAY / 2);
    let upgraded =
        stage.act("upgrade", &json!({ "subscription": bought["subscription"], "price": "price_1Pro" }));
    assert_eq!(subscription(&mut stage, &bought)["items"]["data"][0]["price"]["id"], "price_1Pro");
    let invoice = stage.read(&format!("/v1/invoices/{}", text(&upgraded["invoice"])));
    assert_eq!(invoice["amount_paid"], 1_000, "half of 4900 less half of 2900");
    assert_eq!(invoice["lines"]["data"].as_array().unwrap().len(), 2);
    let cheaper =
        stage.act("upgrade", &json!({ "subscription": bought["subscription"], "price": "price_1Community" }));
    assert!(cheaper.get("invoice").is_none(), "a downgrade charges nothing");
}

#[test]
fn a_cancellation_can_wait_be_withdrawn_and_happen_by_itself() {
    for (when, flag) in [("period_end", true), ("cancel_at", false)] {
        let mut stage = Stage::new();
        let bought = member(&mut stage, &json!({}));
        let id = json!({ "subscription": bought["subscription"] });
        let cancel = json!({ "subscription": bought["subscription"], "when": when });
        stage.act("cancel", &cancel);
        let ending = subscription(&mut stage, &bought);
        assert_eq!((&ending["status"], &ending["cancel_at_period_end"]), (&json!("active"), &json!(flag)));
        assert!(
            ending["cancel_at"].is_i64() && ending["canceled_at"].is_i64() && ending["ended_at"].is_null()
        );
        stage.act("undo_cancel", &id);
        let kept = subscription(&mut stage, &bought);
        assert!(kept["cancel_at"].is_null() && kept["canceled_at"].is_null());
        assert!(stage.world.act("stripe", "undo_cancel", &id, stage.now).is_err(), "nothing to withdraw");
        stage.act("cancel", &cancel);
        let asked_at = stage.now.as_second();
        stage.pass(31 * DAY);
        stage.act("renew", &id);
        let over = subscription(&mut stage, &bought);
        assert_eq!((&over["status"], &over["canceled_at"]), (&json!("canceled"), &json!(asked_at)));
        assert_eq!(over["ended_at"], stage.now.as_second());
        assert!(stage.world.act("stripe", "renew", &id, stage.now).is_err(), "it is over");
    }
}

#[test]
fn a_bank_debit_is_unpaid_for_days_while_the_subscription_is_active() {
    for (end, session_status, invoice_status, status) in
        [("sepa_settle", "paid", "paid", "active"), ("sepa_fail", "unpaid", "open", "past_due")]
    {
        let mut stage = Stage::new();
        let bought = member(&mut stage, &json!({ "method": "sepa" }));
        assert!(text(&bought["charge"]).starts_with("py_"));
        let session = format!("/v1/checkout/sessions/{}", text(&bought["session"]));
        let invoice = format!("/v1/invoices/{}", text(&bought["invoice"]));
        assert_eq!(stage.read(&session)["payment_status"], "unpaid");
        assert_eq!(subscription(&mut stage, &bought)["status"], "active");
        assert_eq!(stage.read(&invoice)["status"], "open");
        stage.pass(6 * DAY);
        stage.act(end, &json!({ "session": bought["session"] }));
        assert_eq!(stage.read(&session)["payment_status"], session_status);
        assert_eq!(stage.read(&invoice)["status"], invoice_status);
        assert_eq!(subscription(&mut stage, &bought)["status"], status);
        let again = json!({ "session": bought["session"] });
        assert!(stage.world.act("stripe", end, &again, stage.now).is_err(), "it is decided");
    }
}

#[test]
fn a_failed_card_leaves_an_open_session_and_since_basil_no_subscription() {
    for (version, is_left) in [("2024-06-20", true), ("2025-09-30.clover", false)] {
        let mut stage = Stage::new();
        let bought = member(&mut stage, &json!({ "method": "card_fails", "api_version": version }));
        let session = stage.read(&format!("/v1/checkout/sessions/{}", text(&bought["session"])));
        assert_eq!((&session["status"], &session["payment_status"]), (&json!("open"), &json!("unpaid")));
        assert_eq!(bought["subscription"].is_string(), is_left, "{version}");
        if is_left {
            assert_eq!(subscription(&mut stage, &bought)["status"], "incomplete");
        }
    }
}

#[test]
fn a_guest_is_nobody_everywhere() {
    let mut stage = Stage::new();
    let bought = stage.act(
        "checkout",
        &json!({ "email": "Kofi.Mensah@Example.com", "price": "price_1Course", "guest": true }),
    );
    assert_eq!(bought["customer"], Value::Null);
    let charge = charge(&mut stage, &bought);
    assert_eq!(
        (&charge["customer"], &charge["receipt_email"]),
        (&Value::Null, &json!("Kofi.Mensah@Example.com"))
    );
    let session = stage.read(&format!("/v1/checkout/sessions/{}", text(&bought["session"])));
    assert_eq!(session["customer_details"]["email"], "Kofi.Mensah@Example.com");
    assert_eq!(stage.read("/v1/customers")["data"], json!([]));
}

#[test]
fn quantities_one_time_lines_and_free_orders_cost_what_they_say() {
    let mut stage = Stage::new();
    let three = member(&mut stage, &json!({ "quantity": 3 }));
    assert_eq!(stage.read(&format!("/v1/invoices/{}", text(&three["invoice"])))["amount_paid"], 8_700);
    let both = stage.act(
        "checkout",
        &json!({ "email": "ada@example.com", "trial_days": 7,
                 "lines": [{ "price": "price_1Community" }, { "price": "price_1Course" }] }),
    );
    let invoice = stage.read(&format!("/v1/invoices/{}", text(&both["invoice"])));
    assert_eq!(invoice["amount_paid"], 24_900, "the trial is free, the course is not");
    assert_eq!(subscription(&mut stage, &both)["items"]["data"].as_array().unwrap().len(), 1);
    let free = stage
        .act("checkout", &json!({ "email": "ada@example.com", "price": "price_1Course", "method": "free" }));
    let session = stage.read(&format!("/v1/checkout/sessions/{}", text(&free["session"])));
    assert_eq!(
        (&session["payment_status"], &session["amount_total"]),
        (&json!("no_payment_required"), &json!(0))
    );
    assert_eq!(free["charge"], Value::Null);
}

#[test]
fn entitlements_follow_the_subscriptions_of_a_customer() {
    let mut stage = Stage::with_endpoint("2025-09-30.clover");
    for (id, features) in [("price_1A", json!(["club", "calls"])), ("price_1B", json!(["club"]))] {
        let product = id.replace("price", "prod");
        stage.act(
            "price",
            &json!({ "id": id, "product": product, "amount": 100, "interval": "month", "features": features }),
        );
    }
    let first = stage.act("checkout", &json!({ "email": "ada@example.com", "price": "price_1A" }));
    let customer = text(&first["customer"]).to_owned();
    stage.act("checkout", &json!({ "customer": customer, "price": "price_1B" }));
    let target = format!("/v1/entitlements/active_entitlements?customer={customer}&limit=100");
    let keys = |stage: &mut Stage| -> Vec<String> {
        let list = stage.read(&target);
        let mut keys: Vec<String> =
            list["data"].as_array().unwrap().iter().map(|it| text(&it["lookup_key"]).to_owned()).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&mut stage), ["calls", "club"]);
    stage.receive();
    stage.act("cancel", &json!({ "subscription": first["subscription"] }));
    assert_eq!(keys(&mut stage), ["club"], "the other subscription still gives it");
    assert_eq!(
        stage.received_types(),
        ["customer.subscription.deleted", "entitlements.active_entitlement_summary.updated"]
    );
    assert_eq!(stage.get("/v1/entitlements/active_entitlements").0, 400, "the customer is needed");
}
