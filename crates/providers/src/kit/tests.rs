//! The tables of our notes on Kit, row by row: what is asked, and what each answer means.

use super::observe::{self, Field, Look, Owner, Page};
use super::{Account, Credential, Cursor, Tag, Tags, classify, doubts_tags, next_page, operations, request};
use crate::answer::Answer;
use crate::call::{Base, Effect, Marks, shown};
use crate::secret::Secret;
use frontdesk_core::email::Email;
use frontdesk_core::target::{Failure, Item, Seen, Standing, Step};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use proptest::prelude::*;

const MARKS: Marks<'_> = Marks { request: "fdr_1", effect: Some("fdx_2") };

fn account() -> Account {
    let base = Base::parse("https://api.kit.com").unwrap();
    Account {
        base,
        credential: Credential::ApiKey(Secret::new("targets.kit.api_key#0000", "kit_1".to_owned())),
    }
}

fn tags() -> Tags {
    Tags::stored([("member".to_owned(), 11), ("founder".to_owned(), 12)])
}

fn member() -> Item {
    Item::kit_tag("Member")
}

fn address() -> Email {
    Email::parse("ada+x@example.test").unwrap()
}

fn add(id: Option<u64>) -> Step {
    Step::Add { item: member(), address: address(), id }
}

fn remove(id: Option<u64>) -> Step {
    Step::Remove { item: member(), address: address(), id }
}

fn check(id: Option<u64>) -> Step {
    Step::Check { item: member(), address: address(), id }
}

fn enrol() -> Step {
    Step::Enrol { address: address(), name: Some(" Ada Lovelace".to_owned()), confirmed: true }
}

fn find() -> Step {
    Step::Find { address: address() }
}

fn read() -> Step {
    Step::Read { id: 354 }
}

fn steps() -> [Step; 9] {
    let id = Some(354);
    [find(), read(), enrol(), add(id), add(None), remove(id), remove(None), check(id), check(None)]
}

fn now() -> Timestamp {
    "2026-03-01T09:00:00Z".parse().unwrap()
}

fn judge(step: &Step, status: u16, body: &[u8]) -> Result<Seen, Failure> {
    let answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers: &HeaderMap::new(), body };
    classify(&tags(), step, &[answer], now())
}

fn person(standing: Standing, fresh: bool) -> Seen {
    Seen::Person { id: 354, address: address(), standing, fresh }
}

/// An answer about the subscriber of these tests, in this state.
macro_rules! subscriber {
    ($state:literal) => {
        concat!(
            r#"{"subscriber":{"id":354,"first_name":"Ada","email_address":"Ada+X@example.test","state":""#,
            $state,
            r#"","created_at":"2023-02-17T11:43:55Z","fields":{}}}"#
        )
    };
}

