//! Circle's answers, in the order of the table.

use super::{ADA, ELSEWHERE, Row, Story, html, once, play, row, silence, text, times};
use frontdesk_core::target::{Item, Target};
use serde_json::{Value, json};

const ADD: (&str, &str) = ("POST", "access_groups/*/community_members");
const REMOVE: (&str, &str) = ("DELETE", "access_groups/*/community_members");
const IN_GROUP: (&str, &str) = ("GET", "access_groups/*/community_member");
const GROUPS: (&str, &str) = ("GET", "v2/access_groups");
const INVITE: (&str, &str) = ("POST", "v2/community_members");
const SEARCH: (&str, &str) = ("GET", "community_members/search");
const ADD_SPACE: (&str, &str) = ("POST", "v2/space_members");
const REMOVE_SPACE: (&str, &str) = ("DELETE", "v2/space_members");

/// A refusal in the usual shape.
fn says(status: u16, message: &str) -> Value {
    detailed(status, message, &json!({}))
}

fn detailed(status: u16, message: &str, details: &Value) -> Value {
    json!({ "status": status, "body": { "success": false, "message": message, "error_details": details } })
}

/// A `404` that says what is missing.
fn missing(what: &str) -> Value {
    let details = json!({ "message": format!("Missing record: {what}") });
    detailed(404, "Oops! Missing record. Please try again later.", &details)
}

#[test]
fn each_status_and_text_of_circle_leads_to_the_action_of_its_table() {
    let mut rows = whole_account();
    rows.extend(one_person());
    rows.extend(perhaps_done());
    rows.extend(too_many_calls());
    rows.extend(unknown_outcomes());
    rows.extend(missing_for_a_grant());
    rows.extend(missing_for_a_removal());
    rows.extend(spaces());
    rows.extend(shapes_and_strangers());
    play(Target::Circle, rows);
}

/// Everything stops for an hour, also for Ben, and one alert says why.
fn whole_account() -> Vec<Row> {
    let stops = |name, answer: &Value, alert, calls| Row {
        answers: vec![once(ADD, answer)],
        calls,
        ends: "due at 10:10",
        told: alert,
        ben: "due at 10:10",
        ..row(Story::Grant, name)
    };
    let older = json!({
        "status": 401,
        "body": { "status": "unauthorized", "message": "Your account could not be authenticated." },
    });
    let not_eligible = says(403, "The community is not eligible for admin API v2 access.");
    let wrong_type = says(403, "This token does not give access to the Admin API v2.");
    vec![
        stops(
            "401 `The API token is invalid.`",
            &says(401, "The API token is invalid."),
            &["alert unauthorized circle"],
            &["+0 POST access_groups/4012/community_members 401"],
        ),
        stops(
            "401, any other text",
            &older,
            &["alert unauthorized circle"],
            &["+0 POST access_groups/4012/community_members 401"],
        ),
        stops(
            "403 `… not eligible for admin API v2 access.`",
            &not_eligible,
            &["alert unauthorized circle"],
            &["+0 POST access_groups/4012/community_members 403"],
        ),
        // A token does not change its type: one that was accepted is refused for what was spent.
        stops(
            "403, any other JSON, to a token that was accepted before",
            &says(403, "Your community has used its monthly API requests."),
            &["alert allowance circle"],
            &["+0 POST access_groups/4012/community_members 403"],
        ),
        Row {
            before: |house| house.restart(),
            answers: vec![once(GROUPS, &wrong_type)],
            ..stops(
                "403, any other JSON, to a token that was never accepted",
                &wrong_type,
                &["alert unauthorized circle"],
                &["+0 GET access_groups 403"],
            )
        },
        Row {
            answers: vec![once(ADD, &html(403))],
            calls: &[
                "+0 POST access_groups/4012/community_members 403",
                "+0..3 POST access_groups/4012/community_members 201",
                "+0..3 GET community_members/search 200",
            ],
            ..row(Story::Grant, "403 in HTML: blocked at the edge (§7.8)")
        },
    ]
}

