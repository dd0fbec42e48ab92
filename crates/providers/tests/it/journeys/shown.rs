//! A world as text that a person can read from top to bottom.

use super::world::World;
use frontdesk_core::decision::Decision;
use frontdesk_core::desired::{Removal, Wish};
use frontdesk_core::record::Record;
use frontdesk_core::target::Holder;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Every record, with everything that follows from it.
pub(crate) fn shown(world: &World<'_>) -> String {
    let mut text = String::new();
    for (record, decision) in world.records.iter().zip(world.decisions()) {
        show_record(&mut text, record);
        show_decision(&mut text, &decision);
    }
    text
}

fn show_record(text: &mut String, record: &Record) {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for key in record.facts.keys() {
        *kinds.entry(key.kind.as_str()).or_default() += 1;
    }
    let kinds = kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ");
    let waiting = if record.is_provisional() { ", waits for a person" } else { "" };
    writeln!(text, "  record: {kinds}; {} ties{waiting}", record.ties.len()).unwrap();
    let or_none = |address: Option<frontdesk_core::email::Email>| {
        address.map_or("-".to_owned(), |address| address.to_string())
    };
    let (access, mail) = (or_none(record.access_address()), or_none(record.mail_address()));
    let mail = if mail == access { String::new() } else { format!(", mail to {mail}") };
    writeln!(text, "    access for {access}{mail}").unwrap();
}

fn show_decision(text: &mut String, decision: &Decision) {
    for purchase in &decision.entitled.purchases {
        let good = purchase.price.as_deref().or(purchase.product.as_deref()).unwrap_or("goods not read");
        let plan = purchase.plan.as_ref().map_or("no plan".to_owned(), |plan| format!("plan {plan}"));
        let flags = listed(&purchase.flags, "; ", words);
        let total = purchase
            .total
            .as_ref()
            .map_or(String::new(), |money| format!(" {} {}", money.minor, money.currency));
        let proof = listed(&purchase.proof, "; proof ", ToString::to_string);
        let (journey, standing) = (&purchase.journey, words(&purchase.standing));
        writeln!(text, "    bought {journey} {good} ({plan}){total}: {standing}{flags}{proof}").unwrap();
    }
    for (key, why) in &decision.entitled.ignored {
        writeln!(text, "    ignored {key}: {}", words(why)).unwrap();
    }
    for entitlement in &decision.entitled.entitlements {
        writeln!(
            text,
            "    entitled {}{}: {}",
            entitlement.id,
            of(&entitlement.holder),
            words(&entitlement.standing)
        )
        .unwrap();
    }
    for stage in &decision.stages {
        let what = stage.entitlement.as_ref().map_or("?", |id| id.as_str());
        let mut rest = format!("{}{}", stage.stage, of(&stage.holder));
        for (name, value) in [("since", stage.since), ("until", stage.until), ("next try", stage.next_try_at)]
        {
            if let Some(at) = value {
                write!(rest, ", {name} {at}").unwrap();
            }
        }
        if let Some(amount) = &stage.amount {
            write!(rest, ", {} {}", amount.minor, amount.currency).unwrap();
        }
        if let Some(reason) = &stage.reason {
            write!(rest, ", {reason}").unwrap();
        }
        let link = if stage.pay_url.is_some() { ", link to pay" } else { "" };
        writeln!(text, "    stage {what}: {rest}{link}").unwrap();
    }
    for (target, desired) in &decision.desired {
        for (holder, wishes) in &desired.holders {
            let items: Vec<String> =
                wishes.items.iter().map(|(item, wish)| format!("{item} {}", shown_wish(wish))).collect();
            writeln!(text, "    {target}{} {}: {}", of(holder), wishes.address, items.join(", ")).unwrap();
        }
    }
    for want in &decision.reads {
        let not_before = want.not_before.map_or(String::new(), |at| format!(" from {at} on"));
        writeln!(text, "    read {} for {}{not_before}", want.object, want.purpose.as_str()).unwrap();
    }
    for case in &decision.cases {
        let also = listed(&case.also, "; ", words);
        writeln!(text, "    case {} on {}: {}{also}", case.kind, case.journey, words(&case.reason)).unwrap();
    }
    for alert in &decision.alerts {
        writeln!(text, "    alert: {}", words(alert)).unwrap();
    }
    if let Some(at) = decision.next_wake_at {
        writeln!(text, "    decide again at {at}").unwrap();
    }
}

