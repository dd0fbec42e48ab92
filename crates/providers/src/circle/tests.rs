//! The tables of our notes on Circle, row by row: what is asked, and what each answer means.

use super::observe::{self, Community, Group, Look, Page, Space};
use super::{Account, Scheme, classify, operations, request};
use crate::answer::Answer;
use crate::call::{Base, Marks, shown};
use crate::secret::Secret;
use frontdesk_core::email::Email;
use frontdesk_core::target::{Failure, Item, Seen, Standing, Step};
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use proptest::prelude::*;

const MARKS: Marks<'_> = Marks { request: "fdr_1", effect: Some("fdx_2") };
const GROUP: Item = Item::CircleGroup(4012);
const SPACE: Item = Item::CircleSpace(7);

fn account() -> Account {
    let base = Base::parse("https://app.circle.so").unwrap();
    Account {
        base,
        token: Secret::new("targets.circle.token#0000", "tok_1".to_owned()),
        scheme: Scheme::Token,
    }
}

fn address() -> Email {
    Email::parse("ada+x@example.test").unwrap()
}

fn add(item: Item) -> Step {
    Step::Add { item, address: address(), id: None }
}

fn remove(item: Item) -> Step {
    Step::Remove { item, address: address(), id: Some(2) }
}

fn check(item: Item) -> Step {
    Step::Check { item, address: address(), id: None }
}

fn enrol() -> Step {
    Step::Enrol { address: address(), name: Some("Ada Lovelace".to_owned()), confirmed: true }
}

fn find() -> Step {
    Step::Find { address: address() }
}

fn read() -> Step {
    Step::Read { id: 2 }
}

fn steps() -> [Step; 9] {
    [
        find(),
        read(),
        enrol(),
        add(GROUP),
        add(SPACE),
        remove(GROUP),
        remove(SPACE),
        check(GROUP),
        check(SPACE),
    ]
}

fn now() -> Timestamp {
    "2026-03-01T09:00:00Z".parse().unwrap()
}

fn judge(step: &Step, status: u16, body: &[u8]) -> Result<Seen, Failure> {
    let answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers: &HeaderMap::new(), body };
    classify(step, &answer, now())
}

fn person(standing: Standing, fresh: bool) -> Seen {
    Seen::Person { id: 2, address: address(), standing, fresh }
}

/// A `404` that says what is missing, in the documented shape.
macro_rules! missing {
    ($what:literal) => {
        concat!(
            r#"{"success":false,"message":"Oops! Missing record. Please try again later.","error_details":{"message":"Missing record: "#,
            $what,
            r#""}}"#
        )
    };
}

/// An answer to an invitation, with the member and whatever else it says.
macro_rules! invited {
    ($rest:literal) => {
        concat!(
            "{",
            $rest,
            r#","community_member":{"id":2,"email":"ada+x@example.test","active":false,"profile_confirmed_at":null}}"#
        )
    };
}

const MISSING_GROUP: &str = missing!("access group");
const MISSING_USER: &str = missing!("user");
const MISSING_GROUP_MEMBER: &str = missing!("access group community member");
const MISSING_MEMBER: &str = missing!("community member");
const MISSING_SPACE: &str = missing!("space");
const MISSING_SPACE_MEMBER: &str = missing!("space member");
const OTHER_404: &str = r#"{"success":false,"message":"Not here","error_details":null}"#;
const HTML: &str = "<html><body>Attention Required</body></html>";
const ALREADY: &str = r#"{"success":false,"message":"Member is already in 'Paid' access group."}"#;
const VALIDATION: &str = r#"{"success":false,"message":"Validation failed: Email has already been taken"}"#;
const MEMBER: &str = r#"{"id":2,"email":"Ada+X@Example.test","active":true,"profile_confirmed_at":"2024-09-04T16:18:10.634Z"}"#;
const INVITEE: &str = r#"{"id":2,"email":"ada+x@example.test","active":false,"accepted_invitation":"","profile_confirmed_at":null}"#;
const STRANGER: &str = r#"{"id":3,"email":"eve@example.test","profile_confirmed_at":null}"#;