/// Her row waits for a person or for a day; Ben's goes on.
fn one_person() -> Vec<Row> {
    vec![
        Row {
            answers: vec![once(ADD, &says(400, "The service failed."))],
            calls: &["+0 POST access_groups/4012/community_members 400"],
            ends: "parked: answered 400: refused for this person",
            told: &["case access"],
            ..row(Story::Grant, "400")
        },
        Row {
            answers: vec![once(ADD, &says(401, "You cannot perform this action."))],
            calls: &["+0 POST access_groups/4012/community_members 401"],
            ends: "parked: answered 401: not allowed for this person",
            told: &["case access"],
            ..row(Story::Grant, "401 `You cannot perform this action.`")
        },
        Row {
            answers: vec![once(
                INVITE,
                &json!({ "status": 403, "body": { "success": false, "errors": "Daily member limit exceeded." } }),
            )],
            calls: &["+0 POST access_groups/4012/community_members 404", "+0 POST community_members 403"],
            ends: "due at 00:00",
            ..row(Story::New, "403 `Daily member limit exceeded.`")
        },
        Row {
            answers: vec![once(
                INVITE,
                &json!({
                    "status": 403,
                    "body": {
                        "success": false,
                        "errors": "Your community has reached the maximum limit of members supported by your plan.",
                    },
                }),
            )],
            calls: &["+0 POST access_groups/4012/community_members 404", "+0 POST community_members 403"],
            ends: "parked: answered 403: the plan is full",
            told: &["case access"],
            ..row(Story::New, "403 `… maximum limit of members …`")
        },
        Row {
            answers: vec![once(INVITE, &says(422, "Invalid email address"))],
            calls: &["+0 POST access_groups/4012/community_members 404", "+0 POST community_members 422"],
            ends: "parked: answered 422: the address is not taken",
            told: &["case access"],
            ..row(Story::New, "422 for a domain that the community blocks (§1, row 3)")
        },
    ]
}

/// "Already", `409` and `422`: a read says what is so before anything is done or given up.
fn perhaps_done() -> Vec<Row> {
    let mut rows = vec![];
    for (name, status, calls) in [
        (
            "400 with `already`",
            400,
            &[
                "+0 POST access_groups/4012/community_members 400",
                "+0 GET access_groups/4012/community_member 200",
                "+0 GET community_members/search 200",
            ],
        ),
        (
            "409 with `already`",
            409,
            &[
                "+0 POST access_groups/4012/community_members 409",
                "+0 GET access_groups/4012/community_member 200",
                "+0 GET community_members/search 200",
            ],
        ),
    ] {
        rows.push(Row {
            before: |house| {
                house.act("circle/add", &json!({ "email": ADA, "group": 4012 }));
            },
            answers: vec![once(ADD, &says(status, "The member is already in this access group."))],
            calls,
            ..row(Story::Grant, name)
        });
    }
    rows.extend([
        Row {
            answers: vec![once(ADD, &says(400, "The member is already in this access group."))],
            calls: &[
                "+0 POST access_groups/4012/community_members 400",
                "+0 GET access_groups/4012/community_member 404",
                "+0 POST access_groups/4012/community_members 201",
                "+0 GET community_members/search 200",
            ],
            ..row(Story::Grant, "400 with `already`, which is not so")
        },
        Row {
            answers: vec![times(ADD, 2, &says(422, "The member is already in this access group."))],
            calls: &[
                "+0 POST access_groups/4012/community_members 422",
                "+0 GET access_groups/4012/community_member 404",
                "+0 POST access_groups/4012/community_members 422",
                "+0 GET community_members/search 200",
                "+45 GET access_groups/4012/community_member 404",
            ],
            ends: "parked: `add` was answered 2 times and never done",
            told: &["case access"],
            ..row(Story::Grant, "422 with `already`, which is never so")
        },
        Row {
            answers: vec![once(ADD, &detailed(422, "Validation failed", &json!("Validation failed: no")))],
            calls: &[
                "+0 POST access_groups/4012/community_members 422",
                "+0 GET access_groups/4012/community_member 404",
                "+0 POST access_groups/4012/community_members 201",
                "+0 GET community_members/search 200",
            ],
            ..row(Story::Grant, "422 to row 8")
        },
        Row {
            answers: vec![once(ADD, &missing("user")), once(INVITE, &says(409, "Conflict"))],
            calls: &[
                "+0 POST access_groups/4012/community_members 404",
                "+0 POST community_members 409",
                "+0 GET community_members/search 200",
                "+0 POST access_groups/4012/community_members 201",
            ],
            ..row(Story::Grant, "409 to row 3, and row 2 finds them")
        },
        Row {
            answers: vec![once(INVITE, &says(422, "Email has already been taken"))],
            calls: &[
                "+0 POST access_groups/4012/community_members 404",
                "+0 POST community_members 422",
                "+0 GET community_members/search 404",
                "+45 GET community_members/search 404",
                "+45 POST community_members 201",
                "+45 POST access_groups/4012/community_members 201",
            ],
            ..row(Story::New, "422 to row 3, and row 2 finds nobody")
        },
        Row {
            answers: vec![once(REMOVE, &says(422, "Unprocessable"))],
            calls: &[
                "+0 DELETE access_groups/4012/community_members 422",
                "+0 GET access_groups/4012/community_member 200",
                "+0 DELETE access_groups/4012/community_members 200",
            ],
            ..row(Story::Removal, "422 to row 9")
        },
    ]);
    rows
}

