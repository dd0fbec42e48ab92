//! Every recorded Stripe signature, and what ingest answers to it.

use crate::fixtures;
use base64::Engine as _;
use frontdesk_providers::secret::Secret;
use frontdesk_providers::stripe::envelope::envelope;
use frontdesk_providers::stripe::verify::{RawHook, verify};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The status and the reason for one vector.
fn outcome(vector: &Value) -> (u16, &'static str) {
    let text = |name: &str| vector[name].as_str();
    let secrets: Vec<Secret> = vector["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|secret| Secret::new("fixture#0000", secret.as_str().unwrap().to_owned()))
        .collect();
    let body = match text("body_base64") {
        Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).unwrap(),
        None => text("body").unwrap().as_bytes().to_vec(),
    };
    let header = vector["headers"].get("Stripe-Signature").map(|header| header.as_str().unwrap().as_bytes());
    let tolerance = SignedDuration::from_secs(vector["tolerance_s"].as_i64().unwrap());
    let now = Timestamp::from_second(vector["now"].as_i64().unwrap()).unwrap();
    match verify(RawHook { header, body: &body }, &secrets, tolerance, now) {
        Err(error) => (error.status().as_u16(), error.reason()),
        Ok(verified) => match envelope(&verified) {
            Err(error) => (error.status().as_u16(), error.reason()),
            Ok(_) => (200, "ok"),
        },
    }
}

#[test]
fn every_recorded_signature_is_judged_as_recorded() {
    let vectors = fixtures::json("signatures.json");
    let vectors: Vec<&Value> =
        vectors.as_array().unwrap().iter().filter(|vector| vector["provider"] == "stripe").collect();
    assert_eq!(vectors.len(), 38, "the table is whole");
    for vector in vectors {
        let expected = vector["reason"].as_str().unwrap();
        let status = match expected {
            "ok" => 200,
            "empty_body" | "bad_body" | "thin_event" => 400,
            _ => 401,
        };
        assert_eq!(outcome(vector), (status, expected), "{}: {}", vector["id"], vector["why"]);
        assert_eq!(vector["valid"].as_bool(), Some(status == 200), "{}", vector["id"]);
    }
}
