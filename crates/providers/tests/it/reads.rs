//! The requests that reads make, and what recorded and hostile replies to them tell.

use crate::fixtures;
use frontdesk_core::fact::{Body, Key, Kind};
use frontdesk_core::id::SourceId;
use frontdesk_core::reads::{Purpose, Want};
use frontdesk_core::target::Failure;
use frontdesk_providers::secret::Secret;
use frontdesk_providers::stripe::answer::{Answer, Response, Told, answer, created_endpoint};
use frontdesk_providers::stripe::learn::{Learning, learn};
use frontdesk_providers::stripe::list::List;
use frontdesk_providers::stripe::read::{Account, Read, Unpaid, Walk};
use frontdesk_providers::stripe::refusal::Refused;
use frontdesk_providers::stripe::route::Route;
use frontdesk_providers::stripe::verify::Verified;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;

const KEY: &str = "rk_live_51never_shown";

fn account() -> Account {
    Account::new("https://api.stripe.com", Secret::new("sources.stripe.api_key#1f0c", KEY.to_owned()))
        .unwrap()
}

fn source() -> SourceId {
    SourceId::new("stripe")
}

fn now() -> Timestamp {
    "2026-11-24T09:00:30Z".parse().unwrap()
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// At least one read of each kind, with ids that need encoding here and there.
fn every_read() -> Vec<Read> {
    let id = |id: &str| id.to_owned();
    let since = "2026-11-23T09:00:00Z".parse().unwrap();
    let mut reads = vec![
        Read::Checkout { id: id("cs_1") },
        Read::CheckoutLines { id: id("cs_1"), so_far: Vec::new(), after: None },
        Read::CheckoutLines { id: id("cs_1"), so_far: Vec::new(), after: Some(text("li_100")) },
        Read::Subscription { id: id("sub_1") },
        Read::Charge { id: id("ch_1") },
        Read::Refund { id: id("re_1") },
        Read::Dispute { id: id("du_1") },
        Read::Invoice { id: id("in_1") },
        Read::UnpaidInvoices { subscription: id("sub_1"), status: Unpaid::Open, after: None },
        Read::UnpaidInvoices {
            subscription: id("sub_1"),
            status: Unpaid::Uncollectible,
            after: Some(text("in_1")),
        },
        Read::InvoicePayments { payment: id("pi_1"), so_far: Vec::new(), after: None },
        Read::Customer { id: id("../events?limit=1#") },
        Read::Payment { id: id("pi_1") },
        Read::Events { walk: Walk::Back { since, below: None } },
        Read::Events { walk: Walk::Back { since, below: Some(text("evt_1")) } },
        Read::Events { walk: Walk::Onward { above: id("evt_1&limit=1") } },
        Read::Account,
        Read::Prices { after: None },
        Read::Products { after: Some(text("prod_1")) },
        Read::Endpoints { after: None },
    ];
    let first = answer_of(&Read::Subscription { id: id("sub_1") }, &subscription(true)).unwrap();
    let Answer::Facts(Told { next: Some(items), .. }) = first else { panic!("{first:?}") };
    reads.push(items);
    reads.extend(List::ALL.map(|list| Read::List { list, after: None }));
    reads.push(Read::List { list: List::Checkouts, after: Some(text("cs_100")) });
    reads.push(Read::Listed { kind: Kind::Dispute, id: id("du_1") });
    reads.extend((0..Route::PROBES.len()).map(|nth| Read::Probe { nth }));
    reads
}

fn shown(request: &Request<Vec<u8>>) -> String {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        let value = if value.is_sensitive() { "(sensitive)" } else { value.to_str().unwrap() };
        writeln!(text, "  {name}: {value}").unwrap();
    }
    if !request.body().is_empty() {
        writeln!(text, "  {}", String::from_utf8_lossy(request.body()).replace('&', "\n  &")).unwrap();
    }
    text.replace(concat!("Frontdesk/", env!("CARGO_PKG_VERSION")), "Frontdesk/VERSION")
}

