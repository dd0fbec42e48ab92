//! The `frontdesk.toml` that `init` writes: commented, and in shadow mode.

use super::answers::{Answers, is_usual};
use super::catalogue::{Choice, Proposal};
use super::secrets::{CIRCLE_TOKEN, KIT_KEY, SIGNING_SECRET, STRIPE_KEY};
use super::survey::Survey;
use crate::config::BaseUrl;
use frontdesk_core::target::Item;
use std::fmt::Write as _;

/// The port on which Frontdesk listens where the file says nothing.
const LISTENS: u16 = 8080;

/// A TOML text.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Text of others in a comment: on one line, whatever it holds, since a name with a line break in it would write keys.
fn remark(text: &str) -> String {
    let is_end = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    text.replace(is_end, " ")
}

/// The whole file.
pub(super) fn configuration(answers: &Answers, survey: &Survey, proposal: &Proposal) -> String {
    let mut text = String::from(
        "# Written by `frontdesk init`. Every key, its default and its meaning: docs/configuration.md.\n\
         # Lengths of time are a number and a unit: \"15m\", \"12h\", \"7d\". Secrets are in files beside this one.\n",
    );
    let site = &answers.site;
    let _ = write!(text, "\n[site]\nname = {}\nurl = {}\n", quoted(&site.name), quoted(site.url.as_str()));
    optional(
        &mut text,
        "community_url",
        site.community_url.as_deref(),
        "https://community.northwind.example",
        "where members sign in",
    );
    optional(
        &mut text,
        "help_email",
        site.help_email.as_deref(),
        "help@northwind.example",
        "where people can write to",
    );
    match site.url.loopback_port() {
        Some(port) if port != LISTENS => {
            let _ = writeln!(text, "listen = {}", quoted(&format!("127.0.0.1:{port}")));
        }
        _ => {
            let _ = writeln!(text, "# listen = \"127.0.0.1:{LISTENS}\"");
        }
    }
    text.push_str("# zone = \"UTC\"\n");
    text.push_str(
        "\n[store]\nurl = \"sqlite:frontdesk.db\"        # or postgres://… as \"${DATABASE_URL}\"\n",
    );
    let _ = write!(
        text,
        "\n[sources.stripe]\nsigning_secrets_file = [{}]   # several while one is replaced\napi_key_file = {}\naccount = {}\n",
        quoted(SIGNING_SECRET),
        quoted(STRIPE_KEY),
        quoted(&survey.stripe.account),
    );
    address(&mut text, &answers.stripe.base_url);
    if let Some(circle) = &answers.circle {
        let _ = write!(text, "\n[targets.circle]\ntoken_file = {}\n", quoted(CIRCLE_TOKEN));
        address(&mut text, &circle.base_url);
        text.push_str(SHADOW);
        text.push_str("# The calls a month of your Circle plan, and the day on which it counts from zero.\nquota = { monthly = 5000, renews_day = 1 }\n");
    }
    if let Some(kit) = &answers.kit {
        let _ = write!(text, "\n[targets.kit]\napi_key_file = {}\n", quoted(KIT_KEY));
        address(&mut text, &kit.base_url);
        text.push_str(SHADOW);
        text.push_str("# What becomes of buyers whom Kit does not know: \"add\", \"unconfirmed\" or \"leave\".\nnew_subscribers = \"add\"\n");
    }
    plans(&mut text, survey, proposal);
    text
}

const SHADOW: &str = "# \"shadow\" does everything but write; \"live\" writes.\nmode = \"shadow\"\n";

fn optional(text: &mut String, key: &str, value: Option<&str>, example: &str, meaning: &str) {
    let _ = match value {
        Some(value) => writeln!(text, "{key} = {}", quoted(value.trim())),
        None => writeln!(text, "# {key} = {}   # {meaning}", quoted(example)),
    };
}