/// Each item in words, with `before` in front of it.
fn listed<'a, T: 'a>(
    items: impl IntoIterator<Item = &'a T>,
    before: &str,
    in_words: impl Fn(&T) -> String,
) -> String {
    items.into_iter().flat_map(|item| [before.to_owned(), in_words(item)]).collect()
}

fn of(holder: &Holder) -> String {
    match holder {
        Holder::Customer => String::new(),
        Holder::Beneficiary(address) => format!(" of {address}"),
    }
}

fn shown_wish(wish: &Wish) -> String {
    match wish {
        Wish::Want { .. } => "want".to_owned(),
        Wish::Leave { .. } => "leave".to_owned(),
        Wish::Absent { removal: Removal::Proven, .. } => "absent".to_owned(),
        Wish::Absent { removal: Removal::NeedsProof(objects), .. } => {
            let objects: Vec<String> = objects.iter().map(ToString::to_string).collect();
            format!("absent once {} is read", objects.join(" and "))
        }
    }
}

/// Any value as words: the tag of an enumeration bare, its fields by name, what is empty left out.
fn words(value: &impl Serialize) -> String {
    fn told(value: &Value) -> Option<String> {
        match value {
            Value::Null => None,
            Value::String(text) if text.starts_with("https://") => Some("(link)".to_owned()),
            Value::String(text) => Some(text.clone()),
            Value::Array(members) => {
                let members: Vec<String> = members.iter().filter_map(told).collect();
                (!members.is_empty()).then(|| format!("[{}]", members.join(", ")))
            }
            Value::Object(fields) => {
                let is_tag = |name: &str| {
                    ["standing", "terms", "why", "reason", "flag", "alert", "wish"].contains(&name)
                };
                let tags =
                    fields.iter().filter(|(name, _)| is_tag(name)).filter_map(|(_, value)| told(value));
                let plain = fields.iter().filter(|(name, _)| !is_tag(name));
                let plain = plain.filter_map(|(name, value)| Some(format!("{name} {}", told(value)?)));
                Some(tags.chain(plain).collect::<Vec<_>>().join(" "))
            }
            other => Some(other.to_string()),
        }
    }
    told(&serde_json::to_value(value).unwrap()).unwrap_or_else(|| "-".to_owned())
}

/// Replaces the recordings' long ids by short ones, numbered as they appear.
pub(crate) fn with_short_ids(text: &str) -> String {
    const GOODS: [(&str, &str); 4] = [
        ("price_1Q68d562489066Fd8kR2vT0n", "community_month"),
        ("price_1Qc03301eb7d03Fd8kR2vT0n", "pro_month"),
        ("price_1Qc1b1f4cf3237Fd8kR2vT0n", "course_once"),
        ("price_1Q2ba0d067e7ffFd8kR2vT0n", "community_trial"),
    ];
    let mut text = text.to_owned();
    for (id, name) in GOODS {
        text = text.replace(id, name);
    }
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut short = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        let prefix = word.split('_').next().unwrap_or_default().to_owned();
        let is_id = word.len() > 20 && word.contains('_') && word.chars().any(|c| c.is_ascii_uppercase());
        if is_id {
            let name = names.entry(word.clone()).or_insert_with(|| {
                let count = counts.entry(prefix.clone()).or_default();
                *count += 1;
                format!("{prefix}_{count}")
            });
            short.push_str(name);
        } else {
            short.push_str(&word);
        }
        word.clear();
        short.push(c);
    }
    short.trim_end().to_owned()
}
