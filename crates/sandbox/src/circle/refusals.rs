//! The texts with which Circle refuses a call.
//!
//! Source: Circle Admin API v2 OpenAPI document (March 2026), unless a function says otherwise.

use serde_json::{Value, json};

use crate::call::Answer;

use super::switches::{LimitBody, Switches};

/// The usual dialect, with an empty `error_details` object.
pub(super) fn refused(status: u16, message: &str) -> Answer {
    detailed(status, message, &json!({}))
}

/// The usual dialect with details, which may be an object, an array, a string or null.
pub(super) fn detailed(status: u16, message: &str, details: &Value) -> Answer {
    Answer::json(status, &json!({ "success": false, "message": message, "error_details": details }))
}

/// `404`; what is missing is told only by `error_details.message`.
pub(super) fn missing(what: &str) -> Answer {
    let details = json!({ "message": format!("Missing record: {what}") });
    detailed(404, "Oops! Missing record. Please try again later.", &details)
}

pub(super) fn token_invalid() -> Answer {
    refused(401, "The API token is invalid.")
}

/// The OpenAPI document gives this status and no text; the words are ours.
pub(super) fn token_of_wrong_type() -> Answer {
    refused(403, "This token does not give access to the Admin API v2.")
}

/// What a v1 token was answered on v2, in the older dialect. Source: public integration code.
pub(super) fn account_not_authenticated() -> Answer {
    let body = json!({ "status": "unauthorized", "message": "Your account could not be authenticated." });
    Answer::json(401, &body)
}

pub(super) fn not_eligible() -> Answer {
    refused(403, "The community is not eligible for admin API v2 access.")
}

/// The second dialect: `errors` is a string and there is no `message`.
pub(super) fn daily_limit() -> Answer {
    Answer::json(403, &json!({ "success": false, "errors": "Daily member limit exceeded." }))
}

pub(super) fn plan_full() -> Answer {
    let errors = "Your community has reached the maximum limit of members supported by your plan.";
    Answer::json(403, &json!({ "success": false, "errors": errors }))
}

/// Whether Circle refuses calls past the allowance is not documented; the words are ours.
pub(super) fn allowance_used() -> Answer {
    refused(403, "Your community has used its monthly API requests.")
}

/// `429`. Neither body nor headers are documented, so both are switches.
pub(super) fn too_many(switches: &Switches) -> Answer {
    let answer = match switches.body_429 {
        LimitBody::Text => Answer::text(429, "Too many requests. Please try again later.\n"),
        LimitBody::Html => Answer::html(429, "<html><body><h1>429 Too Many Requests</h1></body></html>"),
        LimitBody::Json => refused(429, "Too many requests. Please try again later."),
    };
    match switches.retry_after_s {
        Some(seconds) => answer.header("retry-after", &seconds.to_string()),
        None => answer,
    }
}

/// `500` from the edge. Nothing of it is documented.
pub(super) fn broken() -> Answer {
    Answer::html(500, "<html><body><h1>We're sorry, but something went wrong.</h1></body></html>")
}

/// A body that is not JSON although the call says so. Not documented; the words are ours.
pub(super) fn unreadable() -> Answer {
    refused(400, "The request body could not be parsed.")
}

/// A path that the fake does not have. Not documented; the words are ours.
pub(super) fn no_such_path() -> Answer {
    refused(404, "Not Found")
}
