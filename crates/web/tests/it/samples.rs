//! Sample contexts: one of each page in each state that a customer can meet.

use frontdesk_core::{
    email::Email,
    fact::Money,
    stage::{Detail, Stage, StageOf},
    target::Holder,
    words::{Language, Places, Reason, Variant},
};
use frontdesk_web::pages::{Holding, Milestones, Site, Situation, Visit};
use jiff::{Timestamp, tz::TimeZone};
use std::sync::LazyLock;

pub(crate) static SITE: LazyLock<Site> = LazyLock::new(|| Site {
    name: "Northwind Makers".to_owned(),
    community: "Northwind Makers".to_owned(),
    community_url: Some("https://community.northwind.example".to_owned()),
    help: Some("help@northwind.example".to_owned()),
    zone: TimeZone::get("Europe/Lisbon").expect("the zone is in every database"),
    currency: Some("usd".to_owned()),
});

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// A look at the page, 8 s after the state was read.
pub(crate) fn visit(language: Language, query: &str) -> Visit<'_> {
    Visit {
        site: &SITE,
        language,
        language_asked: false,
        query,
        now: at("2026-11-24T08:41:20Z"),
        looked_at: at("2026-11-24T08:41:12Z"),
        stale: false,
        stream: Some("/status/live?page=1"),
    }
}

pub(crate) fn address() -> Email {
    Email::parse("ada@gmial.com").expect("an address")
}

/// Every stage and variant, most urgent first.
pub(crate) fn situations() -> Vec<(String, Situation<'static>)> {
    let situation = |stage: Stage, variant: Variant| {
        let name = match variant {
            Variant::Plain => stage.to_string(),
            other => format!("{stage}_{other:?}").to_lowercase(),
        };
        (
            name,
            Situation {
                stage,
                variant,
                places: places(stage),
                pay_url: pay_url(stage),
                milestones: milestones(stage, variant),
            },
        )
    };
    Stage::ALL
        .into_iter()
        .flat_map(|stage| Variant::of(stage).iter().map(move |&variant| situation(stage, variant)))
        .collect()
}

fn places(stage: Stage) -> Places<'static> {
    Places {
        community: None,
        plan: Some("Pro"),
        amount: Some(Money { minor: 4900, currency: "usd".to_owned() }),
        date: Some(match stage {
            Stage::PastDue | Stage::Ending => at("2026-11-27T08:00:00Z"),
            Stage::Active => at("2026-12-24T08:37:00Z"),
            Stage::Disputed | Stage::Ended | Stage::Refunded => at("2026-11-18T10:00:00Z"),
            _ => at("2026-11-24T08:38:00Z"),
        }),
        time: Some(at("2026-11-24T08:37:04Z")),
        next: Some(if stage == Stage::PastDue {
            at("2026-11-26T08:00:00Z")
        } else {
            at("2026-11-24T08:52:00Z")
        }),
        address: Some(Email::parse("ada@example.org").expect("an address").masked()),
        case: Some("FD-2043".to_owned()),
        subject: None,
        reason: Some(Reason::Expired),
    }
}

fn pay_url(stage: Stage) -> Option<&'static str> {
    matches!(stage, Stage::PastDue | Stage::PaymentFailed)
        .then_some("https://invoice.stripe.example/i/acct_1/in_1")
}

fn milestones(stage: Stage, variant: Variant) -> Milestones {
    let paid_at = (variant != Variant::Granted).then(|| at("2026-11-24T08:37:04Z"));
    match stage {
        Stage::InviteSent => {
            Milestones { paid_at, invited_at: Some(at("2026-11-24T08:38:00Z")), inside_at: None }
        }
        Stage::Active => Milestones {
            paid_at: Some(at("2026-10-24T07:37:00Z")),
            invited_at: Some(at("2026-10-24T07:38:00Z")),
            inside_at: Some(at("2026-10-24T07:40:00Z")),
        },
        Stage::PaymentProcessing | Stage::PaymentFailed => Milestones::default(),
        _ => Milestones { paid_at, ..Milestones::default() },
    }
}

/// Two entitlements: one in `stage`, and a course to keep.
pub(crate) fn holdings(stage: Stage) -> [Holding<'static>; 2] {
    let until = (stage != Stage::PaymentFailed).then(|| match stage {
        Stage::Ending => at("2026-11-27T08:00:00Z"),
        _ => at("2026-12-24T08:37:00Z"),
    });
    [
        Holding { title: "Community", stage, plan: Some("Pro"), until },
        Holding {
            title: "Course: Make a small thing well",
            stage: Stage::Active,
            plan: Some("Course"),
            until: None,
        },
    ]
}

/// A stage as the core decides it, for the conversion.
pub(crate) fn decided(stage: Stage) -> StageOf {
    StageOf {
        entitlement: None,
        title: Some("Community".to_owned()),
        plan: Some("Pro".to_owned()),
        holder: Holder::Customer,
        stage,
        detail: Detail::Plain,
        since: Some(at("2026-11-24T08:37:04Z")),
        until: Some(at("2026-11-27T08:00:00Z")),
        next_try_at: Some(at("2026-11-26T08:00:00Z")),
        case: Some(2043),
        journey: "sub_1".to_owned(),
        amount: Some(Money { minor: 4900, currency: "usd".to_owned() }),
        reason: Some("expired_card".to_owned()),
        pay_url: Some("https://invoice.stripe.example/i/acct_1/in_1".to_owned()),
        address: Email::parse("ada@example.org"),
    }
}
