//! Links for customers: each opens one customer's own page, and nothing else.

use crate::sql::{Statement, statements};
use crate::value::{Row, Value};
use crate::word::words;
use crate::{Error, Store};
use frontdesk_core::id::CustomerId;
use jiff::Timestamp;

/// Links of one purpose that a customer may have at once; a new one takes back the oldest, so that a
/// link forwarded long ago does not stay open for ever. Our own rule.
pub const LIVE_MAX: u32 = 5;

words! {
    /// What a link opens.
    pub enum LinkPurpose {
        /// The customer's status page.
        Status = "status",
        /// A session that such a link began.
        Session = "session",
    }
}

/// One link. The token itself is never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLink {
    /// SHA-256 of the token, hex.
    pub token_hash: String,
    /// The one customer whom it shows.
    pub customer: CustomerId,
    /// What it opens.
    pub purpose: LinkPurpose,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

statements! {
    /// A new link.
    LINK_PUT = "INSERT INTO status_link (token_hash, customer_id, purpose, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    /// Takes back all but the newest.
    LINK_PRUNE = "UPDATE status_link SET revoked_at = ?3 WHERE customer_id = ?1 AND purpose = ?2 AND revoked_at IS NULL \
        AND token_hash NOT IN (SELECT token_hash FROM status_link WHERE customer_id = ?1 AND purpose = ?2 AND revoked_at IS NULL \
            AND expires_at > ?3 ORDER BY created_at DESC, token_hash LIMIT ?4)";
    /// Takes back every link of a customer.
    LINK_REVOKE = "UPDATE status_link SET revoked_at = ?2 WHERE customer_id = ?1 AND revoked_at IS NULL";
    /// A link that opens something at an instant.
    LINK = "SELECT token_hash, customer_id, purpose, created_at, expires_at, revoked_at FROM status_link \
        WHERE token_hash = ?1 AND revoked_at IS NULL AND expires_at > ?2";
}

/// Adds a link; see [`crate::Write::StatusLink`].
pub(crate) fn put(link: &StatusLink) -> [Statement; 2] {
    let (hash, customer) = (Value::from(link.token_hash.as_str()), || Value::from(link.customer.as_str()));
    [
        LINK_PUT
            .with([hash, customer(), link.purpose.into(), link.created_at.into(), link.expires_at.into()])
            .expecting_one(),
        LINK_PRUNE.with([customer(), link.purpose.into(), link.created_at.into(), LIVE_MAX.into()]),
    ]
}

/// Takes links back; see [`crate::Write::StatusLinksRevoke`].
pub(crate) fn revoke(customer: &CustomerId, at: Timestamp) -> Statement {
    LINK_REVOKE.with([customer.as_str().into(), at.into()])
}

fn read(row: Row) -> Result<StatusLink, Error> {
    let mut columns = row.columns();
    Ok(StatusLink {
        token_hash: columns.text()?,
        customer: CustomerId::new(columns.text()?),
        purpose: columns.word(LinkPurpose::parse)?,
        created_at: columns.time()?,
        expires_at: columns.time()?,
        revoked_at: columns.time_opt()?,
    })
}

impl Store {
    /// The link with this token hash, if it opens anything at `now`.
    pub async fn status_link(&self, token_hash: &str, now: Timestamp) -> Result<Option<StatusLink>, Error> {
        let rows = self.db.query(LINK.with([token_hash.into(), now.into()])).await?;
        rows.into_iter().next().map(read).transpose()
    }
}
