//! Kit's answers, in the order of the table.

use super::{ADA, Row, Story, html, once, play, row, silence, text, times};
use frontdesk_core::target::Target;
use serde_json::{Value, json};

const ENROL: (&str, &str) = ("POST", "v4/subscribers");
const TAG: (&str, &str) = ("POST", "tags/*/subscribers/*");
const UNTAG: (&str, &str) = ("DELETE", "tags/*/subscribers/*");

fn says(status: u16, error: &str) -> Value {
    json!({ "status": status, "body": { "errors": [error] } })
}

#[test]
fn each_status_and_text_of_kit_leads_to_the_action_of_its_table() {
    let mut rows = refused();
    rows.extend(not_found());
    rows.extend(later());
    play(Target::Kit, rows);
}

/// `401`, `403` and `422`. Marketing changes no stage and is nobody's access: its cases are of the other kind.
fn refused() -> Vec<Row> {
    let expired = json!({
        "status": 401,
        "headers": { "www-authenticate": "Bearer error=\"invalid_token\"" },
        "body": { "errors": ["The access token expired"] },
    });
    let stops = |name, answer: &Value| Row {
        answers: vec![once(TAG, answer)],
        calls: &["+0 POST subscribers 200", "+0 POST tags/11/subscribers/3001 401"],
        ends: "due at 10:10",
        told: &["alert unauthorized kit"],
        ben: "due at 10:10",
        ..row(Story::Grant, name)
    };
    let parks = |name, answer: &Value, calls, ends| Row {
        answers: vec![once(TAG, answer)],
        calls,
        ends,
        told: &["case other"],
        ..row(Story::Grant, name)
    };
    vec![
        stops("401 `The access token is invalid`", &says(401, "The access token is invalid")),
        stops("401 `The access token expired`", &expired),
        // DESIGN §5: what is refused for one person is a case, not an alert for all.
        parks(
            "403 `This request would exceed your subscriber limit`",
            &says(403, "This request would exceed your subscriber limit"),
            &["+0 POST subscribers 200", "+0 POST tags/11/subscribers/3001 403"],
            "parked: answered 403: the account's subscriber limit, or not allowed",
        ),
        Row {
            answers: vec![once(TAG, &html(403))],
            calls: &[
                "+0 POST subscribers 200",
                "+0 POST tags/11/subscribers/3001 403",
                "+0..3 POST tags/11/subscribers/3001 201",
            ],
            ..row(Story::Grant, "403 in HTML: blocked at the edge")
        },
        parks(
            "422 with several strings",
            &json!({ "status": 422, "body": { "errors": ["First name is too long", ["Email address is invalid"]] } }),
            &["+0 POST subscribers 200", "+0 POST tags/11/subscribers/3001 422"],
            "parked: answered 422: refused for this person",
        ),
        Row {
            answers: vec![once(ENROL, &says(422, "Email address is invalid"))],
            calls: &["+0 POST subscribers 422"],
            ends: "parked: answered 422: refused for this person",
            told: &["case other"],
            ..row(Story::New, "422 to row 2")
        },
    ]
}