/// What an answer should be taken for: something seen, or a class of failure.
type Expect = Result<Seen, &'static str>;

#[test]
fn each_row_of_the_notes_is_judged_as_it_says() {
    let misconfigured = Err("misconfigured");
    let unauthorized = Err("unauthorized");
    let table: Vec<(&str, Step, u16, &str, Expect)> = vec![
        // §5.2, by status
        ("400", add(GROUP), 400, r#"{"success":false,"message":"service failure"}"#, Err("rejected")),
        ("400, read", find(), 400, "{}", Err("rejected")),
        (
            "401 bad token",
            add(GROUP),
            401,
            r#"{"success":false,"message":"The API token is invalid.","error_details":{}}"#,
            unauthorized.clone(),
        ),
        (
            "401 v1 shape",
            find(),
            401,
            r#"{"status":"unauthorized","message":"Your account could not be authenticated."}"#,
            unauthorized.clone(),
        ),
        ("401 no text", find(), 401, "", unauthorized.clone()),
        (
            "401 action refused",
            remove(GROUP),
            401,
            r#"{"success":false,"message":"You cannot perform this action."}"#,
            Err("rejected"),
        ),
        (
            "403 plan",
            add(GROUP),
            403,
            r#"{"success":false,"message":"The community is not eligible for admin API v2 access.","error_details":{}}"#,
            unauthorized.clone(),
        ),
        (
            "403 plan full",
            enrol(),
            403,
            r#"{"success":false,"errors":"Your community has reached the maximum limit of members supported by your plan."}"#,
            Err("rejected"),
        ),
        (
            "403 daily cap",
            enrol(),
            403,
            r#"{"success":false,"errors":"Daily member limit exceeded."}"#,
            Err("throttled"),
        ),
        ("403 other JSON", find(), 403, r#"{"success":false,"message":"Wrong type."}"#, unauthorized.clone()),
        ("403 null", find(), 403, "null", unauthorized),
        ("403 HTML", add(GROUP), 403, HTML, Err("transient")),
        ("already, 422", add(GROUP), 422, ALREADY, Ok(Seen::LookFirst)),
        ("already, 400", add(GROUP), 400, ALREADY, Ok(Seen::LookFirst)),
        ("already, 404", add(GROUP), 404, ALREADY, Ok(Seen::LookFirst)),
        (
            "409 on enrol",
            enrol(),
            409,
            r#"{"success":false,"message":"This user is already a member of this community."}"#,
            Ok(Seen::LookFirst),
        ),
        ("422 on enrol", enrol(), 422, VALIDATION, Ok(Seen::LookFirst)),
        (
            "422 blocked domain",
            enrol(),
            422,
            r#"{"success":false,"message":"Invalid email address.","error_details":{}}"#,
            Err("rejected"),
        ),
        (
            "422 on space add",
            add(SPACE),
            422,
            r#"{"success":false,"message":"User not added to space.","error_details":{}}"#,
            Ok(Seen::LookFirst),
        ),
        ("422 on removal", remove(GROUP), 422, "{}", Ok(Seen::LookFirst)),
        ("422 on a read", find(), 422, "{}", Err("rejected")),
        ("429 text", add(GROUP), 429, "Too many requests", Err("throttled")),
        ("429 HTML", find(), 429, HTML, Err("throttled")),
        ("429 already", add(GROUP), 429, ALREADY, Err("throttled")),
        ("500 on a write", add(GROUP), 500, HTML, Err("unknown")),
        ("502 on an invitation", enrol(), 502, "", Err("unknown")),
        ("503 on a removal", remove(SPACE), 503, "{}", Err("unknown")),
        ("500 already", add(GROUP), 500, ALREADY, Err("unknown")),
        ("500 on a read", check(GROUP), 500, HTML, Err("transient")),
        ("302 on a write", add(GROUP), 302, "", Err("unknown")),
        ("302 on a read", find(), 302, "", Err("transient")),
        ("405", add(GROUP), 405, "{}", Err("rejected")),
        // §5.3, by the text of a 404
        ("no group: add", add(GROUP), 404, MISSING_GROUP, misconfigured.clone()),
        ("no group: remove", remove(GROUP), 404, MISSING_GROUP, misconfigured.clone()),
        ("no group: check", check(GROUP), 404, MISSING_GROUP, misconfigured.clone()),
        ("no user: add", add(GROUP), 404, MISSING_USER, Ok(Seen::NoPerson)),
        ("no user: remove", remove(GROUP), 404, MISSING_USER, Ok(Seen::NoPerson)),
        ("no user: check", check(GROUP), 404, MISSING_USER, Ok(Seen::NoPerson)),
        ("no user: space add", add(SPACE), 404, MISSING_USER, Ok(Seen::NoPerson)),
        ("no user: space remove", remove(SPACE), 404, MISSING_USER, Ok(Seen::NoPerson)),
        ("no user: space check", check(SPACE), 404, MISSING_USER, Ok(Seen::NoPerson)),
        ("not in group: remove", remove(GROUP), 404, MISSING_GROUP_MEMBER, Ok(Seen::HoldsNot)),
        ("not in group: check", check(GROUP), 404, MISSING_GROUP_MEMBER, Ok(Seen::HoldsNot)),
        ("not in group: add makes no sense", add(GROUP), 404, MISSING_GROUP_MEMBER, Ok(Seen::LookFirst)),
        ("no member: find", find(), 404, MISSING_MEMBER, Ok(Seen::NoPerson)),
        ("no member: read", read(), 404, MISSING_MEMBER, Ok(Seen::NoSuchId)),
        ("no space: add", add(SPACE), 404, MISSING_SPACE, misconfigured.clone()),
        ("no space: remove", remove(SPACE), 404, MISSING_SPACE, misconfigured.clone()),
        ("no space: check", check(SPACE), 404, MISSING_SPACE, misconfigured),
        ("not in space: remove", remove(SPACE), 404, MISSING_SPACE_MEMBER, Ok(Seen::HoldsNot)),
        ("not in space: check", check(SPACE), 404, MISSING_SPACE_MEMBER, Ok(Seen::HoldsNot)),
        ("a space, of a group", remove(GROUP), 404, MISSING_SPACE, Ok(Seen::LookFirst)),
        ("a space member, of a group", remove(GROUP), 404, MISSING_SPACE_MEMBER, Ok(Seen::LookFirst)),
        ("a group, of a space", check(SPACE), 404, MISSING_GROUP, Err("transient")),
        ("text changed: add", add(GROUP), 404, OTHER_404, Ok(Seen::LookFirst)),
        ("text missing: remove", remove(GROUP), 404, "", Ok(Seen::LookFirst)),
        ("text changed: enrol", enrol(), 404, OTHER_404, Ok(Seen::LookFirst)),
        ("text changed: find proves nothing", find(), 404, OTHER_404, Err("transient")),
        ("text missing: read proves nothing", read(), 404, HTML, Err("transient")),
        ("text changed: check proves nothing", check(GROUP), 404, OTHER_404, Err("transient")),
        // §1, successes of writes
        (
            "row 8",
            add(GROUP),
            201,
            r#"{"message":"Member has been added to 'O'Hara' access group."}"#,
            Ok(Seen::Done),
        ),
        (
            "row 8, 200",
            add(GROUP),
            200,
            r#"{"message":"Member has been added to 'Paid' access group."}"#,
            Ok(Seen::Done),
        ),
        ("row 8, unknown words", add(GROUP), 201, r#"{"message":"OK"}"#, Ok(Seen::Accepted)),
        (
            "row 8, words of row 9",
            add(GROUP),
            201,
            r#"{"message":"Member removed from 'Paid' access group."}"#,
            Ok(Seen::Accepted),
        ),
        (
            "row 9",
            remove(GROUP),
            200,
            r#"{"message":"Member removed from 'Paid' access group."}"#,
            Ok(Seen::Done),
        ),
        ("row 9, unknown words", remove(GROUP), 200, "{}", Ok(Seen::Accepted)),
        ("row 15", add(SPACE), 200, r#"{"message":"User added to space"}"#, Ok(Seen::Done)),
        (
            "row 15, unknown words",
            add(SPACE),
            201,
            r#"{"message":"User not added to space"}"#,
            Ok(Seen::Accepted),
        ),
        ("row 16", remove(SPACE), 200, r#"{"message":"Member removed from space"}"#, Ok(Seen::Done)),
        (
            "a success that failed",
            add(GROUP),
            200,
            r#"{"success":false,"message":"Something"}"#,
            Err("unknown"),
        ),
        ("a success that was needless", add(GROUP), 200, ALREADY, Ok(Seen::LookFirst)),
        ("a success in HTML", remove(GROUP), 200, HTML, Err("unknown")),
        ("an empty success", add(GROUP), 204, "", Err("unknown")),
        // §7.1, the invitation
        (
            "row 3",
            enrol(),
            201,
            invited!(r#""message":"This user has been invited to the community.""#),
            Ok(person(Standing::Invited, true)),
        ),
        (
            "row 3, existing",
            enrol(),
            201,
            invited!(r#""message":"This user is already a member of this community.""#),
            Ok(person(Standing::Invited, false)),
        ),
        ("row 3, id on top", enrol(), 200, INVITEE, Ok(person(Standing::Invited, true))),
        (
            "row 3, no id",
            enrol(),
            201,
            r#"{"message":"This user has been invited to the community."}"#,
            Ok(Seen::SomePerson),
        ),
        ("row 3, no address", enrol(), 201, r#"{"community_member":{"id":2}}"#, Ok(Seen::SomePerson)),
        ("row 3, somebody else", enrol(), 201, STRANGER, Err("unknown")),
        ("row 3, HTML", enrol(), 200, HTML, Err("unknown")),
        // §6.1 and §7.3, people
        ("row 2, active", find(), 200, MEMBER, Ok(person(Standing::Active, false))),
        ("row 2, invited", find(), 200, INVITEE, Ok(person(Standing::Invited, false))),
        ("row 2, somebody else", find(), 200, STRANGER, Err("transient")),
        ("row 2, everybody", find(), 200, r#"{"page":1,"records":[]}"#, Err("transient")),
        ("row 4", read(), 200, MEMBER, Ok(person(Standing::Active, false))),
        ("row 4, somebody else", read(), 200, STRANGER, Err("transient")),
        (
            "row 4, says nothing of confirmation",
            read(),
            200,
            r#"{"id":2,"email":"ada+x@example.test"}"#,
            Ok(person(Standing::Known, false)),
        ),
        (
            "row 4, confirmed and inactive",
            read(),
            200,
            r#"{"id":2,"email":"ada+x@example.test","active":false,"profile_confirmed_at":"2024-09-04T16:18:10.634Z"}"#,
            Ok(person(Standing::Known, false)),
        ),
        ("row 4, HTML", read(), 200, HTML, Err("transient")),
        // rows 10 and 17
        (
            "row 10",
            check(GROUP),
            200,
            r#"{"id":1,"access_group_id":4012,"community_member_id":2}"#,
            Ok(Seen::Holds),
        ),
        ("row 10, another group", check(GROUP), 200, r#"{"id":1,"access_group_id":4013}"#, Err("transient")),
        ("row 10, nothing", check(GROUP), 200, "{}", Err("transient")),
        (
            "row 17",
            check(SPACE),
            200,
            r#"{"id":1,"space_id":7,"status":"active","community_member":{"email":"ada+x@example.test"}}"#,
            Ok(Seen::Holds),
        ),
        (
            "row 17, somebody else",
            check(SPACE),
            200,
            r#"{"id":1,"space_id":7,"community_member":{"email":"eve@example.test"}}"#,
            Err("transient"),
        ),
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
fn a_missing_group_names_the_mapping_and_a_cap_its_end() {
    assert_eq!(
        judge(&add(GROUP), 404, MISSING_GROUP.as_bytes()),
        Err(Failure::Misconfigured { mapping: GROUP })
    );
    let capped = judge(&enrol(), 403, br#"{"success":false,"errors":"Daily member limit exceeded."}"#);
    assert_eq!(capped, Err(Failure::CappedUntil { until: "2026-03-02T00:00:00Z".parse().unwrap() }));
}

#[test]
fn too_many_calls_wait_a_minute_or_as_long_as_asked() {
    let mut headers = HeaderMap::new();
    let until = |headers: &HeaderMap| {
        let answer = Answer { status: StatusCode::TOO_MANY_REQUESTS, headers, body: b"" };
        match classify(&add(GROUP), &answer, now()) {
            Err(Failure::Throttled { until, .. }) => until.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(until(&headers), "2026-03-01T09:01:00Z");
    headers.insert(RETRY_AFTER, HeaderValue::from_static("120"));
    assert_eq!(until(&headers), "2026-03-01T09:02:00Z");
}

#[test]
fn the_edge_and_the_api_refuse_in_different_words() {
    let why = |body: &str| match judge(&find(), 403, body.as_bytes()) {
        Err(Failure::Transient { why } | Failure::Unauthorized { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(HTML), "answered 403: blocked at the edge, before the API");
    assert_eq!(why("{}"), "answered 403: a token of the wrong type, or the allowance is used up");
}

#[test]
fn what_is_certainly_refused_is_never_unknown() {
    for step in steps() {
        let operation = operations::of(&step).unwrap();
        for status in operation.refusals {
            for body in ["{}", HTML, ""] {
                let failure = judge(&step, *status, body.as_bytes()).unwrap_err();
                assert_ne!(failure.class(), "unknown", "{} {status}", operation.name);
            }
        }
        let broken = judge(&step, 500, b"").unwrap_err();
        assert_eq!(broken.class() == "unknown", step.writes(), "{}", operation.name);
    }
}

#[test]
fn requests_are_as_documented() {
    let sent: Vec<_> = steps().iter().map(|step| shown(&request(&account(), step, MARKS).unwrap())).collect();
    insta::assert_snapshot!("steps", sent.join("\n"));
    let looks = [Look::Community, Look::Groups { page: 1 }, Look::Spaces { page: 2 }];
    let marks = Marks { effect: None, ..MARKS };
    let sent: Vec<_> = looks.map(|look| shown(&observe::request(&account(), look, marks).unwrap())).into();
    insta::assert_snapshot!("looks", sent.join("\n"));
}

#[test]
fn a_step_is_sent_as_its_operation() {
    for step in steps() {
        let operation = operations::of(&step).unwrap();
        let sent = request(&account(), &step, MARKS).unwrap();
        assert_eq!(sent.method().as_str(), operation.method);
        let parts: Vec<_> = operation.path.split("{}").collect();
        let path = sent.uri().path();
        assert!(path.starts_with(parts[0]) && path.ends_with(parts[parts.len() - 1]), "{path}");
        assert_eq!(step.writes(), operation.effect != crate::call::Effect::Read, "{}", operation.name);
        assert_eq!(
            step.is_message(),
            operation.effect == crate::call::Effect::MessageLike,
            "{}",
            operation.name
        );
    }
}

#[test]
fn the_token_goes_out_under_the_configured_word() {
    let header = |scheme| {
        let account = Account { scheme, ..account() };
        let sent = request(&account, &find(), MARKS).unwrap();
        sent.headers()[AUTHORIZATION].to_str().unwrap().to_owned()
    };
    assert_eq!(header(Scheme::Token), "Token tok_1");
    assert_eq!(header(Scheme::Bearer), "Bearer tok_1");
    let torn = Account { token: Secret::new("t#0", "a\nb".to_owned()), ..account() };
    assert_eq!(request(&torn, &find(), MARKS).unwrap_err().class(), "unauthorized");
}

#[test]
fn a_tag_is_nothing_of_circles() {
    let step = add(Item::kit_tag("member"));
    let refused = request(&account(), &step, MARKS).unwrap_err();
    assert_eq!(refused, Failure::Misconfigured { mapping: Item::kit_tag("member") });
}

#[test]
fn what_the_community_holds_is_read_whole_or_not_at_all() {
    let headers = HeaderMap::new();
    let answer = |status, body: &'static str| Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        body: body.as_bytes(),
    };
    let community = observe::community(&answer(200, r#"{"id":1,"name":"My Community","slug":"my"}"#), now());
    assert_eq!(
        community,
        Ok(Community { id: 1, name: "My Community".to_owned(), slug: Some("my".to_owned()) })
    );
    let groups = observe::groups(
        &answer(
            200,
            r#"{"has_next_page":true,"page_count":1,"records":[{"id":2,"name":"Two","status":"archived"}]}"#,
        ),
        now(),
    );
    let two = Group { id: 2, name: "Two".to_owned(), is_archived: true };
    assert_eq!(groups, Ok(Page { entries: vec![two], has_next: true }));
    let spaces = observe::spaces(
        &answer(200, r#"{"has_next_page":false,"records":[{"id":7,"name":"Seven"}]}"#),
        now(),
    );
    assert_eq!(
        spaces,
        Ok(Page { entries: vec![Space { id: 7, name: "Seven".to_owned() }], has_next: false })
    );

    let class = |status, body| observe::groups(&answer(status, body), now()).unwrap_err().class();
    assert_eq!(class(200, r#"{"records":[]}"#), "transient");
    assert_eq!(class(200, r#"{"has_next_page":false,"records":[{"id":2}]}"#), "transient");
    assert_eq!(class(200, HTML), "transient");
    assert_eq!(class(401, "{}"), "unauthorized");
    assert_eq!(class(403, HTML), "transient");
    assert_eq!(class(403, "{}"), "unauthorized");
    assert_eq!(class(429, ""), "throttled");
    assert_eq!(class(400, "{}"), "transient");
}

#[test]
fn hostile_bodies_prove_nothing() {
    let deep = "[".repeat(10_000);
    let deep_object = format!("{}1{}", r#"{"community_member":"#.repeat(10_000), "}".repeat(10_000));
    let bodies = [
        "",
        "null",
        "[]",
        "[null]",
        "7",
        "\"Member has been added to 'x' access group.\"",
        "{",
        "{}",
        HTML,
        "\u{feff}{}",
        r#"{"message":["Member has been added to 'x' access group."]}"#,
        r#"{"message":{"error_details":null},"error_details":[[]],"errors":7}"#,
        r#"{"id":"two","email":7,"community_member":[]}"#,
        r#"{"id":-1,"email":null}"#,
        &deep,
        &deep_object,
    ];
    for step in steps() {
        for body in bodies {
            for status in [200, 201, 204, 404] {
                let judged = judge(&step, status, body.as_bytes());
                let proves = matches!(
                    judged,
                    Ok(Seen::Done
                        | Seen::Holds
                        | Seen::HoldsNot
                        | Seen::NoPerson
                        | Seen::NoSuchId
                        | Seen::Person { .. })
                );
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
            "(zq7 )?(already|Missing record: (user|space|access group)|[a-z ]{0,20})"
                .prop_map(|text| format!(r#"{{"message":"zq7 {text}","error_details":{{"message":"{text}"}}}}"#).into_bytes()),
        ],
    ) {
        let judged = judge(&steps()[which], status, &body);
        let shown = format!("{judged:?}");
        prop_assert!(!shown.contains("zq7"));
    }
}
