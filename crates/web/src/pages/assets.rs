//! The two files that customer pages load. Their addresses hold a hash of their content, so they may
//! be kept for ever.

use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    /// Its path on this site: `/assets/customer-0123456789ab.css`.
    pub path: String,
    /// Its `Content-Type`.
    pub media_type: &'static str,
    /// Its content.
    pub body: &'static [u8],
}

static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("css", "text/css; charset=utf-8", include_bytes!("../../assets/customer.css"))
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("js", "text/javascript; charset=utf-8", include_bytes!("../../assets/customer.js"))
});

impl Asset {
    fn new(extension: &str, media_type: &'static str, body: &'static [u8]) -> Self {
        let hash = hex::encode(&Sha256::digest(body)[..6]);
        Self { path: format!("/assets/customer-{hash}.{extension}"), media_type, body }
    }
}

/// The file at `path`, which may be answered as immutable; `None` for any other path, also for that of
/// an earlier version.
pub fn asset(path: &str) -> Option<&'static Asset> {
    [&STYLESHEET, &SCRIPT].into_iter().map(|asset| &**asset).find(|asset| asset.path == path)
}

pub(super) fn stylesheet() -> &'static str {
    &STYLESHEET.path
}

pub(super) fn script() -> &'static str {
    &SCRIPT.path
}
