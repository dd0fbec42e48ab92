//! Error answers, with Stripe's texts.
//!
//! Source: Stripe docs, "Errors" and "Error codes", and answers kept in `fixtures/stripe/rest`.

use serde_json::{Value, json};

use crate::call::Answer;

use super::event::pretty;

/// A JSON answer in Stripe's layout.
pub(crate) fn shown(status: u16, value: &Value) -> Answer {
    Answer { status, headers: vec![("content-type".into(), "application/json".into())], body: pretty(value) }
}

/// Any error of the type `invalid_request_error`.
pub(crate) fn invalid(status: u16, code: Option<&str>, message: &str, param: Option<&str>) -> Answer {
    let mut error = json!({ "message": message, "type": "invalid_request_error" });
    if let Some(code) = code {
        error["code"] = json!(code);
        error["doc_url"] = json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")));
    }
    if let Some(param) = param {
        error["param"] = json!(param);
    }
    shown(status, &json!({ "error": error }))
}

/// 404 for an object that is not there; `elsewhere` is the mode in which it is, if it is in the other one.
pub(crate) fn missing(what: &str, id: &str, elsewhere: Option<bool>) -> Answer {
    // Sessions are named without quotes and by another parameter, for no known reason.
    let (id, param) =
        if what == "checkout.session" { (id.to_owned(), "session") } else { (format!("'{id}'"), "id") };
    let message = match elsewhere {
        None => format!("No such {what}: {id}"),
        Some(livemode) => {
            let (there, here) = if livemode { ("live", "test") } else { ("test", "live") };
            format!(
                "No such {what}: {id}; a similar object exists in {there} mode, but a {here} mode key was used to make this request."
            )
        }
    };
    invalid(404, Some("resource_missing"), &message, Some(param))
}

/// Adds the link to the request's log entry that refused requests of a known key carry.
pub(crate) fn with_log_url(mut answer: Answer, request: &str, at: i64) -> Answer {
    if matches!(answer.status, 400 | 403 | 404)
        && let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body)
    {
        body["error"]["request_log_url"] =
            json!(format!("https://dashboard.stripe.com/logs/{request}?t={at}"));
        answer.body = pretty(&body);
    }
    answer
}

/// 404 for a path that is no resource.
pub(crate) fn unrecognized(method: &str, path: &str) -> Answer {
    let message = format!(
        "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
    );
    invalid(404, None, &message, None)
}

/// 429 for too many requests; the reason header comes only at times.
pub(crate) fn rate_limited(reason: Option<&str>) -> Answer {
    let answer = invalid(
        429,
        Some("rate_limit"),
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        None,
    );
    match reason {
        Some(reason) => answer.header("stripe-rate-limited-reason", reason),
        None => answer,
    }
}

/// 429 for an object that another request holds.
pub(crate) fn lock_timeout() -> Answer {
    let message = "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request.";
    invalid(429, Some("lock_timeout"), message, None).header("stripe-should-retry", "true")
}

/// 500 with a JSON body.
pub(crate) fn api_error() -> Answer {
    let message =
        "Sorry! There was an error while talking to one of our backends. Support has been notified.";
    shown(500, &json!({ "error": { "message": message, "type": "api_error" } }))
        .header("stripe-should-retry", "true")
}

/// 502 or 503 from the proxy in front, in HTML.
pub(crate) fn proxy(status: u16) -> Answer {
    let title = if status == 502 { "502 Bad Gateway" } else { "503 Service Unavailable" };
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body><center><h1>{title}</h1></center></body>\r\n</html>"
    );
    Answer::html(status, &page)
}
