//! What targets say by themselves: who listens, and how a delivery of theirs is handed over.

use crate::ports::SimPorts;
use frontdesk_core::target::Target;
use frontdesk_engine::Engine;
use frontdesk_engine::hook::Heard;
use frontdesk_sandbox::Delivery;
use serde_json::{Value, json};

/// What signs Kit's webhooks.
pub(crate) const KIT_SECRET: &str = "whsec_simulatedSecretOfKit";
/// What calls of Circle's workflows carry.
pub(crate) const CIRCLE_SECRET: &str = "simulatedSecretOfCircle";

/// The act by which a person has a target say what changes there.
pub(crate) fn listening(target: Target) -> (&'static str, Value) {
    let url = format!("https://members.northwind.example/webhooks/{target}");
    match target {
        Target::Kit => ("endpoint", json!({ "url": url, "secret": KIT_SECRET })),
        Target::Circle => ("hook", json!({ "url": format!("{url}/{CIRCLE_SECRET}") })),
    }
}

/// The header that signs a delivery, whoever sends it.
pub(crate) fn signature(delivery: &Delivery) -> Option<Vec<u8>> {
    let is_signature = |name: &str| name.to_ascii_lowercase().ends_with("-signature");
    let signature = delivery.headers.iter().find(|(name, _)| is_signature(name));
    signature.map(|(_, value)| value.clone().into_bytes())
}

/// Hands over what a target sends; gives the status of the answer. `None`: a source sends it.
pub(crate) async fn hear(engine: &Engine<SimPorts>, delivery: &Delivery) -> Option<u16> {
    let heard = if delivery.url.ends_with("/webhooks/kit") {
        engine.hear_kit(signature(delivery).as_deref(), &delivery.body).await
    } else {
        let (_, secret) = delivery.url.split_once("/webhooks/circle/")?;
        engine.hear_circle(Some(secret.as_bytes()), &delivery.body).await
    };
    Some(match heard {
        Heard::Stored(_) => 200,
        Heard::Refused(_) => 401,
        Heard::NoDelivery(_) => 400,
        Heard::Busy { .. } => 503,
        Heard::NobodyListens => 404,
    })
}