#[test]
fn requests_are_as_documented() {
    let reads = every_read();
    let mut text = shown(&reads[0].request(&account()));
    for read in &reads[1..] {
        writeln!(text, "{}", shown(&read.request(&account())).lines().next().unwrap()).unwrap();
    }
    text += &shown(&account().create_endpoint(
        "https://members.example/webhooks/stripe?a=b&c",
        &["invoice.paid", "customer.updated"],
        "fde_1-endpoint",
    ));
    insta::assert_snapshot!(text);
}

#[test]
fn every_request_is_one_of_the_list_and_carries_the_key_the_version_and_no_body() {
    let mut used = std::collections::BTreeSet::from([Route::CreateEndpoint]);
    for read in every_read() {
        let request = read.request(&account());
        let route = read.route();
        used.insert(route);
        assert_eq!(request.method(), route.method());
        let (start, end) = route.path().split_once("{id}").unwrap_or((route.path(), ""));
        let path = request.uri().path();
        assert!(path.starts_with(start) && path.ends_with(end), "{path} is not {}", route.path());
        assert_eq!(path.matches('/').count(), route.path().matches('/').count(), "{path}");
        assert_eq!(request.headers()["authorization"], format!("Bearer {KEY}"));
        assert_eq!(request.headers()["stripe-version"], "2026-10-28.endive");
        assert!(request.body().is_empty());
        assert!(!format!("{request:?}").contains(KEY));
    }
    assert_eq!(used.into_iter().collect::<Vec<_>>(), Route::ALL, "a route that nothing takes");
}

#[test]
fn the_list_of_routes_writes_once() {
    let mut text = String::new();
    for route in Route::ALL {
        writeln!(
            text,
            "{:4} {:42} {}",
            route.method().as_str(),
            route.path(),
            route.permission().unwrap_or("-")
        )
        .unwrap();
    }
    let writes: Vec<Route> = Route::ALL.into_iter().filter(|route| route.method() != "GET").collect();
    assert_eq!(writes, [Route::CreateEndpoint]);
    insta::assert_snapshot!(text);
}

#[test]
fn a_key_with_a_line_break_and_an_address_with_a_query_make_no_account() {
    let key = |value: &str| Secret::new("key#0000", value.to_owned());
    assert!(Account::new("https://api.stripe.com", key("rk_live_1\r\nx: y")).is_err());
    assert!(Account::new("https://api.stripe.com/?a", key("rk_live_1")).is_err());
    assert!(!format!("{:?}", account()).contains(KEY));
}

