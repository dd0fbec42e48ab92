//! `frontdesk probe`: asks a running Frontdesk the way a forger and the source would, and judges its answers.
//!
//! What it sends changes nothing: the forgery must be refused, and the signed event is of a type that no source has,
//! so it is kept and has no effect.

use crate::cli::{self, Context};
use crate::config::{self, BaseUrl};
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::live::{LivePorts, Trust};
use clap::Args;
use frontdesk_core::id::base32;
use frontdesk_engine::Ports;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Response};
use serde_json::{Value, json};
use sha2::Sha256;

/// What it takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where it is reached: scheme and host, such as https://members.northwind.example
    #[arg(value_name = "URL")]
    url: String,
    /// The path of its webhook endpoint
    #[arg(long, value_name = "PATH", default_value = "/webhooks/stripe")]
    path: String,
    /// The variable that holds the endpoint's signing secret. Where it is not set, the first one of the configuration
    /// signs
    #[arg(long, value_name = "NAME", default_value = "STRIPE_SIGNING_SECRET")]
    secret_env: String,
}

/// One thing that was asked.
struct Check {
    asks: &'static str,
    /// What deviated; empty if nothing.
    wrong: Vec<String>,
    saw: String,
}

/// Asks, and exits with 2 if an answer is not as it should be.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let base = BaseUrl::parse(&arguments.url).map_err(|why| {
        Report::error(Code::UnusableUrl, format!("`{}` {why}", arguments.url)).hint(
            "write scheme and host alone, such as https://members.northwind.example; the path is `--path`",
        )
    })?;
    let secret = context.environment.get(&arguments.secret_env).map(ToOwned::to_owned);
    let secret = secret.or_else(|| configured(context));
    let trust = if base.is_https() { Trust::System } else { Trust::Nobody };
    let checks = cli::runtime().block_on(async {
        let probe = Probe {
            ports: LivePorts::new(trust)?,
            url: format!("{}{}", base.as_str(), arguments.path),
            is_https: base.is_https(),
        };
        let mut checks = vec![probe.forged().await, probe.read().await];
        if let Some(secret) = &secret {
            checks.extend(probe.signed_twice(secret.as_bytes()).await);
        }
        let site = Probe { url: base.as_str().to_owned(), ..probe };
        checks.extend([site.lives().await, site.is_ready().await]);
        Ok::<_, Failure>(checks)
    })?;
    let printer = &mut context.printer;
    let is_fine = checks.iter().all(|check| check.wrong.is_empty());
    for check in &checks {
        let word = if check.wrong.is_empty() { "ok  " } else { "FAIL" };
        printer.text(&format!("{word}  {}: {}", check.asks, check.saw))?;
        for wrong in &check.wrong {
            printer.text(&format!("      {wrong}"))?;
        }
    }
    if secret.is_none() {
        printer.note(&format!(
            "`{}` is not set and there is no usable {} here, so nothing signed was sent",
            arguments.secret_env,
            context.global.config.display()
        ));
    }
    let items: Vec<_> = checks.iter().map(|check| json!({ "asks": check.asks, "ok": check.wrong.is_empty(), "saw": check.saw, "wrong": check.wrong })).collect();
    printer.json(&json!({ "ok": is_fine, "signed": secret.is_some(), "checks": items }))?;
    Ok(if is_fine { Exit::Done } else { Exit::Found })
}

/// The signing secret of the configuration, if there is one that can be used: the probe is also run on other machines.
fn configured(context: &Context) -> Option<String> {
    let loaded = config::load(&context.global.config, &context.environment).ok()?;
    let secret = loaded.config.sources.stripe.signing_secrets.into_iter().next()?;
    Some(secret.expose().to_owned())
}

struct Probe {
    ports: LivePorts,
    url: String,
    is_https: bool,
}

