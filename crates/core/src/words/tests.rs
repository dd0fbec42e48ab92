//! Every stage, variant and language, with all places and with none.

use super::*;
use jiff::tz::TimeZone;
use std::fmt::Write as _;

static UTC: TimeZone = TimeZone::UTC;

const ALL_MEANS: [Means; 3] = [
    Means { mail: false, person: false, address_form: false },
    Means { mail: false, person: true, address_form: false },
    Means { mail: true, person: true, address_form: true },
];

fn reading(language: Language) -> Reading<'static> {
    Reading { language, zone: &UTC, now: at("2026-11-24T08:41:12Z"), currency: Some("usd") }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn full() -> Places<'static> {
    Places {
        community: Some("Northwind Makers"),
        plan: Some("Pro"),
        amount: Some(Money { minor: 4900, currency: "usd".to_owned() }),
        date: Some(at("2026-11-27T08:37:00Z")),
        time: Some(at("2026-11-24T08:37:04Z")),
        next: Some(at("2026-11-24T08:52:00Z")),
        address: Some("a•••@e•••.org".to_owned()),
        case: Some("FD-2043".to_owned()),
        subject: Some("Join Northwind Makers"),
        reason: Some(Reason::Expired),
    }
}

fn lines(answer: &Answer) -> Vec<String> {
    [&answer.headline].into_iter().chain(&answer.meaning).chain(&answer.next).map(Line::to_string).collect()
}

fn situations() -> impl Iterator<Item = (Stage, Variant)> {
    Stage::ALL.into_iter().flat_map(|stage| Variant::of(stage).iter().map(move |&variant| (stage, variant)))
}

#[test]
fn every_answer_is_whole_with_all_places_and_with_none() {
    for language in Language::ALL {
        let reading = reading(language);
        for (stage, variant) in situations() {
            // The community's name is configured, so it is there even when nothing else is.
            let none = Places { community: Some("Northwind Makers"), ..Places::default() };
            for places in [full(), full().for_weak_key(), none] {
                for means in ALL_MEANS {
                    let answer = answer(stage, variant, &places, means, &reading);
                    for line in lines(&answer) {
                        let what = format!("{language:?} {stage} {variant:?}: {line:?}");
                        assert!(line.ends_with(['.', '?']), "{what}");
                        assert!(!line.contains(['{', '}', '!']), "{what}");
                        assert!(!line.contains("  "), "{what}");
                        assert!(line.chars().next().is_some_and(|c| !c.is_whitespace()), "{what}");
                    }
                    assert!(!answer.meaning.is_empty() || !answer.next.is_empty(), "{language:?} {stage}");
                }
            }
            let name = name(stage, None, &reading).to_string();
            assert!(!name.is_empty() && !name.contains('{'), "{language:?} {stage}: {name:?}");
        }
    }
}

#[test]
fn a_weak_key_sees_no_amount_plan_reason_or_case() {
    for language in Language::ALL {
        for (stage, variant) in situations() {
            let answer = answer(stage, variant, &full().for_weak_key(), ALL_MEANS[2], &reading(language));
            let text = lines(&answer).join(" ");
            for secret in ["49", "Pro ", "FD-2043", (language.lexicon().reason)(Reason::Expired)] {
                assert!(!text.contains(secret), "{language:?} {stage} {variant:?} says {secret:?}: {text}");
            }
        }
    }
}

#[test]
fn every_phrase_is_whole() {
    for language in Language::ALL {
        let phrases = language.phrases();
        let reading = reading(language);
        for text in
            [phrases.paid_until, phrases.as_of, phrases.paused, phrases.could_not_look, phrases.goes_to]
        {
            let line = phrase(text, &full(), &reading).unwrap_or_else(|| panic!("{language:?}: {text}"));
            assert!(!line.to_string().contains('{'), "{line}");
            assert_eq!(phrase(text, &Places::default(), &reading), None, "{language:?}: {text}");
        }
        assert!(phrases.checked.contains("{age}") && phrases.times_for.contains("{zone}"), "{language:?}");
        assert!(phrases.typo_meant.contains("{domain}") && phrases.request.contains("{id}"), "{language:?}");
    }
}

#[test]
fn french_punctuation_never_starts_a_line() {
    for (stage, variant) in situations() {
        for line in lines(&answer(stage, variant, &full(), ALL_MEANS[2], &reading(Language::Fr))) {
            assert!(![" ;", " ?", " :", "« ", " »"].iter().any(|pair| line.contains(pair)), "{line:?}");
        }
    }
}

#[test]
fn an_unknown_code_of_a_bank_is_a_plain_refusal() {
    let cases = [
        ("expired_card", Reason::Expired),
        ("insufficient_funds", Reason::Funds),
        ("authentication_required", Reason::Confirm),
        ("incorrect_cvc", Reason::Details),
        ("stolen_card", Reason::Declined),
        ("a_code_of_next_year", Reason::Declined),
    ];
    for (code, reason) in cases {
        assert_eq!(Reason::of_code(code), reason, "{code}");
    }
}

/// What this version can say: no mail, a help address. One snapshot per language, to be read by
/// somebody who speaks it.
#[test]
fn the_words_of_each_language() {
    for language in Language::ALL {
        let reading = reading(language);
        let mut text = String::new();
        for (stage, variant) in situations() {
            let answer = answer(stage, variant, &full(), ALL_MEANS[1], &reading);
            let name = name(stage, full().date, &reading);
            writeln!(text, "{stage} {variant:?} [{name}]").unwrap();
            for line in lines(&answer) {
                writeln!(text, "  {line}").unwrap();
            }
            if let Some((_, label)) = answer.button {
                writeln!(text, "  [{label}]").unwrap();
            }
        }
        for reason in Reason::ALL {
            writeln!(text, "{reason:?}: {}", (language.lexicon().reason)(reason)).unwrap();
        }
        writeln!(text, "{:#?}", language.phrases()).unwrap();
        insta::assert_snapshot!(format!("words_{}", language.tag()), text);
    }
}
