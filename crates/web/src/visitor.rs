//! How a visitor reads: the language that was asked for, or that the browser takes.

use crate::pages::Visit;
use crate::server::Web;
use frontdesk_core::words::Language;
use frontdesk_engine::Ports;
use http::{HeaderMap, header};

/// The reader of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visitor {
    /// The language of the page.
    pub(crate) language: Language,
    /// Whether the address asked for it.
    pub(crate) has_asked: bool,
}

impl Visitor {
    /// The reader of an address with this query.
    pub(crate) fn of<P: Ports>(web: &Web<P>, query: Option<&str>, headers: &HeaderMap) -> Self {
        let asked = query.unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("lang="));
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|accepted| accepted.to_str().ok());
        Self {
            language: Language::choose(asked, accepted, web.language()),
            has_asked: asked.and_then(Language::parse).is_some(),
        }
    }

    /// A look at a page of the site by this reader, now.
    pub(crate) fn visit<'a, P: Ports>(
        self,
        web: &'a Web<P>,
        query: &'a str,
        stream: Option<&'a str>,
    ) -> Visit<'a> {
        let now = web.ports().now_wall();
        Visit {
            site: web.site(),
            language: self.language,
            language_asked: self.has_asked,
            query,
            now,
            looked_at: now,
            stale: false,
            stream,
        }
    }
}