#[test]
fn every_want_of_the_core_has_a_read() {
    // What an operator decided is in no source.
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_by_hand()) {
        let object = Key::new(&source(), kind, "x_1");
        let want = |purpose| Want { object: object.clone(), purpose, not_before: None };
        assert_eq!(Read::wanted(&want(Purpose::Ambiguous)).len(), 1, "{kind:?}");
        let unpaid = Read::wanted(&want(Purpose::OldestUnpaidInvoice));
        assert_eq!(unpaid.len(), if kind == Kind::Invoice { 2 } else { 1 }, "{kind:?}");
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

fn reply(read: &Read, status: u16, pairs: &[(&'static str, &str)], body: &[u8]) -> Result<Answer, Refused> {
    let response = Response { status: StatusCode::from_u16(status).unwrap(), headers: &headers(pairs), body };
    answer(read, &source(), &response, now())
}

fn answer_of(read: &Read, body: &Value) -> Result<Answer, Refused> {
    reply(read, 200, &[("date", "Tue, 24 Nov 2026 09:00:00 GMT")], body.to_string().as_bytes())
}

fn told_of(read: &Read, body: &Value) -> Told {
    match answer_of(read, body) {
        Ok(Answer::Facts(told)) => told,
        other => panic!("{read:?}: {other:?}"),
    }
}

fn subscription(has_more: bool) -> Value {
    json!({"id": "sub_1", "object": "subscription", "status": "active", "customer": "cus_1", "created": 1_772_442_000,
        "items": {"data": [{"id": "si_01", "price": {"id": "price_01", "product": "prod_1"}, "quantity": 1}],
        "has_more": has_more}})
}

#[test]
fn facts_are_dated_by_the_reply_and_without_a_date_by_the_caller() {
    let read = Read::Subscription { id: "sub_1".to_owned() };
    assert_eq!(told_of(&read, &subscription(false)).at.to_string(), "2026-11-24T09:00:00Z");
    for pairs in [&[][..], &[("date", "yesterday")]] {
        match reply(&read, 200, pairs, subscription(false).to_string().as_bytes()) {
            Ok(Answer::Facts(told)) => assert_eq!(told.at, now()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_recorded_object_is_readable() {
    let mut read_objects = 0;
    for version in fixtures::names("stripe/journeys") {
        for journey in fixtures::names(&format!("stripe/journeys/{version}")) {
            let rest = fixtures::json(format!("stripe/journeys/{version}/{journey}/rest.json"));
            for (request, body) in rest.as_object().unwrap() {
                let Some(read) = read_for(request) else { continue };
                let told = told_of(&read, body);
                assert!(
                    told.next.is_none() && !told.facts.is_empty(),
                    "{version}/{journey} {request}: {told:?}"
                );
                read_objects += told.facts.len();
            }
        }
    }
    assert!(read_objects > 250, "only {read_objects} objects read");
}

/// The read that makes a recorded request; `None` for requests that Frontdesk does not make.
fn read_for(request: &str) -> Option<Read> {
    let path = request.strip_prefix("GET /v1/")?;
    if let Some(payment) = path.split_once("payment[payment_intent]=").map(|(_, id)| id) {
        return Some(Read::InvoicePayments { payment: payment.to_owned(), so_far: Vec::new(), after: None });
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (kind, id) = path.rsplit_once('/')?;
    let id = id.to_owned();
    Some(match (kind, query) {
        ("checkout/sessions", "expand[]=line_items") => Read::Checkout { id },
        ("subscriptions", "") => Read::Subscription { id },
        ("customers", "") => Read::Customer { id },
        ("invoices", "") => Read::Invoice { id },
        ("charges", "") => Read::Charge { id },
        ("payment_intents", "") => Read::Payment { id },
        ("refunds", "") => Read::Refund { id },
        ("disputes", "") => Read::Dispute { id },
        _ => return None,
    })
}

#[test]
fn a_deleted_customer_is_read_as_deleted() {
    let read = Read::Customer { id: "cus_1".to_owned() };
    let told = told_of(&read, &json!({"id": "cus_1", "object": "customer", "deleted": true}));
    assert!(
        matches!(&told.facts[0].1, Body::Customer(customer) if customer.deleted && customer.email.is_none())
    );
}

fn line(nth: usize) -> Value {
    json!({"id": format!("li_{nth:03}"), "quantity": 1,
        "price": {"id": format!("price_{nth:03}"), "product": "prod_1", "type": "one_time"}})
}

#[test]
fn goods_beyond_the_first_ten_are_learnt_whole_or_not_at_all() {
    let read = Read::Checkout { id: "cs_1".to_owned() };
    let session = |has_more: bool| {
        json!({"id": "cs_1", "object": "checkout.session", "mode": "payment", "status": "complete", "payment_status": "paid",
            "created": 1_772_442_000, "line_items": {"data": (0..10).map(line).collect::<Vec<_>>(), "has_more": has_more}})
    };
    let kinds = |told: &Told| told.facts.iter().map(|(key, _)| key.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&told_of(&read, &session(false))), [Kind::Checkout, Kind::LineItems]);

    let first = told_of(&read, &session(true));
    assert_eq!(kinds(&first), [Kind::Checkout]);
    let second = told_of(
        first.next.as_ref().unwrap(),
        &json!({"data": (0..100).map(line).collect::<Vec<_>>(), "has_more": true}),
    );
    assert_eq!(kinds(&second), []);
    let next = second.next.unwrap();
    assert!(next.request(&account()).uri().query().unwrap().ends_with("starting_after=li_099"));
    let third = told_of(&next, &json!({"data": [line(100)], "has_more": false}));
    assert_eq!((kinds(&third), third.next), (vec![Kind::LineItems], None));
    match &third.facts[0].1 {
        Body::LineItems(items) => assert_eq!((items.lines.len(), items.complete), (101, true)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_subscription_of_more_than_ten_items_is_dated_by_its_own_reply() {
    let first = told_of(&Read::Subscription { id: "sub_1".to_owned() }, &subscription(true));
    assert!(first.facts.is_empty());
    let items: Vec<Value> =
        (1..=12).map(|nth| json!({"id": format!("si_{nth:02}"), "price": {"id": "price_1"}})).collect();
    let body = json!({"data": items, "has_more": false}).to_string();
    let later = [("date", "Tue, 24 Nov 2026 09:00:07 GMT")];
    match reply(first.next.as_ref().unwrap(), 200, &later, body.as_bytes()) {
        Ok(Answer::Facts(Told { at, facts, next: None })) => {
            assert_eq!(at.to_string(), "2026-11-24T09:00:00Z");
            let [(_, Body::Subscription(subscription))] = &facts[..] else { panic!("{facts:?}") };
            assert!(subscription.items_complete);
            assert_eq!(subscription.items.len(), 12);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_without_end_is_not_believed() {
    let lines: Vec<Value> = (0..1_001).map(line).collect();
    let read = Read::CheckoutLines { id: "cs_1".to_owned(), so_far: Vec::new(), after: None };
    let refused = answer_of(&read, &json!({"data": lines, "has_more": false})).unwrap_err();
    assert_eq!(refused.failure.class(), "rejected");
}

#[test]
fn a_page_of_events_is_handed_on_byte_for_byte() {
    let walk = Walk::Back { since: now(), below: None };
    let page = |name: &str, walk: &Walk| match reply(
        &Read::Events { walk: walk.clone() },
        200,
        &[],
        &fixtures::bytes(format!("stripe/rest/{name}")),
    ) {
        Ok(Answer::Events { events, next }) => (events, next),
        other => panic!("{other:?}"),
    };
    let (first, next) = page("events_list_page1.json", &walk);
    let last: Value = serde_json::from_str(first.last().unwrap().get()).unwrap();
    let below = Some(text(last["id"].as_str().unwrap()));
    assert_eq!(next, Some(Read::Events { walk: Walk::Back { since: now(), below } }));
    let (second, end) = page("events_list_page2.json", &walk);
    assert_eq!(end, None);
    for event in first.iter().chain(&second) {
        let learning = learn(&Verified::listed(event.get().as_bytes()), &source()).unwrap();
        assert!(!matches!(learning, Learning::Unreadable(_)), "{learning:?}");
    }
    // A walk onward goes on above the newest event of the page.
    let newest: Value = serde_json::from_str(first[0].get()).unwrap();
    let (_, next) = page("events_list_page1.json", &Walk::Onward { above: "evt_0".to_owned() });
    let above = newest["id"].as_str().unwrap().to_owned();
    assert_eq!(next, Some(Read::Events { walk: Walk::Onward { above } }));
}

#[test]
fn an_unpaid_invoice_list_and_the_invoices_of_a_payment_are_sets() {
    let invoice =
        |id: &str| json!({"id": id, "status": "open", "created": 1_772_442_000, "subscription": "sub_1"});
    let read = Read::UnpaidInvoices { subscription: "sub_1".to_owned(), status: Unpaid::Open, after: None };
    let told = told_of(&read, &json!({"data": [invoice("in_2"), invoice("in_1")], "has_more": true}));
    assert_eq!(told.facts.len(), 2);
    let after = Some(text("in_1"));
    let next = Read::UnpaidInvoices { subscription: "sub_1".to_owned(), status: Unpaid::Open, after };
    assert_eq!(told.next, Some(next.clone()));
    assert!(told_of(&next, &json!({"data": [], "has_more": false})).facts.is_empty());

    let read =
        Read::InvoicePayments { payment: "pi_1".to_owned(), so_far: vec!["in_2".to_owned()], after: None };
    let entries = json!([{"id": "a", "invoice": "in_1", "status": "paid"}, {"id": "b", "invoice": {"id": "in_2"}},
        {"id": "c", "invoice": "in_3", "status": "canceled"}]);
    let told = told_of(&read, &json!({"data": entries, "has_more": false}));
    assert_eq!(serde_json::to_value(&told.facts[0].1).unwrap()["invoices"], json!(["in_1", "in_2"]));
}

/// A name, a status, headers and a body.
type Row<'a> = (&'a str, u16, &'a [(&'static str, &'a str)], Vec<u8>);

#[test]
fn refusals_are_classed_by_status_and_text() {
    let fixture = |name: &str| fixtures::bytes(format!("stripe/rest/error_{name}.json"));
    let html = b"<html><body><center><h1>502 Bad Gateway</h1></center></body></html>".to_vec();
    let ip = json!({"error": {"message": format!("The API key {KEY} does not allow requests from your IP address.")}});
    let expired =
        json!({"error": {"message": format!("Expired API Key provided: {KEY}"), "code": "api_key_expired"}});
    let odd = json!({"error": {"message": KEY, "code": KEY, "type": "card_error"}});
    let retry = [("stripe-should-retry", "true"), ("request-id", "req_1")];
    let leave = [("stripe-should-retry", "false")];
    let limited = [("stripe-rate-limited-reason", "endpoint-rate"), ("retry-after", "7")];
    let for_ever = [("retry-after", "99999999")];
    let bytes = |value: &Value| value.to_string().into_bytes();
    let table: &[Row<'_>] = &[
        ("bad key", 401, &retry, fixture("401_bad_key")),
        ("bad key, echoed whole", 401, &[], fixture("401_key_echoed")),
        ("expired key", 401, &[], bytes(&expired)),
        ("permission", 403, &[], fixture("403_restricted_key")),
        ("address", 403, &[], bytes(&ip)),
        ("forbidden", 403, &[], bytes(&odd)),
        ("limit", 429, &[], fixture("429_rate_limit")),
        ("limit with its reason and time", 429, &limited, fixture("429_rate_limit")),
        ("limit for ever", 429, &for_ever, fixture("429_rate_limit")),
        ("limit, left alone", 429, &leave, fixture("429_rate_limit")),
        ("lock", 429, &retry, fixture("429_lock_timeout")),
        ("lock, left alone", 429, &leave, fixture("429_lock_timeout")),
        ("conflict", 409, &[], bytes(&odd)),
        ("dependency", 424, &[], Vec::new()),
        ("server error", 500, &retry, fixture("500")),
        ("server error, left alone", 500, &leave, fixture("500")),
        ("proxy", 502, &[], html.clone()),
        ("idempotency", 400, &[], fixture("400_idempotency")),
        ("card", 402, &[], bytes(&odd)),
        ("no such address", 404, &[], bytes(&json!({"error": {"message": "Unrecognized request URL"}}))),
        ("gone page", 404, &[], html.clone()),
        ("redirect", 302, &[], Vec::new()),
        ("no JSON", 200, &[], html),
        ("another object", 200, &[], bytes(&json!({"id": "sub_2", "object": "subscription"}))),
        (
            "a field of another type",
            200,
            &[],
            bytes(&json!({"id": "sub_1", "status": 7, "items": {"data": []}})),
        ),
        ("too deep", 200, &[], format!("{}{}", "[".repeat(40), "]".repeat(40)).into_bytes()),
    ];
    let mut text = String::new();
    for (name, status, pairs, body) in table {
        let refused =
            reply(&Read::Subscription { id: "sub_1".to_owned() }, *status, pairs, body).expect_err(name);
        let told = format!("{refused:?}");
        assert!(!told.contains(KEY) && !told.contains("pasted"), "{name}: {told}");
        writeln!(text, "{status} {name}: {}", serde_json::to_string(&refused.failure).unwrap()).unwrap();
        for (name, value) in [("lacks", &refused.permission), ("request", &refused.request_id)] {
            if let Some(value) = value {
                writeln!(text, "    {name} {value}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn no_such_object_is_an_answer_and_a_lost_cursor_another() {
    let read = Read::Subscription { id: "sub_1QdoesNotExist".to_owned() };
    let missing = |name: &str| match reply(
        &read,
        404,
        &[],
        &fixtures::bytes(format!("stripe/rest/error_404_{name}.json")),
    ) {
        Ok(Answer::Missing { in_other_mode }) => in_other_mode,
        other => panic!("{other:?}"),
    };
    assert!(!missing("missing"));
    assert!(missing("wrong_mode"));
    let body =
        json!({"error": {"code": "resource_missing", "param": "ending_before", "message": "No such event"}});
    let walk = Walk::Onward { above: "evt_1".to_owned() };
    let lost = reply(&Read::Events { walk }, 400, &[], body.to_string().as_bytes());
    assert!(matches!(lost, Ok(Answer::CursorGone)), "{lost:?}");
}

#[test]
fn prices_products_endpoints_and_probes_are_read() {
    let prices = json!({"has_more": true, "data": [{"id": "price_1", "unit_amount": 2900, "currency": "eur",
        "nickname": null, "product": {"id": "prod_1", "name": "Community"}, "recurring": {"interval": "month"}}]});
    match answer_of(&Read::Prices { after: None }, &prices) {
        Ok(Answer::Prices { prices, next }) => {
            assert_eq!(next, Some(Read::Prices { after: Some(text("price_1")) }));
            assert_eq!(prices[0].product.as_deref(), Some("prod_1"));
            assert_eq!(prices[0].product_name.as_deref(), Some("Community"));
            assert_eq!(prices[0].interval.as_deref(), Some("month"));
        }
        other => panic!("{other:?}"),
    }
    let endpoint = fixtures::json("stripe/rest/webhook_endpoint.json");
    match answer_of(&Read::Endpoints { after: None }, &json!({"has_more": false, "data": [endpoint]})) {
        Ok(Answer::Endpoints { endpoints, next: None }) => {
            assert!(endpoints[0].is_enabled && endpoints[0].livemode);
            assert_eq!(endpoints[0].event_types.len(), 2);
        }
        other => panic!("{other:?}"),
    }
    let empty = json!({"has_more": false, "data": []});
    assert!(matches!(answer_of(&Read::Probe { nth: 0 }, &empty), Ok(Answer::Readable)));
    assert!(matches!(answer_of(&Read::Products { after: None }, &empty), Ok(Answer::Products { .. })));
    let account = answer_of(&Read::Account, &json!({"id": "acct_1", "object": "account"}));
    assert!(matches!(account, Ok(Answer::Account { id }) if id == "acct_1"));
}

#[test]
fn the_secret_of_a_new_endpoint_is_wrapped_and_a_doubtful_answer_is_unknown() {
    let mut body = fixtures::json("stripe/rest/webhook_endpoint.json");
    let created = |body: &Value| {
        let body = body.to_string();
        let response = Response { status: StatusCode::OK, headers: &HeaderMap::new(), body: body.as_bytes() };
        created_endpoint(&response, "sources.stripe.signing_secrets#77aa", now())
    };
    let doubtful = created(&body).unwrap_err();
    assert!(matches!(doubtful.failure, Failure::Unknown { .. }), "{doubtful:?}");
    body["secret"] = json!("whsec_new");
    let (endpoint, secret) = created(&body).unwrap();
    assert_eq!(endpoint.id, "we_1QFd0Endpoint00Fd8kR2vT0n");
    assert_eq!((secret.expose(), secret.id()), ("whsec_new", "sources.stripe.signing_secrets#77aa"));
}

#[test]
fn a_question_survives_the_journal() {
    for read in every_read() {
        let text = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Read>(&text).unwrap(), read);
    }
}
