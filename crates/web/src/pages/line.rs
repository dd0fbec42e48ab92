//! A sentence as markup: instants in `<time>`, other people's words in `<bdi>`.

use frontdesk_core::words::{Form, Line, Piece, Reading};
use jiff::Timestamp;

/// A part of a sentence.
#[derive(Debug)]
pub(super) enum Span {
    Words(String),
    Quoted(String),
    Time(Time),
}

/// An instant as the script finds it again: machine form, form of writing, full and short text.
#[derive(Debug)]
pub(super) struct Time {
    pub(super) datetime: String,
    pub(super) form: &'static str,
    pub(super) full: String,
    pub(super) text: String,
    /// Still to come; such an instant is what the reader is looking for, so it stands out.
    pub(super) ahead: bool,
}

impl Time {
    pub(super) fn new(at: Timestamp, form: Form, reading: &Reading<'_>) -> Self {
        Self {
            datetime: at.to_string(),
            form: form.as_str(),
            full: reading.instant(at, Form::Full),
            text: reading.instant(at, form),
            ahead: at > reading.now,
        }
    }
}

/// The sentence in parts.
pub(super) fn spans(line: Line, reading: &Reading<'_>) -> Vec<Span> {
    let span = |piece| match piece {
        Piece::Words(text) => Span::Words(text),
        Piece::Quoted(text) => Span::Quoted(text),
        Piece::Instant { at, form, .. } => Span::Time(Time::new(at, form, reading)),
    };
    line.0.into_iter().map(span).collect()
}

/// The sentences of a headline, each of which stays on one line where there is room for it.
///
/// One with places is left whole: the place may hold any text.
pub(super) fn sentences(line: Line, reading: &Reading<'_>) -> Vec<Vec<Span>> {
    match line.0.as_slice() {
        [Piece::Words(text)] => {
            text.split_inclusive(". ").map(|text| vec![Span::Words(text.trim_end().to_owned())]).collect()
        }
        _ => vec![spans(line, reading)],
    }
}
