//! `[targets.…]`: where the desired state is made true.

use super::reader::{Reader, Section};
use super::values::{BaseUrl, shown};
use super::{Circle, Kit, Mode, Quota, Scheme};
use crate::errors::{Code, Report};
use frontdesk_core::catalogue::NewSubscribers;
use frontdesk_providers::secret::Secret;

/// Shortest secret of a workflow's URL: 128 bits as base64.
const HOOK_SECRET_BYTES_MIN: usize = 22;

const MODES: [(&str, Mode); 2] = [("shadow", Mode::Shadow), ("live", Mode::Live)];
const SCHEMES: [(&str, Scheme); 2] = [("token", Scheme::Token), ("bearer", Scheme::Bearer)];
const NEW_SUBSCRIBERS: [(&str, NewSubscribers); 3] = [
    ("add", NewSubscribers::Add),
    ("unconfirmed", NewSubscribers::Unconfirmed),
    ("leave", NewSubscribers::Leave),
];

/// A part of the file that may be left out.
pub(super) enum Part<T> {
    /// It is not there.
    Absent,
    /// It is there and something is wrong with it; the reports say what.
    Broken,
    /// It is there.
    Ready(T),
}

impl<T> Part<T> {
    /// Whether the operator wrote it, right or wrong.
    pub(super) const fn is_given(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// The part, if nothing is wrong with it.
    pub(super) const fn value(&self) -> Option<&T> {
        match self {
            Self::Ready(value) => Some(value),
            Self::Absent | Self::Broken => None,
        }
    }

    /// Whether something is wrong with it.
    pub(super) const fn is_broken(&self) -> bool {
        matches!(self, Self::Broken)
    }

    /// The part, if it is there and nothing is wrong with it.
    pub(super) fn into_value(self) -> Option<T> {
        match self {
            Self::Ready(value) => Some(value),
            Self::Absent | Self::Broken => None,
        }
    }

    fn of(value: Option<T>) -> Self {
        value.map_or(Self::Broken, Self::Ready)
    }
}

/// Which targets the file has, right or wrong.
#[derive(Clone, Copy)]
pub(super) struct Configured {
    /// `[targets.circle]`.
    pub(super) circle: bool,
    /// `[targets.kit]`.
    pub(super) kit: bool,
}

impl Reader<'_> {
    /// `[targets.circle]`.
    pub(super) fn circle(&mut self, targets: &mut Section<'_>) -> Part<Circle> {
        let mut section = self.section(targets, "circle");
        if !section.is_given() {
            return Part::Absent;
        }
        let before = self.reports.len();
        let token = self.secret(&mut section, "token", "token_file");
        if token.is_none() && self.reports.len() == before {
            self.missing(&section, "token", "token = \"${CIRCLE_TOKEN}\"");
        }
        let scheme = self.choice(&mut section, "scheme", &SCHEMES);
        let base_url = self.provider_url(&mut section, "https://app.circle.so");
        let mode = self.choice(&mut section, "mode", &MODES);
        let quota = self.quota(&mut section);
        let sweep_every = self.interval(&mut section, "sweep_every");
        let invite_stale_after = self.interval(&mut section, "invite_stale_after");
        let hook_secret = self.hook_secret(&mut section);
        self.finish(&section);
        let circle = || {
            Some(Circle {
                token: token?.value,
                scheme: scheme?,
                base_url: base_url?,
                mode: mode?,
                quota: quota?,
                sweep_every: sweep_every?,
                invite_stale_after: invite_stale_after?,
                hook_secret,
            })
        };
        Part::of(circle())
    }

    /// `[targets.kit]`.
    pub(super) fn kit(&mut self, targets: &mut Section<'_>) -> Part<Kit> {
        let mut section = self.section(targets, "kit");
        if !section.is_given() {
            return Part::Absent;
        }
        let before = self.reports.len();
        let api_key = self.secret(&mut section, "api_key", "api_key_file");
        if api_key.is_none() && self.reports.len() == before {
            self.missing(&section, "api_key", "api_key = \"${KIT_API_KEY}\"");
        }
        let base_url = self.provider_url(&mut section, "https://api.kit.com");
        let mode = self.choice(&mut section, "mode", &MODES);
        let new_subscribers = self.choice(&mut section, "new_subscribers", &NEW_SUBSCRIBERS);
        let mut signing_secrets = self.kit_signing_secrets(&mut section);
        let endpoint_secret_file =
            self.kept_secret(&mut section, "endpoint_secret_file", &mut signing_secrets);
        self.finish(&section);
        let kit = || {
            Some(Kit {
                api_key: api_key?.value,
                base_url: base_url?,
                mode: mode?,
                new_subscribers: new_subscribers?,
                signing_secrets,
                endpoint_secret_file,
            })
        };
        Part::of(kit())
    }

    /// The secret of Circle's workflows. Nothing is signed with it, so it must not be guessable.
    fn hook_secret(&mut self, section: &mut Section<'_>) -> Option<Secret> {
        let found = self.secret(section, "hook_secret", "hook_secret_file")?;
        let secret = found.value.expose();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let why = if secret.len() < HOOK_SECRET_BYTES_MIN {
            format!(
                "the secret for `hook_secret` has fewer than {HOOK_SECRET_BYTES_MIN} characters and could be guessed"
            )
        } else if !secret.bytes().all(is_plain) {
            "the secret for `hook_secret` holds characters that a URL would change".to_owned()
        } else {
            return Some(found.value);
        };
        let hint = "make one with `openssl rand -hex 24`, and use it in the workflow's URL";
        self.report(Report::error(Code::WrongCredential, why).at(found.at).hint(hint));
        None
    }

    /// The secrets that sign Kit's webhooks.
    fn kit_signing_secrets(&mut self, section: &mut Section<'_>) -> Vec<Secret> {
        let secrets = self.secrets(section, "signing_secrets", "signing_secrets_file");
        for found in &secrets {
            if !found.value.expose().starts_with("whsec_") {
                let message = format!(
                    "the secret for `{}` is not a signing secret of Kit: those start with `whsec_`",
                    found.at.key
                );
                let hint =
                    "copy the secret that Kit showed when the webhook endpoint was made, or rotate it there";
                self.report(Report::error(Code::WrongCredential, message).at(found.at.clone()).hint(hint));
            }
        }
        secrets.into_iter().map(|found| found.value).collect()
    }

    fn quota(&mut self, section: &mut Section<'_>) -> Option<Quota> {
        let mut quota = self.section(section, "quota");
        let monthly = self.number(&mut quota, "monthly", 1..=i64::from(u32::MAX));
        let renews_day = self.number(&mut quota, "renews_day", 1..=31);
        self.finish(&quota);
        Some(Quota { monthly: u32::try_from(monthly?).ok()?, renews_day: i8::try_from(renews_day?).ok()? })
    }

    /// The bare host of a provider. Credentials go there, so it must be https unless it is this machine.
    pub(super) fn provider_url(&mut self, section: &mut Section<'_>, usual: &str) -> Option<BaseUrl> {
        let found = self.text(section, "base_url")?;
        let why = match BaseUrl::parse(&found.value) {
            Ok(url) if url.is_https() || url.is_loopback() => return Some(url),
            Ok(_) => "would carry the credential in the clear: beyond this machine it must be https",
            Err(why) => why,
        };
        let report =
            Report::error(Code::UnusableUrl, format!("`{}` {why}", shown(&found.value))).at(found.at);
        self.report(report.hint(format!("write the bare host, such as \"{usual}\", or leave the key out")));
        None
    }
}
