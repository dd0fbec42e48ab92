//! What a receiver must survive: events made by hand, wrong signatures, conflicts, thin notifications, and
//! objects that go away.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::post::Signing;

use super::Stripe;
use super::body::Body;
use super::event::{Content, Event, pretty};

impl Stripe {
    /// Emits any event (`type`, `object`, perhaps `id`, `previous_attributes`, `created`, `livemode`,
    /// `account`), or posts any bytes (`raw_body`), signed as `sign` says.
    pub(crate) fn make_event(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let signing = signing(body)?;
        if let Some(raw) = body.text("raw_body")? {
            self.sender.ship_raw(raw.as_bytes(), signing, now);
            return Ok(json!({ "events": [] }));
        }
        let id = match body.text("id")? {
            Some(id) => id,
            None => self.ids.id("evt"),
        };
        if self.events.contains_key(&id) {
            return Err(format!("`{id}` exists; use `redeliver` or `conflict`"));
        }
        let at = match body.number("created")? {
            Some(second) => Timestamp::from_second(second).map_err(|why| format!("`created`: {why}"))?,
            None => now,
        };
        let event = Event {
            id: id.clone(),
            kind: body.needed("type")?,
            at,
            version: self.batch_version,
            livemode: body.flag("livemode")?.unwrap_or(self.livemode),
            content: Content::Raw {
                object: body.get("object").cloned().ok_or("`object` is missing")?,
                previous: body.get("previous_attributes").cloned(),
            },
            request: None,
            account: body.text("account")?,
        };
        if signing == Signing::Good {
            self.record_event(event);
            return Ok(json!({ "event": id }));
        }
        // A forgery is sent, and never happened.
        let forged = pretty(&event.render(event.version, 1));
        self.sender.ship_raw(&forged, signing, now);
        Ok(json!({ "event": id, "events": [] }))
    }

    /// Sends an event again, `times` times.
    pub(crate) fn redeliver(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let id = body.needed("event")?;
        let signing = signing(body)?;
        let times = body.number("times")?.unwrap_or(1).clamp(1, 10_000);
        let event = self.events.get(&id).ok_or_else(|| format!("there is no event `{id}`"))?;
        for _ in 0..times {
            self.sender.redeliver(event, signing, now);
        }
        Ok(json!({ "event": id, "events": [] }))
    }

    /// Sends a body with the id of an event and another object, well signed. The API keeps the first.
    pub(crate) fn conflict(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let id = body.needed("event")?;
        let event = self.events.get(&id).ok_or_else(|| format!("there is no event `{id}`"))?;
        let mut shown = event.render(event.version, 1);
        match body.get("object") {
            Some(object) => shown["data"]["object"] = object.clone(),
            None => shown["data"]["object"]["id"] = json!("obj_of_somebody_else"),
        }
        self.sender.ship_raw(&pretty(&shown), Signing::Good, now);
        Ok(json!({ "event": id, "events": [] }))
    }

    /// Sends a thin notification of API v2, which carries no object.
    ///
    /// Source: Stripe docs, "Thin events": `object` is `v2.core.event`, the time has milliseconds.
    pub(crate) fn thin(&mut self, body: &Body, now: Timestamp) -> Result<Value, String> {
        let id = format!("evt_65{}", self.ids.token(26));
        let kind = body.text("type")?.unwrap_or_else(|| "v1.customer.subscription.updated".to_owned());
        let related = body.text("id")?.unwrap_or_else(|| self.ids.id("sub"));
        let of = body.text("object")?.unwrap_or_else(|| "subscription".to_owned());
        let shown = json!({
            "id": id, "object": "v2.core.event", "type": kind, "livemode": self.livemode,
            "created": format!("{now:.3}"), "reason": null,
            "related_object": { "id": related, "type": of, "url": format!("/v1/{of}s/{related}") },
        });
        self.sender.ship_raw(&pretty(&shown), Signing::Good, now);
        Ok(json!({ "event": id, "events": [] }))
    }

    /// Makes an object go away without a word, as between a list and a read.
    pub(crate) fn vanish(&mut self, body: &Body) -> Result<Value, String> {
        let id = body.needed("id")?;
        if self.ledger.remove(&id) {
            Ok(json!({ "id": id }))
        } else {
            Err(format!("there is no object `{id}`"))
        }
    }
}

fn signing(body: &Body) -> Result<Signing, String> {
    Signing::parse(body.text("sign")?.as_deref().unwrap_or("good"))
}