/// The account waits a minute at the least, longer if that does not help, and says what is probable in the end.
fn too_many_calls() -> Vec<Row> {
    let waits = |name, answer: &Value| Row {
        answers: vec![once(ADD, answer)],
        calls: &[
            "+0 POST access_groups/4012/community_members 429",
            "+60 POST access_groups/4012/community_members 201",
            "+60 GET community_members/search 200",
        ],
        ..row(Story::Grant, name)
    };
    let after =
        |seconds: &str| json!({ "status": 429, "body": "slow down", "headers": { "retry-after": seconds } });
    vec![
        waits("429 in plain text", &text(429, "Too many requests.")),
        waits("429 in HTML", &html(429)),
        waits("429 in JSON", &says(429, "Too many requests.")),
        waits("429 with a `Retry-After` of less", &after("5")),
        Row {
            calls: &[
                "+0 POST access_groups/4012/community_members 429",
                "+300 POST access_groups/4012/community_members 201",
                "+300 GET community_members/search 200",
            ],
            ..waits("429 with a `Retry-After` of more", &after("300"))
        },
        Row {
            answers: vec![times(ADD, 9, &text(429, "Too many requests."))],
            calls: &[
                "+0 POST access_groups/4012/community_members 429",
                "+60 POST access_groups/4012/community_members 429",
                "+180..210 POST access_groups/4012/community_members 429",
                "+420..510 POST access_groups/4012/community_members 429",
            ],
            ends: "due",
            told: &["alert allowance circle"],
            ben: "due",
            ..waits("429 again and again, and we are quiet: probably the allowance", &Value::Null)
        },
    ]
}

