//! Placeholder page, replaced with this crate's first content.