/// A list of subscribers.
macro_rules! list {
    ($entries:literal) => {
        concat!(r#"{"subscribers":["#, $entries, r#"],"pagination":{"has_next_page":false}}"#)
    };
}

const ACTIVE: &str = subscriber!("active");
const STRANGER: &str = r#"{"subscriber":{"id":9,"email_address":"eve@example.test","state":"active"}}"#;
const NOT_FOUND: &str = r#"{"errors":["Not Found"]}"#;
const HTML: &str = "<html><body>Bad Gateway</body></html>";
const LAST_PAGE: &str =
    r#"{"tags":[{"id":12,"name":"Founder"},{"id":99,"name":"Own"}],"pagination":{"has_next_page":false}}"#;
const FIRST_PAGE: &str =
    r#"{"tags":[{"id":11,"name":"Member"}],"pagination":{"has_next_page":true,"end_cursor":"WzEwXQ=="}}"#;

/// What an answer should be taken for: something seen, or a class of failure.
type Expect = Result<Seen, &'static str>;

#[test]
fn each_row_of_the_notes_is_judged_as_it_says() {
    let id = Some(354);
    let table: Vec<(&str, Step, u16, &str, Expect)> = vec![
        // §5, by status
        ("401", add(id), 401, r#"{"errors":["The access token is invalid"]}"#, Err("unauthorized")),
        ("401 on a read", find(), 401, "", Err("unauthorized")),
        (
            "403",
            enrol(),
            403,
            r#"{"errors":["This request would exceed your subscriber limit"]}"#,
            Err("rejected"),
        ),
        ("403 HTML", enrol(), 403, HTML, Err("transient")),
        ("404 row 8: that id or the tag", add(id), 404, NOT_FOUND, Ok(Seen::NoSuchId)),
        ("404 row 9: that address or the tag", add(None), 404, NOT_FOUND, Ok(Seen::NoPerson)),
        ("404 row 10", remove(id), 404, NOT_FOUND, Ok(Seen::HoldsNot)),
        ("404 row 11", remove(None), 404, NOT_FOUND, Ok(Seen::HoldsNot)),
        ("404 row 12", check(id), 404, NOT_FOUND, Ok(Seen::NoSuchId)),
        ("404 row 4", read(), 404, NOT_FOUND, Ok(Seen::NoSuchId)),
        ("404 row 3 is undocumented", find(), 404, NOT_FOUND, Err("transient")),
        ("404 row 2 is undocumented", enrol(), 404, NOT_FOUND, Err("transient")),
        ("404 row 3 for a check", check(None), 404, NOT_FOUND, Err("transient")),
        ("409", add(id), 409, "{}", Err("transient")),
        ("413", add(id), 413, "", Err("transient")),
        ("422", enrol(), 422, r#"{"errors":["Email address is invalid"]}"#, Err("rejected")),
        ("422, a list in the list", add(None), 422, r#"{"errors":[["x"],"y"]}"#, Err("rejected")),
        ("422 on a read", find(), 422, "{}", Err("rejected")),
        ("429 in plain text", add(id), 429, "Retry later", Err("throttled")),
        ("429 on a read", check(id), 429, "Retry later", Err("throttled")),
        ("500 on a write", add(id), 500, HTML, Err("unknown")),
        ("502 on an enrolment", enrol(), 502, "", Err("unknown")),
        ("503 on a removal", remove(id), 503, HTML, Err("unknown")),
        ("500 on a read", find(), 500, HTML, Err("transient")),
        ("301 on a write", add(id), 301, "", Err("unknown")),
        ("400", add(id), 400, "{}", Err("rejected")),
        // row 2
        ("row 2, made", enrol(), 201, ACTIVE, Ok(person(Standing::Active, true))),
        (
            "row 2, there already and opted out",
            enrol(),
            200,
            subscriber!("cancelled"),
            Ok(person(Standing::OptedOut, false)),
        ),
        ("row 2, fields later", enrol(), 202, ACTIVE, Ok(person(Standing::Active, false))),
        ("row 2, nobody told", enrol(), 201, "{}", Ok(Seen::SomePerson)),
        ("row 2, somebody else", enrol(), 200, STRANGER, Err("unknown")),
        ("row 2, HTML", enrol(), 200, HTML, Err("unknown")),
        // rows 8 and 9
        ("row 8, tagged", add(id), 201, ACTIVE, Ok(Seen::Done)),
        ("row 8, had it", add(id), 200, ACTIVE, Ok(Seen::Done)),
        (
            "row 8, their address changed",
            add(id),
            201,
            r#"{"subscriber":{"id":354,"email_address":"new@example.test"}}"#,
            Ok(Seen::Done),
        ),
        ("row 8, somebody else", add(id), 201, STRANGER, Err("unknown")),
        ("row 8, later", add(id), 202, "{}", Ok(Seen::Accepted)),
        ("row 8, nobody told", add(id), 201, "{}", Ok(Seen::Accepted)),
        ("row 8, empty", add(id), 201, "", Err("unknown")),
        ("row 9, tagged", add(None), 201, ACTIVE, Ok(Seen::Done)),
        ("row 9, somebody else", add(None), 201, STRANGER, Err("unknown")),
        // rows 10 and 11
        ("row 10", remove(id), 204, "", Ok(Seen::Done)),
        ("row 11", remove(None), 204, "", Ok(Seen::Done)),
        ("row 10, in other words", remove(id), 200, "{}", Ok(Seen::Accepted)),
        ("row 10, HTML", remove(id), 200, HTML, Err("unknown")),
        // rows 3 and 4
        (
            "row 3",
            find(),
            200,
            list!(r#"{"id":354,"email_address":"ADA+x@example.test","state":"inactive"}"#),
            Ok(person(Standing::Invited, false)),
        ),
        (
            "row 3, second",
            find(),
            200,
            list!(
                r#"{"id":9,"email_address":"eve@example.test"},{"id":354,"email_address":"ada+x@example.test","state":"bounced"}"#
            ),
            Ok(person(Standing::OptedOut, false)),
        ),
        ("row 3, nobody", find(), 200, list!(""), Ok(Seen::NoPerson)),
        (
            "row 3, everybody else",
            find(),
            200,
            list!(r#"{"id":9,"email_address":"eve@example.test"}"#),
            Err("transient"),
        ),
        ("row 3, no list", find(), 200, "{}", Err("transient")),
        ("row 3, half a list", find(), 200, list!("null"), Err("transient")),
        (
            "row 3 for a check",
            check(None),
            200,
            list!(r#"{"id":354,"email_address":"ada+x@example.test","state":"complained"}"#),
            Ok(person(Standing::OptedOut, false)),
        ),
        ("row 4", read(), 200, ACTIVE, Ok(person(Standing::Active, false))),
        (
            "row 4, a state of later times",
            read(),
            200,
            subscriber!("snoozed"),
            Ok(person(Standing::Known, false)),
        ),
        ("row 4, somebody else", read(), 200, STRANGER, Err("transient")),
        ("row 4, nobody told", read(), 200, "{}", Err("transient")),
        // row 12
        ("row 12", check(id), 200, LAST_PAGE, Ok(Seen::HoldsOnly(vec![Item::kit_tag("founder")]))),
        (
            "row 12, none",
            check(id),
            200,
            r#"{"tags":[],"pagination":{"has_next_page":false}}"#,
            Ok(Seen::HoldsOnly(vec![])),
        ),
        ("row 12, on an unfinished page", check(id), 200, FIRST_PAGE, Ok(Seen::Holds)),
        (
            "row 12, not on an unfinished page",
            check(id),
            200,
            r#"{"tags":[],"pagination":{"has_next_page":true,"end_cursor":"x"}}"#,
            Err("transient"),
        ),
        ("row 12, no end told", check(id), 200, r#"{"tags":[]}"#, Err("transient")),
        ("row 12, HTML", check(id), 200, HTML, Err("transient")),
    ];
    for (name, step, status, body, expect) in table {
        let judged = judge(&step, status, body.as_bytes());
        assert_eq!(
            judged.as_ref().map_err(Failure::class),
            expect.as_ref().map_err(|class| *class),
            "{name}: {judged:?}"
        );
    }
}

#[test]
fn a_check_is_settled_by_all_its_pages() {
    let step = check(Some(354));
    let headers = HeaderMap::new();
    let answer = |status, body: &'static str| Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        body: body.as_bytes(),
    };
    let (first, last) = (answer(200, FIRST_PAGE), answer(200, LAST_PAGE));
    let cursor = next_page(&step, &first).unwrap();
    assert_eq!(cursor, Cursor("WzEwXQ==".to_owned()));
    let sent = request(&account(), &tags(), &step, Some(&cursor), MARKS).unwrap();
    assert_eq!(
        sent.uri().to_string(),
        "https://api.kit.com/v4/subscribers/354/tags?per_page=1000&after=WzEwXQ%3D%3D"
    );
    assert_eq!(next_page(&step, &last), None);

    let both = classify(&tags(), &step, &[first, last], now());
    assert_eq!(both, Ok(Seen::HoldsOnly(vec![Item::kit_tag("founder"), Item::kit_tag("member")])));
    let broken = classify(&tags(), &step, &[first, answer(500, "")], now()).unwrap_err();
    assert_eq!(broken.class(), "transient");
    assert_eq!(classify(&tags(), &step, &[], now()).unwrap_err().class(), "transient");
}

#[test]
fn a_refused_tagging_leaves_the_tag_in_doubt() {
    let headers = HeaderMap::new();
    let answer =
        |status| Answer { status: StatusCode::from_u16(status).unwrap(), headers: &headers, body: b"" };
    assert!(doubts_tags(&add(Some(354)), &answer(404)));
    assert!(doubts_tags(&remove(None), &answer(404)));
    assert!(!doubts_tags(&read(), &answer(404)));
    assert!(!doubts_tags(&add(None), &answer(422)));
}

#[test]
fn a_tag_that_does_not_exist_is_never_asked_for() {
    let founder = Item::kit_tag("gone");
    for step in [
        Step::Add { item: founder.clone(), address: address(), id: None },
        Step::Remove { item: founder.clone(), address: address(), id: Some(354) },
        Step::Check { item: founder.clone(), address: address(), id: Some(354) },
        Step::Check { item: founder.clone(), address: address(), id: None },
    ] {
        let refused = request(&account(), &tags(), &step, None, MARKS).unwrap_err();
        assert_eq!(refused, Failure::Misconfigured { mapping: founder.clone() });
    }
    let group = Step::Add { item: Item::CircleGroup(1), address: address(), id: None };
    assert_eq!(request(&account(), &tags(), &group, None, MARKS).unwrap_err().class(), "misconfigured");
}

#[test]
fn too_many_calls_wait_a_minute() {
    match judge(&add(None), 429, b"Retry later") {
        Err(Failure::Throttled { until, .. }) => assert_eq!(until.to_string(), "2026-03-01T09:01:00Z"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_certainly_refused_is_never_unknown() {
    for step in steps() {
        let operation = operations::of(&step).unwrap();
        for status in operation.refusals {
            let failure = judge(&step, *status, b"{}").unwrap_err();
            assert_ne!(failure.class(), "unknown", "{} {status}", operation.name);
        }
        let broken = judge(&step, 500, b"").unwrap_err();
        assert_eq!(broken.class() == "unknown", step.writes(), "{}", operation.name);
    }
}

#[test]
fn requests_are_as_documented() {
    let sent = |step: &Step| shown(&request(&account(), &tags(), step, None, MARKS).unwrap());
    let mut all: Vec<_> = steps().iter().map(sent).collect();
    all.push(sent(&Step::Enrol { address: address(), name: None, confirmed: false }));
    insta::assert_snapshot!("steps", all.join("\n"));

    let after = Some(Cursor("WzEwXQ==".to_owned()));
    let looks =
        [Look::Account, Look::Tags { after: None }, Look::Tags { after }, Look::Fields { after: None }];
    let marks = Marks { effect: None, ..MARKS };
    let sent: Vec<_> = looks.map(|look| shown(&observe::request(&account(), &look, marks).unwrap())).into();
    insta::assert_snapshot!("looks", sent.join("\n"));
}

#[test]
fn a_step_is_sent_as_its_operation() {
    for step in steps() {
        let operation = operations::of(&step).unwrap();
        let sent = request(&account(), &tags(), &step, None, MARKS).unwrap();
        assert_eq!(sent.method().as_str(), operation.method);
        let parts: Vec<_> = operation.path.split("{}").collect();
        let path = sent.uri().path();
        assert!(path.starts_with(parts[0]) && path.ends_with(parts[parts.len() - 1]), "{path}");
        assert_eq!(step.writes(), operation.effect != Effect::Read, "{}", operation.name);
        // An enrolment in Kit sends nothing to the person, unlike an invitation.
        assert_ne!(operation.effect, Effect::MessageLike, "{}", operation.name);
    }
}

#[test]
fn each_credential_has_its_header() {
    let sent = request(&account(), &tags(), &find(), None, MARKS).unwrap();
    assert_eq!(sent.headers()["x-kit-api-key"], "kit_1");
    let secret = |value: &str| Secret::new("targets.kit.token#0000", value.to_owned());
    let oauth = Account { credential: Credential::OAuth(secret("oa_1")), ..account() };
    let sent = request(&oauth, &tags(), &find(), None, MARKS).unwrap();
    assert_eq!(sent.headers()[AUTHORIZATION], "Bearer oa_1");
    assert!(!sent.headers().contains_key("x-kit-api-key"));
    let torn = Account { credential: Credential::ApiKey(secret("a\r\nb")), ..account() };
    assert_eq!(request(&torn, &tags(), &find(), None, MARKS).unwrap_err().class(), "unauthorized");
}

#[test]
fn what_the_account_holds_is_read_whole_or_not_at_all() {
    let headers = HeaderMap::new();
    let answer = |status, body: &'static str| Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        body: body.as_bytes(),
    };
    let owner = observe::owner(
        &answer(
            200,
            r#"{"user":{"email":"a@x.test","id":27},"account":{"id":27,"name":"Kit Greetings","plan_type":"creator"},"plan":{"subscriber_limit":1000,"on_trial":true,"cancels_at":"2026-04-01T00:00:00Z"}}"#,
        ),
        now(),
    );
    let expect = Owner {
        id: 27,
        name: "Kit Greetings".to_owned(),
        plan: Some("creator".to_owned()),
        subscribers_max: Some(1000),
        is_on_trial: true,
        plan_ends_at: Some("2026-04-01T00:00:00Z".parse().unwrap()),
    };
    assert_eq!(owner, Ok(expect));
    let tags = observe::tags(&answer(200, FIRST_PAGE), now());
    let member = Tag { id: 11, name: "Member".to_owned() };
    assert_eq!(tags, Ok(Page { entries: vec![member], next: Some(Cursor("WzEwXQ==".to_owned())) }));
    let fields = observe::fields(
        &answer(
            200,
            r#"{"custom_fields":[{"id":6,"name":"ck_field_6_plan","key":"plan","label":"Plan"}],"pagination":{"has_next_page":false}}"#,
        ),
        now(),
    );
    let plan = Field { id: 6, key: "plan".to_owned(), label: "Plan".to_owned() };
    assert_eq!(fields, Ok(Page { entries: vec![plan], next: None }));

    let class = |status, body| observe::tags(&answer(status, body), now()).unwrap_err().class();
    assert_eq!(class(200, r#"{"tags":[]}"#), "transient");
    assert_eq!(class(200, r#"{"tags":[{"id":1}],"pagination":{"has_next_page":false}}"#), "transient");
    assert_eq!(class(200, r#"{"tags":[],"pagination":{"has_next_page":true}}"#), "transient");
    assert_eq!(class(200, HTML), "transient");
    assert_eq!(class(401, "{}"), "unauthorized");
    assert_eq!(class(429, "Retry later"), "throttled");
    assert_eq!(class(404, NOT_FOUND), "transient");
    assert_eq!(class(503, HTML), "transient");
}

#[test]
fn hostile_bodies_prove_nothing() {
    let deep = "[".repeat(10_000);
    let deep_object = format!("{}1{}", r#"{"subscriber":"#.repeat(10_000), "}".repeat(10_000));
    let bodies = [
        "",
        "null",
        "[]",
        "[null]",
        "7",
        "\"Not Found\"",
        "{",
        "{}",
        HTML,
        "\u{feff}{}",
        r#"{"subscriber":[]}"#,
        r#"{"subscriber":{"id":"x","email_address":7,"state":[]}}"#,
        r#"{"subscriber":{"id":-354,"email_address":"ada+x@example.test"}}"#,
        r#"{"subscribers":{},"tags":{},"pagination":[]}"#,
        r#"{"subscribers":[null],"tags":[null],"pagination":{"has_next_page":false}}"#,
        r#"{"tags":[{"id":11.5}],"pagination":{"has_next_page":"no"}}"#,
        &deep,
        &deep_object,
    ];
    for step in steps() {
        for body in bodies {
            for status in [200, 201, 202] {
                let judged = judge(&step, status, body.as_bytes());
                let proves = !matches!(judged, Ok(Seen::Accepted | Seen::SomePerson) | Err(_));
                assert!(!proves, "{step:?} {status} {body:.80}: {judged:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_answer_is_judged_and_never_quoted(
        which in 0_usize..9,
        status in 100_u16..1000,
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "[a-z ]{0,20}".prop_map(|text| format!(r#"{{"errors":["zq7 {text}"],"tags":[{{"id":11,"name":"zq7"}}]}}"#).into_bytes()),
        ],
    ) {
        let step = &steps()[which];
        let judged = judge(step, status, &body);
        let shown = format!("{judged:?}");
        prop_assert!(!shown.contains("zq7"));
        let answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers: &HeaderMap::new(), body: &body };
        prop_assert_eq!(next_page(step, &answer), None);
    }
}
