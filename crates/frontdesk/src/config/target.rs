//! `[targets.…]`: where the desired state is made true.

use super::reader::{Reader, Section};
use super::values::{BaseUrl, shown};
use super::{Circle, Kit, Mode, Quota, Scheme};
use crate::errors::{Code, Report};
use frontdesk_core::catalogue::NewSubscribers;

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
        self.finish(&section);
        let kit = || {
            Some(Kit {
                api_key: api_key?.value,
                base_url: base_url?,
                mode: mode?,
                new_subscribers: new_subscribers?,
            })
        };
        Part::of(kit())
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
