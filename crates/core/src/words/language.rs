//! The languages that customers are answered in, and which one a visitor gets.

use super::{
    english, french, german,
    lexicon::{Lexicon, Phrases},
    portuguese, spanish,
};
use serde::{Deserialize, Serialize};

/// A language of the customer pages. `En` and `EnUs` share their words and differ in their formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    /// English, day first, 24 hours.
    #[default]
    #[serde(rename = "en")]
    En,
    /// English of the United States: month first, AM and PM.
    #[serde(rename = "en-US")]
    EnUs,
    /// Spanish.
    #[serde(rename = "es")]
    Es,
    /// German.
    #[serde(rename = "de")]
    De,
    /// French.
    #[serde(rename = "fr")]
    Fr,
    /// Portuguese of Brazil.
    #[serde(rename = "pt-BR")]
    PtBr,
}

/// How many ranges of an `Accept-Language` header are read; browsers send fewer than ten.
const RANGES_MAX: usize = 16;

impl Language {
    /// All languages, in the order of the tables.
    pub const ALL: [Self; 6] = [Self::En, Self::EnUs, Self::Es, Self::De, Self::Fr, Self::PtBr];

    /// The languages a visitor can choose between; American English comes by negotiation alone.
    pub const CHOICES: [Self; 5] = [Self::En, Self::Es, Self::De, Self::Fr, Self::PtBr];

    /// The BCP 47 tag, as in `lang=""` and in `?lang=`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::EnUs => "en-US",
            Self::Es => "es",
            Self::De => "de",
            Self::Fr => "fr",
            Self::PtBr => "pt-BR",
        }
    }

    /// The language's own name for itself.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::En | Self::EnUs => "English",
            Self::Es => "Español",
            Self::De => "Deutsch",
            Self::Fr => "Français",
            Self::PtBr => "Português",
        }
    }

    /// The language of a tag, by its primary part; `None` for one that is not spoken here.
    ///
    /// ```
    /// use frontdesk_core::words::Language;
    /// assert_eq!(Language::parse("de-AT"), Some(Language::De));
    /// assert_eq!(Language::parse("EN_us"), Some(Language::EnUs));
    /// assert_eq!(Language::parse("ja"), None);
    /// ```
    pub fn parse(tag: &str) -> Option<Self> {
        let mut parts = tag.trim().split(['-', '_']);
        let primary = parts.next()?.to_ascii_lowercase();
        match primary.as_str() {
            "en" if parts.any(|part| part.eq_ignore_ascii_case("us")) => Some(Self::EnUs),
            "en" => Some(Self::En),
            "es" => Some(Self::Es),
            "de" => Some(Self::De),
            "fr" => Some(Self::Fr),
            "pt" => Some(Self::PtBr),
            _ => None,
        }
    }

    /// The language of a page: what its address asks for, else the best that the browser accepts,
    /// else the site's.
    ///
    /// `asked` is the value of `?lang=`, `accepted` that of `Accept-Language` (RFC 9110 §12.5.4). A
    /// range with `q=0` or with an unreadable quality is passed over, as is `*`: it names no language.
    pub fn choose(asked: Option<&str>, accepted: Option<&str>, site: Self) -> Self {
        if let Some(language) = asked.and_then(Self::parse) {
            return language;
        }
        let mut best: Option<(u16, Self)> = None;
        for range in accepted.unwrap_or_default().split(',').take(RANGES_MAX) {
            let mut parts = range.split(';');
            let language = parts.next().and_then(Self::parse);
            let weight =
                parts.map(str::trim).find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            let quality = weight.map_or(Some(1000), thousandths).unwrap_or(0);
            if let Some(language) = language
                && quality > best.map_or(0, |(quality, _)| quality)
            {
                best = Some((quality, language));
            }
        }
        best.map_or(site, |(_, language)| language)
    }

    /// The sentences of the customer pages that belong to no stage.
    pub fn phrases(self) -> &'static Phrases {
        &self.lexicon().page
    }

    pub(super) fn lexicon(self) -> &'static Lexicon {
        match self {
            Self::En | Self::EnUs => &english::WORDS,
            Self::Es => &spanish::WORDS,
            Self::De => &german::WORDS,
            Self::Fr => &french::WORDS,
            Self::PtBr => &portuguese::WORDS,
        }
    }
}

/// A quality between `0` and `1` with at most three decimals, in thousandths.
fn thousandths(quality: &str) -> Option<u16> {
    let (whole, part) = quality.trim().split_once('.').unwrap_or((quality.trim(), ""));
    if part.len() > 3 || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{self, De, En, EnUs, Es, Fr, PtBr};

    #[test]
    fn the_address_wins_then_the_browser_then_the_site() {
        let cases: &[(Option<&str>, Option<&str>, Language)] = &[
            (Some("de"), Some("fr"), De),
            (Some("xx"), Some("fr"), Fr),
            (None, Some("en-US,en;q=0.9"), EnUs),
            (None, Some("en-GB,en-US;q=0.9"), En),
            (None, Some("ja,pt-PT;q=0.8,es;q=0.9"), Es),
            (None, Some("pt"), PtBr),
            (None, Some("es;q=0,de;q=0.001"), De),
            (None, Some("es;q=2,fr;q=0.5"), Fr),
            (None, Some("es;q=0.1234,fr;q=-1"), En),
            (None, Some("fr ; q=0.3 , de ; q=0.30"), Fr),
            (None, Some("*"), En),
            (None, Some(",,;;q"), En),
            (None, None, En),
        ];
        for &(asked, accepted, expect) in cases {
            assert_eq!(Language::choose(asked, accepted, En), expect, "{asked:?} {accepted:?}");
        }
        assert_eq!(Language::choose(None, Some("ja"), De), De);
    }

    #[test]
    fn every_tag_reads_back() {
        for language in Language::ALL {
            assert_eq!(Language::parse(language.tag()), Some(language));
        }
    }
}
