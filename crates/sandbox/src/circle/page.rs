//! Circle's pages: numbered, with a `page_count` that is not a number of pages.

use serde_json::{Value, json};

use crate::call::{Answer, Handled};

use super::parameters::Parameters;

/// Rows on a page if none are asked for: members, tags, taggings.
pub(super) const PER_PAGE_PEOPLE: u64 = 10;
/// Rows on a page if none are asked for: access groups, spaces and who is in them.
pub(super) const PER_PAGE_PLACES: u64 = 60;

/// Answers one page of `rows`.
///
/// `page_count` is the number of rows on this page, as a live capture showed; only `has_next_page` tells
/// whether there is more. A `per_page` above the maximum is lowered to it. Source: Circle Admin API v2
/// OpenAPI document (its examples) and public integration code.
pub(super) fn page<T>(
    asked: &Parameters<'_>,
    per_page_default: u64,
    per_page_max: u64,
    rows: &[T],
    render: impl Fn(&T) -> Value,
) -> Handled {
    let number = asked.integer("page").unwrap_or(1).max(1);
    let per_page =
        asked.integer("per_page").filter(|rows| *rows > 0).unwrap_or(per_page_default).min(per_page_max);
    let first = usize::try_from((number - 1).saturating_mul(per_page)).unwrap_or(usize::MAX).min(rows.len());
    let end = first.saturating_add(usize::try_from(per_page).unwrap_or(usize::MAX)).min(rows.len());
    let records: Vec<Value> = rows[first..end].iter().map(render).collect();
    Handled::read(Answer::json(
        200,
        &json!({
            "page": number, "per_page": per_page, "has_next_page": end < rows.len(),
            "count": rows.len(), "page_count": records.len(), "records": records,
        }),
    ))
}
