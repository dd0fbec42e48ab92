//! `[sources.…]`: who sends events.

use super::Stripe;
use super::reader::{Found, Reader, Section};
use crate::errors::{Code, Place, Report};
use frontdesk_providers::secret::Secret;

/// Paths that Frontdesk's own pages use; a webhook endpoint cannot lie there.
const TAKEN_PATHS: [&str; 12] = [
    "/admin",
    "/api/v1",
    "/assets",
    "/chat",
    "/healthz",
    "/mcp",
    "/metrics",
    "/readyz",
    "/status",
    "/webhooks/circle",
    "/webhooks/kit",
    "/welcome",
];

/// What the prefix of a Stripe key says.
///
/// Source: Stripe, "API keys" (prefixes `pk_`, `sk_`, `rk_`, each with `live_` or `test_`), read November 2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyKind {
    /// Whether it is a restricted key.
    is_restricted: bool,
    /// Live or test mode, if the prefix says.
    livemode: Option<bool>,
}

impl KeyKind {
    /// `None` for what cannot be used: a publishable key, a signing secret, anything else.
    fn of(key: &Secret) -> Option<Self> {
        let key = key.expose();
        let (is_restricted, rest) = match (key.strip_prefix("rk_"), key.strip_prefix("sk_")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return None,
        };
        let livemode =
            if rest.starts_with("live_") { Some(true) } else { rest.starts_with("test_").then_some(false) };
        Some(Self { is_restricted, livemode })
    }
}

impl Reader<'_> {
    /// `[sources.stripe]`.
    pub(super) fn stripe(&mut self, sources: &mut Section<'_>) -> Option<Stripe> {
        let mut section = self.section(sources, "stripe");
        let secrets = self.signing_secrets(&mut section);
        let livemode = self.flag(&mut section, "livemode");
        // One that is withheld says nothing of its mode.
        let api_key = self.secret(&mut section, "api_key", "api_key_file").filter(|_| !self.withheld);
        let kind = api_key.as_ref().and_then(|key| self.key_kind(key, livemode.as_ref()));
        let account = self.text(&mut section, "account").and_then(|found| self.account(found));
        let base_url = self.provider_url(&mut section, "https://api.stripe.com");
        let path = self.text(&mut section, "path").and_then(|found| self.webhook_path(found));
        let poll_every = self.interval(&mut section, "poll_every");
        self.finish(&section);
        Some(Stripe {
            signing_secrets: secrets?,
            api_key: api_key.map(|found| found.value),
            base_url: base_url?,
            path: path?,
            livemode: livemode.map(|found| found.value).or_else(|| kind?.livemode),
            account,
            poll_every: poll_every?,
        })
    }

    fn signing_secrets(&mut self, section: &mut Section<'_>) -> Option<Vec<Secret>> {
        let before = self.reports.len();
        let secrets = self.secrets(section, "signing_secrets", "signing_secrets_file");
        if secrets.is_empty() && self.reports.len() == before {
            self.missing(section, "signing_secrets", "signing_secrets = [\"${STRIPE_SIGNING_SECRET}\"]");
        }
        for found in &secrets {
            if !found.value.expose().starts_with("whsec_") {
                let message = format!(
                    "the secret for `{}` is not a signing secret: those start with `whsec_`",
                    found.at.key
                );
                let hint =
                    "copy the signing secret of the webhook endpoint from Stripe's Workbench, Webhooks";
                self.report(Report::error(Code::WrongCredential, message).at(found.at.clone()).hint(hint));
            }
        }
        (!secrets.is_empty()).then(|| secrets.into_iter().map(|found| found.value).collect())
    }

    /// Reports a key that cannot be used, and one that could be a better one.
    fn key_kind(&mut self, key: &Found<Secret>, pinned: Option<&Found<bool>>) -> Option<KeyKind> {
        let at = || key.at.clone();
        let Some(kind) = KeyKind::of(&key.value) else {
            let what = match key.value.expose() {
                text if text.starts_with("pk_") => "is a publishable key, which reads nothing",
                text if text.starts_with("whsec_") => "is a signing secret, not an API key",
                _ => "is not a Stripe API key: those start with `rk_`",
            };
            let report =
                Report::error(Code::WrongCredential, format!("the secret for `{}` {what}", key.at.key));
            self.report(report.at(at()).hint("make a restricted key in Stripe under Developers, API keys"));
            return None;
        };
        if !kind.is_restricted {
            let message = format!("the secret for `{}` is a full secret key", key.at.key);
            let hint = "a restricted key (`rk_…`) that can only read does the same and risks less";
            self.report(Report::warning(Code::FullKey, message).at(at()).hint(hint));
        }
        if let (Some(livemode), Some(pinned)) = (kind.livemode, pinned)
            && livemode != pinned.value
        {
            let name = |live: bool| if live { "live" } else { "test" };
            let message = format!(
                "the secret for `{}` is a {}-mode key, and `livemode = {}` is pinned",
                key.at.key,
                name(livemode),
                pinned.value
            );
            let hint = format!("use a {}-mode key, or write livemode = {livemode}", name(pinned.value));
            self.report(Report::error(Code::ModeMismatch, message).at(pinned.at.clone()).hint(hint));
        }
        Some(kind)
    }

    fn account(&mut self, found: Found<String>) -> Option<String> {
        if found.value.strip_prefix("acct_").is_some_and(|rest| !rest.is_empty()) {
            return Some(found.value);
        }
        let report = Report::error(Code::WrongValue, format!("`{}` is not a Stripe account", found.value));
        self.report(report.at(found.at).hint("write the account's id, acct_…, or leave the key out"));
        None
    }

    fn webhook_path(&mut self, found: Found<String>) -> Option<String> {
        let Found { value: path, at } = found;
        let refuse = |reader: &mut Self, why: &str, at: Place| {
            let report = Report::error(Code::WrongValue, format!("`{path}` {why}")).at(at);
            reader.report(report.hint("write the path of the endpoint: \"/webhooks/stripe\""));
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
        if !path.starts_with('/') || path.len() < 2 || !path.bytes().all(allowed) {
            refuse(self, "is not a path of a web address", at);
            return None;
        }
        let is_taken = |taken: &str| {
            path.strip_prefix(taken).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if TAKEN_PATHS.into_iter().any(is_taken) {
            refuse(self, "is where Frontdesk has pages of its own", at);
            return None;
        }
        Some(path)
    }
}
