//! The texts with which Kit refuses a call: one array of sentences, no codes.
//!
//! Source: Kit API v4 OpenAPI document, unless a function says otherwise.

use serde_json::json;

use crate::call::Answer;

pub(super) fn refused(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "errors": [message] }))
}

/// `422` with one sentence.
pub(super) fn invalid(message: &str) -> Answer {
    refused(422, message)
}

pub(super) fn not_found() -> Answer {
    refused(404, "Not Found")
}

pub(super) fn token_invalid() -> Answer {
    refused(401, "The access token is invalid")
}

/// Source: Kit developer documentation on OAuth, and the official SDK.
pub(super) fn token_expired() -> Answer {
    let challenge =
        "Bearer realm=\"Kit\", error=\"invalid_token\", error_description=\"The access token expired\"";
    refused(401, "The access token expired").header("www-authenticate", challenge)
}

/// The documentation says that a lapsed account gets `401`; the words are ours.
pub(super) fn access_lost() -> Answer {
    refused(401, "This account does not have access to the API")
}

/// A body that is not JSON although the call says so. Not documented; the words are ours.
pub(super) fn unreadable() -> Answer {
    refused(400, "The request body could not be parsed")
}