/// A write may have been done: it is looked at, and not before 45 s. Who the person is there is another question, which
/// may be asked meanwhile.
fn unknown_outcomes() -> Vec<Row> {
    vec![
        Row {
            answers: vec![once(ADD, &silence(true))],
            calls: &[
                "+0 POST access_groups/4012/community_members no answer",
                "+0..3 GET community_members/search 200",
                "+45 GET access_groups/4012/community_member 200",
            ],
            ..row(Story::Grant, "no answer to row 8, which was done")
        },
        Row {
            answers: vec![once(ADD, &silence(false))],
            calls: &[
                "+0 POST access_groups/4012/community_members no answer",
                "+0..3 GET community_members/search 200",
                "+45 GET access_groups/4012/community_member 404",
                "+45 POST access_groups/4012/community_members 201",
            ],
            ..row(Story::Grant, "no answer to row 8, which was not done")
        },
        Row {
            answers: vec![once(ADD, &html(502))],
            calls: &[
                "+0 POST access_groups/4012/community_members 502",
                "+0..3 GET community_members/search 200",
                "+45 GET access_groups/4012/community_member 404",
                "+45 POST access_groups/4012/community_members 201",
            ],
            ..row(Story::Grant, "502 to row 8")
        },
        Row {
            answers: vec![once(INVITE, &silence(true))],
            calls: &[
                "+0 POST access_groups/4012/community_members 404",
                "+0 POST community_members no answer",
                "+45 GET community_members/search 200",
                "+45 POST access_groups/4012/community_members 201",
            ],
            ..row(Story::New, "no answer to row 3, which was done")
        },
        Row {
            answers: vec![once(INVITE, &html(503))],
            calls: &[
                "+0 POST access_groups/4012/community_members 404",
                "+0 POST community_members 503",
                "+45 GET community_members/search 404",
                "+90 GET community_members/search 404",
                "+90 POST community_members 201",
                "+90 POST access_groups/4012/community_members 201",
            ],
            ..row(Story::New, "503 to row 3: repeated after two looks")
        },
        Row {
            answers: vec![once(REMOVE, &html(500))],
            calls: &[
                "+0 DELETE access_groups/4012/community_members 500",
                "+45 GET access_groups/4012/community_member 200",
                "+45 DELETE access_groups/4012/community_members 200",
            ],
            ..row(Story::Removal, "500 to row 9")
        },
        Row {
            answers: vec![once(SEARCH, &html(502))],
            calls: &[
                "+0 POST access_groups/4012/community_members 201",
                "+0 GET community_members/search 502",
                "+0..3 GET community_members/search 200",
            ],
            ..row(Story::Grant, "502 to a read: read again")
        },
    ]
}

/// §5.3, a `404` to row 8.
fn missing_for_a_grant() -> Vec<Row> {
    vec![
        Row {
            answers: vec![once(ADD, &missing("access group"))],
            calls: &["+0 POST access_groups/4012/community_members 404"],
            ends: "held: no circle:group:4012",
            told: &["alert misconfigured circle:group:4012"],
            ben: "held: no circle:group:4012",
            ..row(Story::Grant, "404 `access group`")
        },
        Row {
            calls: &[
                "+0 POST access_groups/4012/community_members 404",
                "+0 POST community_members 201",
                "+0 POST access_groups/4012/community_members 201",
            ],
            ..row(Story::New, "404 `user`, no id stored: invited")
        },
        Row {
            before: |house| {
                house.act("circle/change-email", &json!({ "email": ADA, "to": ELSEWHERE }));
            },
            calls: &[
                "+0 POST access_groups/4012/community_members 404",
                "+0 GET community_members/1001 200",
                "+0 POST access_groups/4012/community_members 201",
            ],
            ..row(Story::Known, "404 `user`, an id stored: row 4, and the address that it tells")
        },
        // DESIGN §5 counts where the table is silent: who was taken out of the community stays out, with a case.
        Row {
            before: |house| {
                house.act("circle/deactivate", &json!({ "email": ADA }));
            },
            calls: &["+0 POST access_groups/4012/community_members 404", "+0 GET community_members/1001 404"],
            ends: "held for a person",
            told: &["case identity"],
            at_last: ["held for a person", "applied"],
            ..row(Story::Known, "404 `user`, and row 4 says 404 `community member`: gone")
        },
        Row {
            answers: vec![once(SEARCH, &missing("community member"))],
            calls: &[
                "+0 POST access_groups/4012/community_members 201",
                "+0 GET community_members/search 404",
                "+45 GET community_members/search 200",
            ],
            ..row(Story::Grant, "404 `community member` to row 2 after a grant: once is no proof")
        },
        Row {
            answers: vec![once(ADD, &json!({ "status": 404, "body": {} }))],
            calls: &[
                "+0 POST access_groups/4012/community_members 404",
                "+0 GET access_groups/4012/community_member 404",
                "+0 POST access_groups/4012/community_members 201",
                "+0 GET community_members/search 200",
            ],
            ..row(Story::Grant, "404 without a text: confirmed by reading")
        },
        Row {
            answers: vec![once(ADD, &missing("group membership"))],
            calls: &[
                "+0 POST access_groups/4012/community_members 404",
                "+0 GET access_groups/4012/community_member 404",
                "+0 POST access_groups/4012/community_members 201",
                "+0 GET community_members/search 200",
            ],
            ..row(Story::Grant, "404 with another text: confirmed by reading")
        },
        Row {
            answers: vec![once(ADD, &html(404))],
            calls: &[
                "+0 POST access_groups/4012/community_members 404",
                "+0 GET access_groups/4012/community_member 404",
                "+0 POST access_groups/4012/community_members 201",
                "+0 GET community_members/search 200",
            ],
            ..row(Story::Grant, "404 in HTML: confirmed by reading")
        },
    ]
}

