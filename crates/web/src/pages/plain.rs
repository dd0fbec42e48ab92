//! Pages without a state: a link that is gone, and trouble.

use super::{Visit, frame::Frame};
use askama::Template;

/// The neutral page for an expired, a wrong and a foreign link alike. To be answered with 404, in the
/// same time and, for one language, with the same bytes: it takes nothing but the site from the visit.
#[derive(Debug, Template)]
#[template(path = "customer/plain.html")]
pub struct LinkGone<'a> {
    frame: Frame<'a>,
    headline: &'static str,
    means: &'static str,
    request: Option<String>,
    write: Option<&'a str>,
}

impl<'a> LinkGone<'a> {
    /// The page. The visit's query and stream are ignored.
    pub fn new(visit: &Visit<'a>) -> Self {
        let visit = Visit { query: "", stream: None, ..*visit };
        let phrases = visit.language.phrases();
        let write = visit.site.help.as_deref();
        Self {
            frame: Frame::new(&visit),
            headline: phrases.link_gone,
            means: if write.is_some() { phrases.link_gone_write } else { phrases.link_gone_return },
            request: None,
            write,
        }
    }
}

/// What went wrong, as far as a customer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such page: 404.
    Missing,
    /// The page could not be made: 500 or 503.
    Failed,
}

/// The page for trouble. Says that nothing was changed, and the request's id.
#[derive(Debug, Template)]
#[template(path = "customer/plain.html")]
pub struct Failure<'a> {
    frame: Frame<'a>,
    headline: &'static str,
    means: &'static str,
    request: Option<String>,
    write: Option<&'a str>,
}

impl<'a> Failure<'a> {
    /// The page; `request` is the id under which the log knows the request.
    pub fn new(visit: &Visit<'a>, trouble: Trouble, request: Option<&str>) -> Self {
        let visit = Visit { stream: None, ..*visit };
        let phrases = visit.language.phrases();
        let (headline, means) = match trouble {
            Trouble::Missing => (phrases.missing, phrases.missing_means),
            Trouble::Failed => (phrases.failed, phrases.failed_means),
        };
        Self {
            frame: Frame::new(&visit),
            headline,
            means,
            request: request.map(|id| phrases.request.replace("{id}", id)),
            write: None,
        }
    }
}
