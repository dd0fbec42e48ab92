//! The lists of an import: what their pages tell, object by object.

use frontdesk_core::fact::{Body, Key, Kind};
use frontdesk_core::id::SourceId;
use frontdesk_providers::stripe::answer::{Answer, ReplyError, Told, told};
use frontdesk_providers::stripe::list::{List, Listed};
use frontdesk_providers::stripe::read::Read;
use jiff::Timestamp;
use serde_json::{Value, json};

fn source() -> SourceId {
    SourceId::new("stripe")
}

fn at() -> Timestamp {
    "2026-11-24T09:00:00Z".parse().unwrap()
}

fn page(list: List, body: &Value) -> Result<(Vec<Listed>, Option<Read>), ReplyError> {
    let read = Read::List { list, after: None };
    match told(&read, &source(), body.to_string().as_bytes(), at())? {
        Answer::Objects { objects, next, .. } => Ok((objects, next)),
        other => panic!("a page of a list is {other:?}"),
    }
}

/// What the objects of one page tell, each kept and read again as in the journal.
fn facts(list: List, objects: &[Value]) -> Vec<(Key, Body)> {
    let (objects, _) = page(list, &json!({ "data": objects, "has_more": false })).unwrap();
    let tell = |listed: Listed| {
        let read = serde_json::to_string(&Read::Listed { kind: list.kind(), id: listed.id }).unwrap();
        let read: Read = serde_json::from_str(&read).unwrap();
        match told(&read, &source(), listed.body.get().as_bytes(), at()).unwrap() {
            Answer::Facts(Told { facts, next: None, .. }) => facts,
            other => panic!("{other:?}"),
        }
    };
    objects.into_iter().flat_map(tell).collect()
}

fn subscription() -> Value {
    json!({ "id": "sub_1", "object": "subscription", "status": "past_due", "customer": "cus_1", "created": 1_772_442_000,
        "items": { "data": [{ "id": "si_1", "price": { "id": "price_1", "product": "prod_1" } }], "has_more": true },
        "latest_invoice": { "id": "in_9", "status": "open", "customer": "cus_1", "created": 1_772_442_000,
            "parent": { "subscription_details": { "subscription": "sub_1" } } } })
}

#[test]
fn a_page_names_the_next_one_until_there_is_no_more() {
    let customers = json!([{ "id": "cus_2" }, { "id": "cus_1" }]);
    let (objects, next) = page(List::Customers, &json!({ "data": customers, "has_more": true })).unwrap();
    assert_eq!(objects.iter().map(|listed| listed.id.as_str()).collect::<Vec<_>>(), ["cus_2", "cus_1"]);
    assert_eq!(next, Some(Read::List { list: List::Customers, after: Some("cus_1".to_owned()) }));
    let (_, next) = page(List::Customers, &json!({ "data": customers, "has_more": false })).unwrap();
    assert_eq!(next, None);
    let (objects, next) = page(List::Customers, &json!({ "data": [], "has_more": false })).unwrap();
    assert!(objects.is_empty() && next.is_none());
}

#[test]
fn an_object_is_kept_byte_for_byte() {
    let odd = r#"{"data":[{"id":"cus_1",  "email":"A@B.example","e":1.50}],"has_more":false}"#;
    let read = Read::List { list: List::Customers, after: None };
    let Answer::Objects { objects, .. } = told(&read, &source(), odd.as_bytes(), at()).unwrap() else {
        panic!("a page")
    };
    assert_eq!(objects[0].body.get(), r#"{"id":"cus_1",  "email":"A@B.example","e":1.50}"#);
}

#[test]
fn a_page_that_is_none_is_refused_whole() {
    for (body, expected) in [
        (
            json!({ "data": [{ "id": "cus_1" }, { "email": "x" }], "has_more": false }),
            "`data[1].id` is not text",
        ),
        (json!({ "data": [{ "id": "" }], "has_more": false }), "`data[0].id` is not text"),
        (json!({ "error": { "message": "no" } }), "the reply is not JSON"),
        (json!({ "data": "all", "has_more": false }), "the reply is not JSON"),
    ] {
        assert_eq!(page(List::Customers, &body).unwrap_err().to_string(), expected, "{body}");
    }
}

#[test]
fn a_subscription_brings_its_newest_invoice_and_says_that_it_has_more_items() {
    let told = facts(List::Subscriptions, &[subscription()]);
    let [(_, Body::Subscription(subscription)), (invoice, Body::Invoice(_))] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(!subscription.items_complete);
    assert_eq!(subscription.latest_invoice.as_deref(), Some("in_9"));
    assert_eq!(invoice, &Key::new(&source(), Kind::Invoice, "in_9"));
}

#[test]
fn an_invoice_that_cannot_be_read_hides_no_subscription() {
    for latest in [json!("in_9"), json!(null), json!({ "id": "in_9" })] {
        let mut object = self::subscription();
        object["latest_invoice"] = latest;
        let told = facts(List::Subscriptions, &[object]);
        assert!(matches!(&told[..], [(_, Body::Subscription(_))]), "{told:?}");
    }
}

#[test]
fn a_session_brings_its_goods_where_the_list_showed_them_all() {
    let session = |lines: Value| {
        let mut session = json!({ "id": "cs_1", "object": "checkout.session", "mode": "payment", "status": "complete",
            "payment_status": "paid", "created": 1_772_442_000 });
        if !lines.is_null() {
            session["line_items"] = lines;
        }
        session
    };
    let line = json!({ "id": "li_1", "price": { "id": "price_1", "type": "one_time" }, "quantity": 1 });
    let whole = facts(List::Checkouts, &[session(json!({ "data": [line], "has_more": false }))]);
    assert!(matches!(&whole[..], [(_, Body::Checkout(_)), (_, Body::LineItems(items))] if items.complete));
    assert!(matches!(&facts(List::Checkouts, &[session(json!(null))])[..], [(_, Body::Checkout(_))]));
}