/// `404`, by the row that was asked.
fn not_found() -> Vec<Row> {
    vec![
        Row {
            before: |house| {
                house.act("kit/delete-subscriber", &json!({ "email": ADA }));
            },
            calls: &[
                "+0 POST tags/11/subscribers/3001 404",
                "+0 GET subscribers/3001 404",
                "+0 POST subscribers 201",
                "+0 POST tags/13/subscribers/3003 201",
                "+0 POST tags/11/subscribers/3003 201",
                "+0 GET tags 200",
            ],
            ..row(Story::Known, "404 to row 8, and row 4 says that nobody has the id: upserted again")
        },
        Row {
            answers: vec![once(TAG, &says(404, "Not Found"))],
            calls: &[
                "+0 POST tags/11/subscribers/3001 404",
                "+0 GET subscribers/3001 200",
                "+0 POST tags/11/subscribers/3001 201",
            ],
            ..row(Story::Known, "404 to row 8, and row 4 shows them, and the tag is there")
        },
        Row {
            before: |house| {
                house.act("kit/delete-tag", &json!({ "tag": "member" }));
            },
            calls: &["+0 POST tags/11/subscribers/3001 404", "+0 GET subscribers/3001 200"],
            ends: "held: no kit:tag:member",
            told: &["alert misconfigured kit:tag:member"],
            ben: "held: no kit:tag:member",
            at_last: ["held: no kit:tag:member"; 2],
            ..row(Story::Known, "404 to row 8, and row 4 shows them, and the tag is gone")
        },
        Row {
            answers: vec![once(UNTAG, &says(404, "Not Found"))],
            calls: &["+0 DELETE tags/11/subscribers/3001 404"],
            ..row(Story::Removal, "404 to an untag: done")
        },
    ]
}

/// What is repeated, and when. All writes here may simply be repeated, so nothing is looked at before.
fn later() -> Vec<Row> {
    let repeated = |name, answer: &Value, calls| Row {
        answers: vec![once(TAG, answer)],
        calls,
        ..row(Story::Grant, name)
    };
    let mut rows = vec![
        repeated(
            "409",
            &says(409, "Another rotation is under way"),
            &[
                "+0 POST subscribers 200",
                "+0 POST tags/11/subscribers/3001 409",
                "+0..3 POST tags/11/subscribers/3001 201",
            ],
        ),
        repeated(
            "413",
            &says(413, "Too much is queued"),
            &[
                "+0 POST subscribers 200",
                "+0 POST tags/11/subscribers/3001 413",
                "+0..3 POST tags/11/subscribers/3001 201",
            ],
        ),
        repeated(
            "429 `Retry later`",
            &text(429, "Retry later"),
            &[
                "+0 POST subscribers 200",
                "+0 POST tags/11/subscribers/3001 429",
                "+60 POST tags/11/subscribers/3001 201",
            ],
        ),
        Row {
            answers: vec![times(TAG, 3, &text(429, "Retry later"))],
            calls: &[
                "+0 POST subscribers 200",
                "+0 POST tags/11/subscribers/3001 429",
                "+60 POST tags/11/subscribers/3001 429",
                "+180..210 POST tags/11/subscribers/3001 429",
                "+420..510 POST tags/11/subscribers/3001 201",
            ],
            ..row(Story::Grant, "429 again and again: the wait grows")
        },
        repeated(
            "no answer to row 8",
            &silence(true),
            &[
                "+0 POST subscribers 200",
                "+0 POST tags/11/subscribers/3001 no answer",
                "+0..3 POST tags/11/subscribers/3001 200",
            ],
        ),
        Row {
            answers: vec![once(ENROL, &html(503))],
            calls: &[
                "+0 POST subscribers 503",
                "+0..3 POST subscribers 201",
                "+0..3 POST tags/11/subscribers/3002 201",
            ],
            ..row(Story::New, "503 to row 2")
        },
        Row {
            answers: vec![once(UNTAG, &html(500))],
            calls: &["+0 DELETE tags/11/subscribers/3001 500", "+0..3 DELETE tags/11/subscribers/3001 204"],
            ..row(Story::Removal, "500 to an untag")
        },
    ];
    for (name, status) in [("500 to row 8", 500), ("502 to row 8", 502)] {
        let calls: &'static [&'static str] = match status {
            500 => &[
                "+0 POST subscribers 200",
                "+0 POST tags/11/subscribers/3001 500",
                "+0..3 POST tags/11/subscribers/3001 201",
            ],
            _ => &[
                "+0 POST subscribers 200",
                "+0 POST tags/11/subscribers/3001 502",
                "+0..3 POST tags/11/subscribers/3001 201",
            ],
        };
        rows.push(repeated(name, &html(status), calls));
    }
    rows
}