impl Probe {
    /// A purchase as somebody would invent it.
    async fn forged(&self) -> Check {
        let request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("x-signature", "test")
            .body(br#"{"event":"checkout.completed","user_id":"123"}"#.to_vec());
        self.ask("a forged purchase is refused", request, 401).await
    }

    async fn read(&self) -> Check {
        self.ask("a GET of the endpoint is refused", Request::get(&self.url).body(Vec::new()), 405).await
    }

    /// A signed event, new and again.
    async fn signed_twice(&self, secret: &[u8]) -> Vec<Check> {
        let now = self.ports.now_wall().as_second();
        let mut random = [0u8; 10];
        self.ports.random(&mut random);
        let id = base32(&random);
        let body = json!({
            "id": format!("evt_probe_{id}"), "object": "event", "type": "frontdesk.probe", "created": now, "livemode": true,
            "api_version": null, "data": { "object": { "id": format!("probe_{id}"), "object": "frontdesk.probe" } },
        });
        let body = body.to_string().into_bytes();
        let signature = signature(secret, now, &body);
        let mut checks = Vec::new();
        for (asks, is_duplicate) in
            [("a signed event is taken", false), ("the same event again is known", true)]
        {
            let request = Request::post(&self.url)
                .header("content-type", "application/json")
                .header("stripe-signature", &signature)
                .body(body.clone());
            let (mut check, answer) = self.answer(asks, request, 200).await;
            let answer_status = answer.as_ref().map(|answer| answer.status().as_u16());
            let told =
                answer.map(|answer| serde_json::from_slice::<Value>(answer.body()).unwrap_or_default());
            if answer_status == Some(401) {
                check.wrong.push(
                    "it does not know this signing secret, or its clock and this machine's are more than five minutes apart: \
                     compare both, the secret with that of the endpoint in Stripe, and restart Frontdesk after a change"
                        .to_owned(),
                );
            }
            if let Some(told) = told
                && check.wrong.is_empty()
                && told["duplicate"] != json!(is_duplicate)
            {
                check.wrong.push(format!("`duplicate` is {}, not {is_duplicate}", told["duplicate"]));
            }
            checks.push(check);
        }
        checks
    }

    async fn lives(&self) -> Check {
        self.ask("it lives", Request::get(format!("{}/healthz", self.url)).body(Vec::new()), 200).await
    }

    async fn is_ready(&self) -> Check {
        let request = Request::get(format!("{}/readyz", self.url)).body(Vec::new());
        let (mut check, answer) = self.answer("it can keep what it is sent", request, 200).await;
        if let Some(answer) = answer {
            let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            let status = told["status"].as_str().unwrap_or("no status");
            let reasons: Vec<_> = told["reasons"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|reason| reason["kind"].as_str())
                .collect();
            check.saw = if reasons.is_empty() {
                status.to_owned()
            } else {
                format!("{status}: {}", reasons.join(", "))
            };
        }
        check
    }

    async fn ask(&self, asks: &'static str, request: http::Result<Request<Vec<u8>>>, status: u16) -> Check {
        self.answer(asks, request, status).await.0
    }

    /// Asks, and compares the status and the headers that every answer has.
    async fn answer(
        &self,
        asks: &'static str,
        request: http::Result<Request<Vec<u8>>>,
        status: u16,
    ) -> (Check, Option<Response<Vec<u8>>>) {
        let started = self.ports.now_mono();
        let answer = match request {
            Ok(request) => self.ports.http(request).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let ms = (self.ports.now_mono().saturating_sub(started)).as_millis();
        match answer {
            Err(why) => (Check { asks, wrong: vec![why], saw: "no answer".to_owned() }, None),
            Ok(answer) => {
                let mut wrong = self.headers(&answer);
                if answer.status().as_u16() != status {
                    wrong.insert(0, format!("the status is {}, not {status}", answer.status().as_u16()));
                }
                (Check { asks, wrong, saw: format!("{} in {ms} ms", answer.status().as_u16()) }, Some(answer))
            }
        }
    }

    fn headers(&self, answer: &Response<Vec<u8>>) -> Vec<String> {
        let value = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let mut wrong = Vec::new();
        if value("x-request-id").is_none() {
            wrong.push(
                "there is no `x-request-id`: something in front answers instead, or drops headers".to_owned(),
            );
        }
        if value("x-content-type-options") != Some("nosniff") {
            wrong.push("`x-content-type-options` is not `nosniff`".to_owned());
        }
        if value("cache-control") != Some("no-store") {
            wrong.push("`cache-control` is not `no-store`".to_owned());
        }
        if self.is_https && value("strict-transport-security").is_none() {
            wrong.push(
                "there is no `strict-transport-security`: `site.url` may not be this address".to_owned(),
            );
        }
        let is_problem =
            value("content-type").is_some_and(|kind| kind.starts_with("application/problem+json"));
        if answer.status().is_client_error() && !is_problem {
            wrong.push("the refusal is no problem document".to_owned());
        }
        wrong
    }
}

/// The value of `Stripe-Signature` for a body.
///
/// Source: Stripe docs, "Verify webhook signatures manually" (read 2026-11-24): HMAC-SHA256 with the secret as it
/// stands, over the time, a full stop and the body.
fn signature(secret: &[u8], at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_providers::secret::Secret;
    use frontdesk_providers::stripe::verify::{RawHook, TOLERANCE, verify};

    #[test]
    fn what_the_probe_signs_is_what_the_verifier_accepts() {
        let body = br#"{"id":"evt_probe"}"#;
        let at = 1_795_000_000;
        let header = signature(b"whsec_test", at, body);
        let now = jiff::Timestamp::from_second(at).unwrap();
        let hook = || RawHook { header: Some(header.as_bytes()), body };
        let secret = |value: &str| [Secret::new("test", value.to_owned())];
        assert!(verify(hook(), &secret("whsec_test"), TOLERANCE, now).is_ok());
        assert!(verify(hook(), &secret("whsec_other"), TOLERANCE, now).is_err());
    }
}