fn address(text: &mut String, url: &BaseUrl) {
    if !is_usual(url) {
        let _ = writeln!(text, "base_url = {}", quoted(url.as_str()));
    }
}

fn plans(text: &mut String, survey: &Survey, proposal: &Proposal) {
    text.push_str("\n# What is sold, and what it gives. Proposed by the likeness of names: read it before you go live.\n");
    for plan in &proposal.plans {
        let prices: Vec<_> = plan.prices.iter().map(|price| quoted(&format!("stripe:{price}"))).collect();
        let _ = write!(
            text,
            "\n[[plans]]\nid = {}\ntitle = {}\nprices = [{}]\ngrants = [{}]\n",
            quoted(&plan.id),
            quoted(&plan.title),
            prices.join(", "),
            quoted(&plan.id),
        );
    }
    for plan in &proposal.plans {
        let _ = write!(text, "\n[entitlements.{}]\ntitle = {}\n", plan.id, quoted(&plan.title));
        let numbers = |wanted: fn(&Item) -> Option<u64>| {
            listed(&plan.gives, |choice| Some((wanted(&choice.item)?.to_string(), choice.name.clone())))
        };
        given(
            text,
            "circle.access_groups",
            numbers(|item| if let Item::CircleGroup(id) = item { Some(*id) } else { None }),
        );
        given(
            text,
            "circle.spaces",
            numbers(|item| if let Item::CircleSpace(id) = item { Some(*id) } else { None }),
        );
        let tags = listed(&plan.gives, |choice| {
            matches!(choice.item, Item::KitTag(_)).then(|| (quoted(&choice.name), String::new()))
        });
        given(text, "kit.tags", tags);
    }
    if !proposal.left_out.is_empty() {
        text.push_str(
            "\n# Sold, and given nothing: nothing is called like it. Its buyers would have a case.\n",
        );
        for left in &proposal.left_out {
            let _ = writeln!(text, "#   {}", remark(left));
        }
    }
    if let Some(circle) = &survey.circle {
        let groups: Vec<_> =
            circle.groups.iter().map(|group| format!("{} {}", group.id, group.name)).collect();
        let _ = write!(text, "\n# Circle's access groups: {}\n", remark(&groups.join(", ")));
    }
}

/// The values of those that fit, and their names.
fn listed(gives: &[Choice], of: impl Fn(&Choice) -> Option<(String, String)>) -> (Vec<String>, Vec<String>) {
    gives.iter().filter_map(of).unzip()
}

fn given(text: &mut String, key: &str, (values, names): (Vec<String>, Vec<String>)) {
    if values.is_empty() {
        return;
    }
    let names = names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ");
    let comment = if names.is_empty() { String::new() } else { format!("   # {}", remark(&names)) };
    let _ = writeln!(text, "{key} = [{}]{comment}", values.join(", "));
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::ProposedPlan;
    use super::super::survey::StripeSurvey;
    use super::*;

    #[test]
    fn a_name_with_a_line_break_writes_no_key() {
        let evil = |name: &str| format!("{name}\n[targets.circle]\r\nmode = \"live\"\u{2028}x");
        let gives = vec![Choice { item: Item::CircleGroup(7), name: evil("Members") }];
        let plan = ProposedPlan {
            id: "pro".to_owned(),
            title: evil("Pro"),
            prices: vec!["price_1".to_owned()],
            gives,
        };
        let proposal = Proposal { plans: vec![plan], left_out: vec![evil("Mystery box")] };
        let stripe = StripeSurvey {
            account: "acct_1".to_owned(),
            livemode: None,
            prices: Vec::new(),
            endpoints: Vec::new(),
        };
        let mut text = String::new();
        plans(&mut text, &Survey { stripe, circle: None, kit: None }, &proposal);
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table.keys().collect::<Vec<_>>(), ["entitlements", "plans"], "{text}");
        assert_eq!(table["plans"][0]["title"].as_str(), Some(evil("Pro").as_str()));
    }
}
