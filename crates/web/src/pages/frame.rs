//! What stands around every page: the site, the visit, header and footer.

use super::assets;
use frontdesk_core::words::{Language, Means, Phrases, Reading};
use jiff::{Timestamp, tz::TimeZone};

/// The operator's site, as customers know it.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name, in the header and in titles.
    pub name: String,
    /// The community's own name; it stands in sentences.
    pub community: String,
    /// Where the community is opened.
    pub community_url: Option<String>,
    /// The address at which a person answers.
    pub help: Option<String>,
    /// The zone of the times that the server writes.
    pub zone: TimeZone,
    /// The currency it sells in, ISO 4217.
    pub currency: Option<String>,
}

impl Site {
    /// What a customer of this site can do beside reading.
    pub(super) fn means(&self) -> Means {
        Means { mail: false, person: self.help.is_some(), address_form: false }
    }

    /// The zone's IANA name; `UTC` for a zone without one.
    fn zone_id(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

/// One look at a page.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The site that is visited.
    pub site: &'a Site,
    /// The language of the page.
    pub language: Language,
    /// Whether the address asked for that language; links back to the page then ask for it again.
    pub language_asked: bool,
    /// The page's query without its language, percent-encoded: `session_id=cs_…`. May be empty.
    pub query: &'a str,
    /// When the page is made.
    pub now: Timestamp,
    /// When the state was read. Older than `now` if [`Visit::stale`].
    pub looked_at: Timestamp,
    /// The store did not answer, and an earlier answer is shown.
    pub stale: bool,
    /// Where the page's events come from, with no language in its query; `None`: the page stays as it is.
    pub stream: Option<&'a str>,
}

impl<'a> Visit<'a> {
    pub(super) fn reading(&self) -> Reading<'a> {
        Reading {
            language: self.language,
            zone: &self.site.zone,
            now: self.now,
            currency: self.site.currency.as_deref(),
        }
    }

    /// The address of this very page.
    pub(super) fn again(&self) -> String {
        if self.language_asked { self.in_language(self.language) } else { format!("?{}", self.query) }
    }

    fn in_language(&self, language: Language) -> String {
        let joint = if self.query.is_empty() { "" } else { "&" };
        format!("?{}{joint}lang={}", self.query, language.tag())
    }

    fn stream_in_language(&self) -> Option<String> {
        let url = self.stream?;
        let joint = if url.contains('?') { '&' } else { '?' };
        Some(format!("{url}{joint}lang={}", self.language.tag()))
    }
}

/// A language in the footer.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) tag: &'static str,
    pub(super) name: &'static str,
    pub(super) href: String,
    pub(super) current: bool,
}

/// Header, footer and head of a page.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) language: Language,
    pub(super) phrases: &'static Phrases,
    pub(super) site: &'a str,
    pub(super) initial: String,
    pub(super) help: Option<&'a str>,
    pub(super) zone_id: &'a str,
    pub(super) times_for: String,
    pub(super) stream: Option<String>,
    pub(super) languages: Vec<Choice>,
    pub(super) stylesheet: &'static str,
    pub(super) script: &'static str,
}

impl<'a> Frame<'a> {
    pub(super) fn new(visit: &Visit<'a>) -> Self {
        let site = visit.site;
        let phrases = visit.language.phrases();
        let city = site.zone_id().rsplit('/').next().unwrap_or_default().replace('_', " ");
        let languages = Language::CHOICES.into_iter().map(|choice| Choice {
            tag: choice.tag(),
            name: choice.own_name(),
            href: visit.in_language(choice),
            current: choice.own_name() == visit.language.own_name(),
        });
        Self {
            language: visit.language,
            phrases,
            site: &site.name,
            initial: site.name.chars().next().map(|c| c.to_uppercase().collect()).unwrap_or_default(),
            help: site.help.as_deref(),
            zone_id: site.zone_id(),
            times_for: phrases.times_for.replace("{zone}", &city),
            stream: visit.stream_in_language(),
            languages: languages.collect(),
            stylesheet: assets::stylesheet(),
            script: assets::script(),
        }
    }
}
