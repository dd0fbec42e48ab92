//! The answer: the tinted block that a reader of five seconds reads.

use super::{
    Situation, Visit,
    icon::{Icon, Tone},
    line::{self, Span},
};
use askama::Template;
use frontdesk_core::words::{self, Act, Line, Piece, Places};

/// A link that looks like a button.
#[derive(Debug)]
pub(super) struct Button {
    pub(super) label: &'static str,
    pub(super) href: String,
}

/// The answer block.
#[derive(Debug, Template)]
#[template(path = "customer/answer.html")]
pub(super) struct Answer {
    /// The document's title.
    pub(super) title: String,
    pub(super) tone: Tone,
    pub(super) icon: Icon,
    stage: Option<&'static str>,
    headline: Vec<Vec<Span>>,
    paragraphs: Vec<Vec<Vec<Span>>>,
    buttons: Vec<Button>,
    as_of: Vec<Span>,
    stale: bool,
    again: String,
    check_again: &'static str,
    live: bool,
}

impl Answer {
    /// The answer for a customer who bought something.
    pub(super) fn new(visit: &Visit<'_>, situation: &Situation<'_>) -> Self {
        let reading = visit.reading();
        let places = Places { community: Some(&visit.site.community), ..situation.places.clone() };
        let answer = words::answer(situation.stage, situation.variant, &places, visit.site.means(), &reading);
        let button =
            answer.button.and_then(|(act, label)| Some(Button { label, href: href(act, visit, situation)? }));
        let mut block = Self::bare(visit, answer.headline, [answer.meaning, answer.next]);
        block.stage = Some(situation.stage.as_str());
        block.tone = Tone::of(situation.stage);
        block.icon = Icon::of(situation.stage);
        block.buttons = button.into_iter().collect();
        block
    }

    /// The answer for a customer without any purchase.
    pub(super) fn nothing(visit: &Visit<'_>) -> Self {
        let phrases = visit.language.phrases();
        let line = |text: &str| Line(vec![Piece::Words(text.to_owned())]);
        Self::bare(visit, line(phrases.nothing), [vec![line(phrases.nothing_means)], Vec::new()])
    }

    fn bare(visit: &Visit<'_>, headline: Line, paragraphs: [Vec<Line>; 2]) -> Self {
        let reading = visit.reading();
        let phrases = visit.language.phrases();
        let spans = |line| line::spans(line, &reading);
        let places = Places { time: Some(visit.looked_at), ..Places::default() };
        let as_of = if visit.stale { phrases.could_not_look } else { phrases.as_of };
        let as_of = words::phrase(as_of, &places, &reading).expect("the line's one place is given");
        Self {
            title: format!("{} · {}", headline.to_string().trim_end_matches('.'), visit.site.name),
            tone: Tone::Off,
            icon: Icon::Minus,
            stage: None,
            headline: line::sentences(headline, &reading),
            paragraphs: paragraphs
                .into_iter()
                .filter(|lines| !lines.is_empty())
                .map(|lines| lines.into_iter().map(spans).collect())
                .collect(),
            buttons: Vec::new(),
            as_of: spans(as_of),
            stale: visit.stale,
            again: visit.again(),
            check_again: phrases.check_again,
            live: visit.stream.is_some(),
        }
    }
}

/// Where a button leads; `None` when that is not known, or is no address of the web.
fn href(act: Act, visit: &Visit<'_>, situation: &Situation<'_>) -> Option<String> {
    let web = |url: &str| (url.starts_with("https://") || url.starts_with("http://")).then(|| url.to_owned());
    match act {
        Act::TryPayment | Act::UpdatePayment => situation.pay_url.and_then(web),
        Act::OpenCommunity => visit.site.community_url.as_deref().and_then(web),
        Act::WriteToPerson => visit.site.help.as_deref().map(|help| format!("mailto:{help}")),
    }
}