/// §5.3, a `404` to row 9.
fn missing_for_a_removal() -> Vec<Row> {
    vec![
        Row {
            before: |house| {
                house.act("circle/remove", &json!({ "email": ADA, "group": 4012 }));
            },
            calls: &["+0 DELETE access_groups/4012/community_members 404"],
            ..row(Story::Removal, "404 `access group community member`: done")
        },
        Row {
            before: |house| {
                house.act("circle/change-email", &json!({ "email": ADA, "to": ELSEWHERE }));
            },
            calls: &[
                "+0 DELETE access_groups/4012/community_members 404",
                "+0 GET community_members/1001 200",
                "+0 DELETE access_groups/4012/community_members 200",
            ],
            ..row(Story::Removal, "404 `user` to a removal, an id stored: row 9 with the address of row 4")
        },
        Row {
            before: |house| {
                house.act("circle/deactivate", &json!({ "email": ADA }));
            },
            calls: &[
                "+0 DELETE access_groups/4012/community_members 404",
                "+0 GET community_members/1001 404",
            ],
            ..row(Story::Removal, "404 `user` to a removal, and nobody by the stored id: done")
        },
        Row {
            answers: vec![once(REMOVE, &missing("access group"))],
            calls: &["+0 DELETE access_groups/4012/community_members 404"],
            told: &["alert misconfigured circle:group:4012"],
            ben: "held: no circle:group:4012",
            ..row(Story::Removal, "404 `access group` to a removal: nobody is in what is not there")
        },
        Row {
            answers: vec![once(REMOVE, &json!({ "status": 404, "body": { "message": "Not Found" } }))],
            calls: &[
                "+0 DELETE access_groups/4012/community_members 404",
                "+0 GET access_groups/4012/community_member 200",
                "+0 DELETE access_groups/4012/community_members 200",
            ],
            ..row(Story::Removal, "404 without a text to a removal: confirmed by reading")
        },
        Row {
            answers: vec![
                once(REMOVE, &json!({ "status": 404, "body": {} })),
                once(IN_GROUP, &missing("access group community member")),
            ],
            calls: &[
                "+0 DELETE access_groups/4012/community_members 404",
                "+0 GET access_groups/4012/community_member 404",
            ],
            ..row(Story::Removal, "404 `access group community member` to row 10: not in it")
        },
    ]
}

