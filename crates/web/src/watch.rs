//! What a page shows and a stream follows: one customer through their link, or one checkout.

use crate::link::Token;
use crate::pages::{LinkGone, Region, Visit};
use crate::server::Web;
use crate::standing::{Standing, processing, regions_of};
use crate::visitor::Visitor;
use askama::Template;
use frontdesk_core::fact::CheckoutStatus;
use frontdesk_core::id::CustomerId;
use frontdesk_engine::Ports;
use frontdesk_store::{Error, LinkPurpose};
use jiff::{SignedDuration, Timestamp};

/// How long after it was begun a checkout's id opens its page (SECURITY S-45). Counted from the start of the session,
/// which a later event cannot move.
const SESSION_SHOWS: SignedDuration = SignedDuration::from_hours(24);
/// Longest id that a source gives an object. Source: Stripe docs, *Object IDs* ("up to 255 characters").
const SESSION_BYTES_MAX: usize = 255;

/// The key to a page.
#[derive(Clone)]
pub(crate) enum Watched {
    /// A status link.
    Link(Token),
    /// A checkout session's id; `None` where what was given is none.
    Checkout(Option<String>),
}

/// What a key opens now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing: the link is wrong, taken back or too old.
    Gone,
    /// A checkout of which nothing is known or may be shown.
    Unknown,
    /// A customer.
    Known(Box<Known>),
}

/// A customer whose page is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Who, to know which changes concern the page.
    pub(crate) customer: CustomerId,
    /// What the page shows.
    pub(crate) standing: Standing,
    /// When the clock alone changes that.
    pub(crate) next_change_at: Option<Timestamp>,
}

impl Look {
    /// Whether the page would show the same.
    pub(crate) fn shows_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(one), Self::Known(two)) => one.standing == two.standing,
            _ => self == other,
        }
    }
}

impl Watched {
    /// The checkout that a query names.
    pub(crate) fn checkout(session: &str) -> Self {
        let is_id = session.len() <= SESSION_BYTES_MAX
            && session.starts_with("cs_")
            && session.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        Self::Checkout(is_id.then(|| session.to_owned()))
    }

    /// Looks what the key opens, and notes that somebody looks: an invitation that is out may be read once.
    pub(crate) async fn look<P: Ports>(&self, web: &Web<P>) -> Result<Look, Error> {
        let engine = web.engine();
        let stale_after = web.invite_stale_after();
        let (view, standing) = match self {
            Self::Link(token) => {
                let link = engine.store().status_link(&token.hash(), web.ports().now_wall()).await?;
                let Some(link) = link.filter(|link| link.purpose == LinkPurpose::Status) else {
                    return Ok(Look::Gone);
                };
                let Some(view) = engine.view(&link.customer).await? else { return Ok(Look::Gone) };
                let standing = Standing::of(&view, stale_after);
                (view, standing)
            }
            Self::Checkout(None) => return Ok(Look::Unknown),
            Self::Checkout(Some(session)) => {
                let Some((view, checkout)) = engine.view_of_checkout(session).await? else {
                    return Ok(Look::Unknown);
                };
                let age = view.as_of.duration_since(checkout.created_at);
                if checkout.status != CheckoutStatus::Complete || age > SESSION_SHOWS {
                    return Ok(Look::Unknown);
                }
                let journey = checkout.subscription.or(checkout.payment).unwrap_or_else(|| session.clone());
                let standing = Standing::of_journey(&view, &journey, stale_after);
                (view, standing)
            }
        };
        // The note can be made at the next look. A store that takes no write, as on a full disk, still shows pages.
        if let Err(error) = engine.is_looked_at(&view.row.id).await {
            tracing::warn!(error = %error, "that a page was looked at could not be noted");
        }
        let next_change_at = standing.next_change_at(&view, stale_after);
        Ok(Look::Known(Box::new(Known { customer: view.row.id, standing, next_change_at })))
    }

    /// The whole page.
    pub(crate) fn page(&self, look: &Look, visit: &Visit<'_>) -> Result<String, askama::Error> {
        match (self, look) {
            (Self::Link(_), Look::Known(known)) => known.standing.status(visit).render(),
            (Self::Checkout(_), Look::Known(known)) => known.standing.welcome(visit).render(),
            (Self::Checkout(_), _) => processing(visit).render(),
            (Self::Link(_), _) => LinkGone::new(visit).render(),
        }
    }

    /// The parts of the page that a stream replaces.
    pub(crate) fn regions<P: Ports>(
        &self,
        look: &Look,
        web: &Web<P>,
        visitor: Visitor,
        query: &str,
    ) -> Vec<Region> {
        let visit = visitor.visit(web, query, Some(""));
        regions_of(match (self, look) {
            (Self::Link(_), Look::Known(known)) => known.standing.status(&visit).regions(),
            (Self::Checkout(_), Look::Known(known)) => known.standing.welcome(&visit).regions(),
            (Self::Checkout(_), _) => processing(&visit).regions(),
            (Self::Link(_), _) => Ok(Vec::new()),
        })
    }
}
