//! What the network answers in a provider's place: failures, limits, refusals, nonsense.

use crate::rng::Rng;
use frontdesk_sandbox::{Answer, Provider};

pub(super) fn error(chance: &mut Rng) -> Answer {
    let status = *chance.pick(&[500, 502, 503, 504]);
    if chance.hits(500) {
        Answer::html(status, "<html><body><h1>Bad gateway</h1></body></html>")
    } else {
        Answer::json(status, &serde_json::json!({ "error": { "message": "Something went wrong." } }))
    }
}

pub(super) fn throttle(provider: Provider, chance: &mut Rng) -> Answer {
    match provider {
        Provider::Kit => Answer::text(429, "Retry later\n"),
        Provider::Stripe => Answer::json(
            429,
            &serde_json::json!({ "error": { "type": "invalid_request_error", "code": "rate_limit", "message": "Request rate limit exceeded." } }),
        ),
        Provider::Circle => {
            let answer = match chance.below(3) {
                0 => Answer::text(429, "Too many requests"),
                1 => Answer::html(429, "<html><body>Slow down</body></html>"),
                _ => Answer::json(
                    429,
                    &serde_json::json!({ "success": false, "message": "Rate limit exceeded" }),
                ),
            };
            match chance.below(4) {
                0 => answer.header("Retry-After", "7"),
                1 => answer.header("Retry-After", "31536000"),
                2 => answer.header("Retry-After", "-5"),
                _ => answer,
            }
        }
    }
}

pub(super) fn refusal(provider: Provider) -> Answer {
    match provider {
        Provider::Circle => Answer::json(
            401,
            &serde_json::json!({ "success": false, "message": "The API token is invalid.", "error_details": {} }),
        ),
        Provider::Kit => Answer::json(401, &serde_json::json!({ "errors": ["The access token is invalid"] })),
        Provider::Stripe => Answer::json(
            401,
            &serde_json::json!({ "error": { "type": "invalid_request_error", "message": "Invalid API Key provided" } }),
        ),
    }
}

pub(super) fn nonsense(answer: Answer, chance: &mut Rng) -> Answer {
    match chance.below(3) {
        0 => Answer::html(200, "<html><body>Please sign in</body></html>"),
        1 => Answer::empty(200),
        _ => {
            let half = answer.body.len() / 2;
            Answer { body: answer.body[..half].to_vec(), ..answer }
        }
    }
}

/// Whether Circle says that it takes no more new members today.
pub(super) fn is_daily_limit(answer: &Answer) -> bool {
    answer.status == 403 && String::from_utf8_lossy(&answer.body).contains("Daily member limit")
}
