//! Kit's lists: pages by opaque cursor, with no page number.
//!
//! A cursor is the place of a row in the order of its list, so it stays good when that row goes away.
//! Source: Kit developer documentation, *Pagination*; the form of the cursors from its examples.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::{Answer, Handled};

use super::account::iso;
use super::asked::Asked;
use super::refusals;
use super::switches::PageEdge;

const PER_PAGE_DEFAULT: usize = 500;
const PER_PAGE_MAX: usize = 1000;

/// The place of a row: the second it is sorted by, then its id.
type Place = (i64, u64);

/// A row with its place.
pub(super) struct Listed {
    place: Place,
    shown: Value,
}

impl Listed {
    pub(super) fn new(at: Timestamp, id: u64, shown: Value) -> Self {
        Self { place: (at.as_second(), id), shown }
    }
}

/// Which row comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    OldestFirst,
    NewestFirst,
}

/// Answers one page of a list under `key`.
///
/// `per_page` above the maximum is lowered to it. The total is counted only on request. A cursor that is
/// none is refused with `422`, which Kit does not document.
pub(super) fn page(
    asked: &Asked<'_>,
    key: &str,
    mut rows: Vec<Listed>,
    order: Order,
    edge: PageEdge,
) -> Handled {
    rows.sort_by_key(|row| row.place);
    if order == Order::NewestFirst {
        rows.reverse();
    }
    let per_page = asked.text("per_page").and_then(|text| text.parse().ok()).unwrap_or(PER_PAGE_DEFAULT);
    let per_page = per_page.clamp(1, PER_PAGE_MAX);
    let is_past = |place: Place, cursor: Place| match order {
        Order::OldestFirst => place > cursor,
        Order::NewestFirst => place < cursor,
    };
    let cursor = |name: &str| match asked.text(name) {
        None => Ok(None),
        Some(text) => decode(text).map(Some).ok_or_else(|| refusals::invalid("Cursor is invalid")),
    };
    let (after, before) = match (cursor("after"), cursor("before")) {
        (Ok(after), Ok(before)) => (after, before),
        (Err(refusal), _) | (_, Err(refusal)) => return Handled::read(refusal),
    };
    let (first, end) = match (after, before) {
        (Some(after), _) => {
            let exact = rows.iter().position(|row| is_past(row.place, after)).unwrap_or(rows.len());
            let first = at_edge(&rows, exact, after, per_page, edge);
            (first, first.saturating_add(per_page).min(rows.len()))
        }
        (None, Some(before)) => {
            let end = rows.iter().position(|row| !is_past(before, row.place)).unwrap_or(rows.len());
            (end.saturating_sub(per_page), end)
        }
        (None, None) => (0, per_page.min(rows.len())),
    };
    let shown = &rows[first..end];
    let mut pagination = json!({
        "has_previous_page": first > 0, "has_next_page": end < rows.len(),
        "start_cursor": shown.first().map(|row| encode(row.place)),
        "end_cursor": shown.last().map(|row| encode(row.place)),
        "per_page": per_page,
    });
    if asked.is_true("include_total_count") {
        pagination["total_count"] = json!(rows.len());
    }
    let shown: Vec<&Value> = shown.iter().map(|row| &row.shown).collect();
    Handled::read(Answer::json(200, &json!({ key: shown, "pagination": pagination })))
}

/// Where the page after a cursor begins if rows of the cursor's second go missing or come again.
///
/// A repeat leaves at least one new row on the page, so that a reader comes to an end.
fn at_edge(rows: &[Listed], exact: usize, cursor: Place, per_page: usize, edge: PageEdge) -> usize {
    let is_same_second = |index: usize| rows.get(index).is_some_and(|row| row.place.0 == cursor.0);
    let mut first = exact;
    match edge {
        PageEdge::Exact => {}
        PageEdge::Skip => {
            while is_same_second(first) {
                first += 1;
            }
        }
        PageEdge::Repeat => {
            while first > 0 && exact - first + 1 < per_page && is_same_second(first - 1) {
                first -= 1;
            }
        }
    }
    first
}

fn encode((second, id): Place) -> String {
    let at = Timestamp::from_second(second).map(iso).expect("the second came from a timestamp");
    STANDARD.encode(json!([at, id]).to_string())
}

fn decode(cursor: &str) -> Option<Place> {
    let bytes = STANDARD.decode(cursor).ok()?;
    let (at, id): (Timestamp, u64) = serde_json::from_slice(&bytes).ok()?;
    Some((at.as_second(), id))
}
