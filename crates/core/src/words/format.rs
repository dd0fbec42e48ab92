//! Dates, times and money as each language writes them.
//!
//! Six languages are few enough for a table; the orders, signs and separators are those of CLDR 48.

use super::Language;
use crate::fact::Money;
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// Joins a number to its unit; a line never breaks there.
const NO_BREAK: char = '\u{a0}';
/// Groups digits in French.
const NARROW_NO_BREAK: char = '\u{202f}';

/// Where and when a text is read: the rest of what a format depends on.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The reader's language.
    pub language: Language,
    /// The zone whose clock is shown: the site's.
    pub zone: &'a TimeZone,
    /// The instant of reading.
    pub now: Timestamp,
    /// The currency that the site sells in, ISO 4217; another dollar is then told apart from it.
    pub currency: Option<&'a str>,
}

/// How an instant is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `08:37` today, `24 Nov, 08:37` this year, else with the year.
    Moment,
    /// `24 November 2026`.
    Date,
    /// A [`Form::Date`] that gains its weekday, and loses its year, within the coming week.
    Deadline,
    /// `24 Nov`, with the year when it is another one.
    Day,
    /// `24 November 2026, 08:37`: all there is to say.
    Full,
}

impl Form {
    /// The form as one word, as in `data-form`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Moment => "moment",
            Self::Date => "date",
            Self::Deadline => "deadline",
            Self::Day => "day",
            Self::Full => "full",
        }
    }
}

impl Reading<'_> {
    /// An instant in words, on the clock and calendar of [`Reading::zone`].
    pub fn instant(&self, at: Timestamp, form: Form) -> String {
        let (at, now) = (self.zone.to_datetime(at), self.zone.to_datetime(self.now));
        match form {
            Form::Moment if at.date() == now.date() => self.clock(at),
            Form::Moment => format!("{}, {}", self.day(at.date(), now.date()), self.clock(at)),
            Form::Date => self.date(at.date()),
            Form::Deadline => self.deadline(at.date(), now.date()),
            Form::Day => self.day(at.date(), now.date()),
            Form::Full => format!("{}, {}", self.date(at.date()), self.clock(at)),
        }
    }

    fn clock(&self, at: DateTime) -> String {
        let (hour, minute) = (at.hour(), at.minute());
        match self.language {
            Language::EnUs => {
                let half = if hour < 12 { "AM" } else { "PM" };
                let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
                format!("{hour}:{minute:02}{NO_BREAK}{half}")
            }
            Language::De => format!("{hour:02}:{minute:02}{NO_BREAK}Uhr"),
            Language::En | Language::Es | Language::Fr | Language::PtBr => format!("{hour:02}:{minute:02}"),
        }
    }

    fn date(&self, date: Date) -> String {
        let year = date.year();
        match self.language {
            Language::EnUs => format!("{}, {year}", self.day_and_month(date)),
            Language::Es | Language::PtBr => format!("{} de {year}", self.day_and_month(date)),
            Language::En | Language::De | Language::Fr => format!("{} {year}", self.day_and_month(date)),
        }
    }

    /// Day and month in full: `24 November`.
    fn day_and_month(&self, date: Date) -> String {
        let (day, month) = (date.day(), self.language.lexicon().calendar.months[month_index(date)]);
        match self.language {
            Language::EnUs => format!("{month} {day}"),
            Language::Es | Language::PtBr => format!("{day} de {month}"),
            Language::De => format!("{day}. {month}"),
            Language::Fr if day == 1 => format!("1er {month}"),
            Language::En | Language::Fr => format!("{day} {month}"),
        }
    }

    /// Day and month, abbreviated, and the year unless it is this one.
    fn day(&self, date: Date, today: Date) -> String {
        let (day, month) = (date.day(), self.language.lexicon().calendar.months_short[month_index(date)]);
        let year = (date.year() != today.year()).then(|| date.year());
        let text = match self.language {
            Language::EnUs => format!("{month} {day}"),
            Language::De => format!("{day}. {month}"),
            Language::Fr if day == 1 => format!("1er {month}"),
            Language::En | Language::Es | Language::Fr => format!("{day} {month}"),
            Language::PtBr => format!("{day} de {month}"),
        };
        match (year, self.language) {
            (None, _) => text,
            (Some(year), Language::EnUs) => format!("{text}, {year}"),
            (Some(year), Language::PtBr) => format!("{text} de {year}"),
            (Some(year), _) => format!("{text} {year}"),
        }
    }

    /// Within a week a weekday says more than a year. In Portuguese it stands behind the date:
    /// before it, it would need another preposition than the date does.
    fn deadline(&self, date: Date, today: Date) -> String {
        let days = (date - today).get_days();
        if !(0..7).contains(&days) {
            return self.date(date);
        }
        let weekday = self.language.lexicon().calendar.weekdays[weekday_index(date)];
        let day = self.day_and_month(date);
        match self.language {
            Language::En | Language::Es | Language::Fr => format!("{weekday} {day}"),
            Language::EnUs | Language::De => format!("{weekday}, {day}"),
            Language::PtBr => format!("{day} ({weekday})"),
        }
    }

    /// An amount with its currency, exact to the minor unit.
    pub fn money(&self, money: &Money) -> String {
        let code = money.currency.to_ascii_uppercase();
        let number = self.number(money.minor.unsigned_abs(), minor_digits(&code));
        let sign = if money.minor < 0 { "-" } else { "" };
        let home_is_other_dollar = self
            .currency
            .is_some_and(|home| home.len() == 3 && !home.eq_ignore_ascii_case(&code) && is_dollar(home));
        match (self.language, symbol(self.language, &code)) {
            (Language::En, _) if code == "USD" && home_is_other_dollar => format!("{sign}US${number}"),
            (Language::En | Language::EnUs, Some(symbol)) => format!("{sign}{symbol}{number}"),
            (Language::En | Language::EnUs, None) => format!("{sign}{code}{NO_BREAK}{number}"),
            (Language::PtBr, symbol) => format!("{sign}{}{NO_BREAK}{number}", symbol.unwrap_or(&code)),
            (Language::Es | Language::De | Language::Fr, symbol) => {
                format!("{sign}{number}{NO_BREAK}{}", symbol.unwrap_or(&code))
            }
        }
    }

    fn number(&self, minor: u64, digits: usize) -> String {
        let text = format!("{minor:0width$}", width = digits + 1);
        let (whole, part) = text.split_at(text.len() - digits);
        let (group, point) = match self.language {
            Language::En | Language::EnUs => (",", '.'),
            // Spanish groups from five digits on.
            Language::Es if whole.len() < 5 => ("", ','),
            Language::Es | Language::De | Language::PtBr => (".", ','),
            Language::Fr => ("\u{202f}", ','),
        };
        let mut grouped = String::with_capacity(text.len() + 8);
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                grouped.push_str(group);
            }
            grouped.push(digit);
        }
        if digits > 0 {
            grouped.push(point);
            grouped.push_str(part);
        }
        grouped
    }

    /// Text in which a line does not break before French punctuation. Other languages have none
    /// that stands apart.
    pub(super) fn bound(&self, text: &str) -> String {
        if self.language != Language::Fr {
            return text.to_owned();
        }
        let narrow = |sign: &str| format!("{NARROW_NO_BREAK}{sign}");
        text.replace(" ;", &narrow(";"))
            .replace(" ?", &narrow("?"))
            .replace(" :", &format!("{NO_BREAK}:"))
            .replace("« ", &format!("«{NO_BREAK}"))
            .replace(" »", &format!("{NO_BREAK}»"))
    }
}

