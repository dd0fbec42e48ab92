//! The second net under logs and messages: what looks like a credential or a person is masked.
//!
//! The first net is that such things are not logged at all: fields are allow-listed, and provider texts are wrapped in
//! our own words. This one catches what slips through a library's error text.

/// Prefixes of credentials: Stripe's keys and signing secrets, our API keys and status links.
const PREFIXES: [&str; 6] = ["sk_", "rk_", "pk_", "whsec_", "fdk_", "fds_"];

/// Shortest rest behind a prefix that is taken for a credential: `rk_live_` in a sentence is none.
const CREDENTIAL_REST_MIN: usize = 6;

/// Shortest word behind `Token` that is taken for one: "the token expired" holds none.
const TOKEN_MIN: usize = 16;

/// Masks credentials, bearer tokens, web tokens, e-mail addresses and card numbers.
pub fn scrub(text: &str) -> String {
    mask(text, true)
}

/// Masks credentials alone, for messages to the operator in which an address is what it is about.
pub fn scrub_credentials(text: &str) -> String {
    mask(text, false)
}

fn mask(text: &str, people: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(first) = rest.chars().next() {
        let starts_word = before.is_none_or(|letter: char| !is_word(letter));
        let found = if starts_word {
            credential(rest).or_else(|| people.then(|| person(rest)).flatten())
        } else {
            None
        };
        let taken = if let Some((length, shown)) = found {
            out.push_str(shown);
            length
        } else {
            out.push(first);
            first.len_utf8()
        };
        before = rest[..taken].chars().next_back();
        rest = &rest[taken..];
    }
    out
}

/// A credential at the beginning of `text`: its length in bytes and what is shown instead.
fn credential(text: &str) -> Option<(usize, &'static str)> {
    for prefix in PREFIXES {
        if let Some(rest) = text.strip_prefix(prefix) {
            let length = run(rest, |letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
            if length >= CREDENTIAL_REST_MIN {
                return Some((prefix.len() + length, "[secret]"));
            }
        }
    }
    for (word, shortest) in [("bearer ", CREDENTIAL_REST_MIN), ("token ", TOKEN_MIN), ("basic ", TOKEN_MIN)] {
        let Some(head) = text.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word)) else {
            continue;
        };
        let length = run(&text[head.len()..], |letter| !letter.is_whitespace() && !"\"'`,".contains(letter));
        if length >= shortest {
            return Some((head.len() + length, "[secret]"));
        }
    }
    let length = run(text, |letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter));
    (text.starts_with("eyJ") && text[..length].matches('.').count() == 2).then_some((length, "[secret]"))
}

/// An e-mail address or a card number at the beginning of `text`.
fn person(text: &str) -> Option<(usize, &'static str)> {
    let local = run(text, |letter| letter.is_alphanumeric() || ".+-_%'~!#$&*=?^{|}/".contains(letter));
    if local > 0 && text[local..].starts_with('@') {
        let domain = &text[local + 1..];
        let length = run(domain, |letter| letter.is_alphanumeric() || ".-".contains(letter));
        if domain[..length].trim_end_matches('.').contains('.') {
            return Some((local + 1 + domain[..length].trim_end_matches('.').len(), "[e-mail]"));
        }
    }
    let length = run(text, |letter| letter.is_ascii_digit() || " -".contains(letter));
    let number = text[..length].trim_end_matches([' ', '-']);
    is_card(number).then_some((number.len(), "[card]"))
}

/// 13 to 19 digits, grouped or not, that satisfy the Luhn check (ISO/IEC 7812-1, annex B).
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|letter| letter.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(n, digit)| if n % 2 == 0 { *digit } else { digit * 2 / 10 + digit * 2 % 10 })
        .sum();
    (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

/// Length in bytes of the letters at the beginning that `keep` accepts.
fn run(text: &str, keep: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !keep(letter)).unwrap_or(text.len())
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || "_.+-%".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_or_a_person_is_masked() {
        let rows = [
            ("key rk_live_51Habc refused", "key [secret] refused"),
            ("sk_test_51Habcdef", "[secret]"),
            ("key=whsec_abcdef123", "key=[secret]"),
            ("link /status/fds_01jdabcdef?x", "link /status/[secret]?x"),
            ("Authorization: Bearer abc.def-123", "Authorization: [secret]"),
            ("authorization: bearer abcdefgh", "authorization: [secret]"),
            ("Token 0123456789abcdefg", "[secret]"),
            ("jwt eyJhbGciOi.eyJzdWIi.c2ln end", "jwt [secret] end"),
            ("to ada+news@northwind.example, please", "to [e-mail], please"),
            ("<jürgen@bücher.example>", "<[e-mail]>"),
            ("card 4242 4242 4242 4242 declined", "card [card] declined"),
            ("card 4242424242424242", "card [card]"),
        ];
        for (text, masked) in rows {
            assert_eq!(scrub(text), masked, "{text}");
        }
    }

    #[test]
    fn ordinary_words_stay() {
        for text in [
            "",
            "task_force and risk_level_high",
            "those start with `rk_live_`",
            "the token expired yesterday",
            "@ada wrote",
            "user@localhost",
            "4242 4242 4242 4241",
            "fdc_7f3k2m9q fde_01jd",
            "customer cus_ABCDEFGH",
        ] {
            assert_eq!(scrub(text), text);
        }
    }

    #[test]
    fn an_address_stays_where_only_credentials_are_masked() {
        assert_eq!(
            scrub_credentials("ada@northwind.example rk_live_51Habc"),
            "ada@northwind.example [secret]"
        );
    }
}
