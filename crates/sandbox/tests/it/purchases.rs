//! Purchases: the order of events, what is signed, and what the reads say afterwards.

use serde_json::json;

use crate::tools::{SECRET, Stage, header, signed_by, text};

#[test]
fn a_card_purchase_emits_its_events_in_the_order_of_its_version() {
    let since_basil = [
        "customer.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "customer.subscription.created",
        "invoice.finalized",
        "invoice.paid",
        "checkout.session.completed",
    ];
    let before = [
        "customer.created",
        "customer.subscription.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "customer.subscription.updated",
        "invoice.paid",
        "checkout.session.completed",
    ];
    let one_time =
        ["customer.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"];
    for (version, price, expect) in [
        ("2025-09-30.clover", "price_1Community", since_basil.as_slice()),
        ("2024-06-20", "price_1Community", before.as_slice()),
        ("2026-10-28.endive", "price_1Course", one_time.as_slice()),
    ] {
        let mut stage = Stage::with_endpoint(version);
        stage.act("checkout", &json!({ "email": "ada@example.com", "price": price, "api_version": version }));
        assert_eq!(stage.received_types(), expect, "{price} in {version}");
    }
}

#[test]
fn a_delivery_is_signed_with_the_endpoints_secret() {
    let mut stage = Stage::with_endpoint("2025-09-30.clover");
    stage.act("checkout", &json!({ "email": "ada@example.com", "price": "price_1Course" }));
    let due = stage.world.due_deliveries(stage.now);
    assert_eq!(due.len(), 4);
    for delivery in due {
        let signature = header(&delivery.headers, "stripe-signature").unwrap();
        assert!(signature.starts_with(&format!("t={},v1=", stage.now.as_second())), "{signature}");
        assert!(signed_by(signature, SECRET, &delivery.body));
        assert!(!signed_by(signature, "whsec_other", &delivery.body));
        assert!(!signed_by(signature, SECRET, &delivery.body[1..]));
    }
}

#[test]
fn a_subscription_purchase_can_be_read_back_whole() {
    let mut stage = Stage::new();
    let bought = stage.act(
        "checkout",
        &json!({ "email": "ada@example.com", "name": "Ada", "price": "price_1Community", "client_reference_id": "u1" }),
    );
    let session =
        stage.read(&format!("/v1/checkout/sessions/{}?expand[]=line_items", text(&bought["session"])));
    assert_eq!(session["line_items"]["data"][0]["price"]["product"], "prod_Community");
    assert_eq!(session["payment_status"], "paid");
    assert_eq!(session["customer_details"]["email"], "ada@example.com");
    assert_eq!(session["client_reference_id"], "u1");
    let customer = text(&bought["customer"]);
    let subscriptions = stage.read(&format!("/v1/subscriptions?customer={customer}&status=all&limit=100"));
    assert_eq!(subscriptions["data"][0]["status"], "active");
    assert_eq!(subscriptions["data"][0]["id"], bought["subscription"]);
    let intent = text(&bought["payment_intent"]);
    let payments = stage
        .read(&format!("/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]={intent}"));
    assert_eq!(payments["data"][0]["invoice"], bought["invoice"]);
    assert_eq!(payments["data"][0]["status"], "paid");
    let charges = stage.read(&format!("/v1/charges?customer={customer}"));
    assert_eq!(charges["data"][0]["id"], bought["charge"]);
}