fn month_index(date: Date) -> usize {
    usize::try_from(date.month() - 1).expect("a month lies between 1 and 12")
}

fn weekday_index(date: Date) -> usize {
    usize::try_from(date.weekday().to_monday_zero_offset()).expect("a weekday lies between 0 and 6")
}

fn is_dollar(code: &str) -> bool {
    ["AUD", "CAD", "HKD", "NZD", "SGD", "USD"].iter().any(|dollar| dollar.eq_ignore_ascii_case(code))
}

/// Minor digits of ISO 4217 as the card networks count them.
///
/// Source: Stripe, "Supported currencies", sections "Zero-decimal currencies" and "Three-decimal
/// currencies": an amount is a multiple of the currency's smallest unit.
fn minor_digits(code: &str) -> usize {
    match code {
        "BIF" | "CLP" | "DJF" | "GNF" | "JPY" | "KMF" | "KRW" | "MGA" | "PYG" | "RWF" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// The sign of a currency in a language; `None` where CLDR writes the code.
fn symbol(language: Language, code: &str) -> Option<&'static str> {
    use Language::{De, En, EnUs, Es, Fr, PtBr};
    Some(match (code, language) {
        ("EUR", _) => "€",
        ("USD", En | EnUs | De) => "$",
        ("USD", Es | PtBr) => "US$",
        ("USD", Fr) => "$US",
        ("GBP", En | EnUs | De | PtBr) => "£",
        ("GBP", Fr) => "£GB",
        ("BRL", En | EnUs | De | Fr | PtBr) => "R$",
        ("CAD", En | EnUs | De | PtBr) => "CA$",
        ("CAD", Fr) => "$CA",
        ("AUD", En | EnUs) => "A$",
        ("AUD", De | PtBr) => "AU$",
        ("AUD", Fr) => "$AU",
        ("JPY", EnUs | De) => "¥",
        ("JPY", En | PtBr) => "JP¥",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    static UTC: TimeZone = TimeZone::UTC;

    fn reading(language: Language, zone: &TimeZone) -> Reading<'_> {
        Reading { language, zone, now: "2026-11-24T08:41:12Z".parse().unwrap(), currency: None }
    }

    /// The rows of the table of formats: date, short form, dollars, euros.
    #[test]
    fn each_language_has_its_formats() {
        let cases = [
            (Language::En, "24 November 2026", "24 Oct, 08:37", "$49.00", "€1,284.00"),
            (Language::EnUs, "November 24, 2026", "Oct 24, 8:37\u{a0}AM", "$49.00", "€1,284.00"),
            (Language::Es, "24 de noviembre de 2026", "24 oct, 08:37", "49,00\u{a0}US$", "1284,00\u{a0}€"),
            (
                Language::De,
                "24. November 2026",
                "24. Okt., 08:37\u{a0}Uhr",
                "49,00\u{a0}$",
                "1.284,00\u{a0}€",
            ),
            (Language::Fr, "24 novembre 2026", "24 oct., 08:37", "49,00\u{a0}$US", "1\u{202f}284,00\u{a0}€"),
            (
                Language::PtBr,
                "24 de novembro de 2026",
                "24 de out., 08:37",
                "US$\u{a0}49,00",
                "€\u{a0}1.284,00",
            ),
        ];
        for (language, date, short, dollars, euros) in cases {
            let reading = reading(language, &UTC);
            assert_eq!(
                reading.instant("2026-11-24T08:37:00Z".parse().unwrap(), Form::Date),
                date,
                "{language:?}"
            );
            assert_eq!(
                reading.instant("2026-10-24T08:37:00Z".parse().unwrap(), Form::Moment),
                short,
                "{language:?}"
            );
            let money =
                |minor, currency: &str| reading.money(&Money { minor, currency: currency.to_owned() });
            assert_eq!(money(4900, "usd"), dollars, "{language:?}");
            assert_eq!(money(128_400, "eur"), euros, "{language:?}");
        }
    }

    #[test]
    fn a_deadline_within_a_week_has_its_weekday_and_a_later_one_its_year() {
        let cases = [
            (Language::En, "Friday 27 November", "1 December 2026"),
            (Language::EnUs, "Friday, November 27", "December 1, 2026"),
            (Language::Es, "viernes 27 de noviembre", "1 de diciembre de 2026"),
            (Language::De, "Freitag, 27. November", "1. Dezember 2026"),
            (Language::Fr, "vendredi 27 novembre", "1er décembre 2026"),
            (Language::PtBr, "27 de novembro (sexta-feira)", "1 de dezembro de 2026"),
        ];
        for (language, near, far) in cases {
            let reading = reading(language, &UTC);
            assert_eq!(reading.instant("2026-11-27T08:00:00Z".parse().unwrap(), Form::Deadline), near);
            assert_eq!(reading.instant("2026-12-01T08:00:00Z".parse().unwrap(), Form::Deadline), far);
        }
    }

    #[test]
    fn a_moment_is_a_time_today_and_a_date_with_its_year_in_another_year() {
        let west = TimeZone::fixed(jiff::tz::offset(-9));
        let reading = reading(Language::En, &west);
        assert_eq!(reading.instant("2026-11-24T08:37:00Z".parse().unwrap(), Form::Moment), "23:37");
        assert_eq!(reading.instant("2026-11-24T09:00:00Z".parse().unwrap(), Form::Moment), "24 Nov, 00:00");
        assert_eq!(
            reading.instant("2025-11-24T12:00:00Z".parse().unwrap(), Form::Moment),
            "24 Nov 2025, 03:00"
        );
    }

    #[test]
    fn minor_units_follow_the_currency() {
        let reading = reading(Language::En, &UTC);
        let money = |minor, currency: &str| reading.money(&Money { minor, currency: currency.to_owned() });
        assert_eq!(money(1284, "jpy"), "JP¥1,284");
        assert_eq!(money(5, "usd"), "$0.05");
        assert_eq!(money(-123_456_789, "usd"), "-$1,234,567.89");
        assert_eq!(money(4500, "kwd"), "KWD\u{a0}4.500");
        let canadian = Reading { currency: Some("cad"), ..reading };
        assert_eq!(canadian.money(&Money { minor: 4900, currency: "usd".to_owned() }), "US$49.00");
    }
}