/// Rows 15 to 17, for communities without access groups.
fn spaces() -> Vec<Row> {
    let of_space = |row: Row| Row { gives: Item::CircleSpace(7), ..row };
    let rows = vec![
        Row {
            answers: vec![once(ADD_SPACE, &missing("space"))],
            calls: &["+0 POST space_members 404"],
            ends: "held: no circle:space:7",
            told: &["alert misconfigured circle:space:7"],
            ben: "held: no circle:space:7",
            ..row(Story::Grant, "404 `space`")
        },
        Row {
            before: |house| {
                house.act("circle/add", &json!({ "email": ADA, "space": 7 }));
            },
            calls: &[
                "+0 POST space_members 422",
                "+0 GET space_member 200",
                "+0 GET community_members/search 200",
            ],
            ..row(Story::Grant, "422 to row 15, and row 17 shows them in it")
        },
        Row {
            answers: vec![once(ADD_SPACE, &says(422, "User not added to space."))],
            calls: &[
                "+0 POST space_members 422",
                "+0 GET space_member 404",
                "+0 POST space_members 200",
                "+0 GET community_members/search 200",
            ],
            ..row(Story::Grant, "422 to row 15, and row 17 does not")
        },
        Row {
            answers: vec![once(ADD_SPACE, &html(500))],
            calls: &[
                "+0 POST space_members 500",
                "+0..3 GET community_members/search 200",
                "+45 GET space_member 404",
                "+45 POST space_members 200",
            ],
            ..row(Story::Grant, "500 to row 15")
        },
        Row {
            before: |house| {
                house.act("circle/remove", &json!({ "email": ADA, "space": 7 }));
            },
            calls: &["+0 DELETE space_members 404"],
            ..row(Story::Removal, "404 `space member`: done")
        },
        Row {
            answers: vec![once(REMOVE_SPACE, &missing("user"))],
            calls: &[
                "+0 DELETE space_members 404",
                "+0 GET community_members/1001 200",
                "+0 DELETE space_members 200",
            ],
            ..row(Story::Removal, "404 `user` to row 16, and row 4 shows them")
        },
    ];
    rows.into_iter().map(of_space).collect()
}

/// §5.1, and answers about somebody else (§7.3).
fn shapes_and_strangers() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, body) in [
        ("`error_details` null", json!({ "success": false, "message": "no", "error_details": null })),
        ("`error_details` a text", json!({ "success": false, "message": "no", "error_details": "no" })),
        (
            "`error_details` an object of lists",
            json!({ "success": false, "message": "no", "error_details": { "name": ["can't be blank"] } }),
        ),
        ("`error_details` a list", json!({ "success": false, "message": "no", "error_details": ["no"] })),
        ("`errors` a text", json!({ "success": false, "errors": "no" })),
        ("only a message", json!({ "success": false, "message": "User is not a member of community" })),
    ] {
        rows.push(Row {
            answers: vec![once(ADD, &json!({ "status": 422, "body": body }))],
            calls: &[
                "+0 POST access_groups/4012/community_members 422",
                "+0 GET access_groups/4012/community_member 404",
                "+0 POST access_groups/4012/community_members 201",
                "+0 GET community_members/search 200",
            ],
            ..row(Story::Grant, name)
        });
    }
    let stranger = json!({ "id": 9001, "email": "stranger@example.com", "active": true });
    let everyone = json!({
        "page": 1, "per_page": 10, "has_next_page": false, "count": 2,
        "records": [stranger, { "id": 9002, "email": "second@example.com", "active": true }],
    });
    for (name, body) in [
        ("a search that answers with everyone is no match", &everyone),
        ("a search that answers with somebody else is no match", &stranger),
    ] {
        rows.push(Row {
            answers: vec![once(SEARCH, &json!({ "status": 200, "body": body }))],
            calls: &[
                "+0 POST access_groups/4012/community_members 201",
                "+0 GET community_members/search 200",
                "+0..3 GET community_members/search 200",
            ],
            ..row(Story::Grant, name)
        });
    }
    rows.push(Row {
        answers: vec![once(
            INVITE,
            &json!({ "status": 201, "body": { "message": "invited", "community_member": stranger } }),
        )],
        calls: &[
            "+0 POST access_groups/4012/community_members 404",
            "+0 POST community_members 201",
            "+45 GET community_members/search 404",
            "+90 GET community_members/search 404",
            "+90 POST community_members 201",
            "+90 POST access_groups/4012/community_members 201",
        ],
        ..row(Story::New, "an invitation that is answered with somebody else is unknown")
    });
    rows
}
