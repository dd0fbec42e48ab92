//! What the keys open: each provider is asked, live, who it is and what it holds.

use super::answers::{Answers, Provider};
use crate::errors::{Code, Failure, Report};
use crate::live::LivePorts;
use frontdesk_core::id::SourceId;
use frontdesk_core::target::Failure as Refusal;
use frontdesk_engine::Ports;
use frontdesk_providers::call::{Base, Marks};
use frontdesk_providers::circle::observe as circle_look;
use frontdesk_providers::circle::observe::{Community, Group, Space};
use frontdesk_providers::kit::observe as kit_look;
use frontdesk_providers::kit::observe::Owner;
use frontdesk_providers::kit::{Credential, Tag};
use frontdesk_providers::stripe::answer::{Answer, Endpoint, Price, Response, answer};
use frontdesk_providers::stripe::key::key_mode;
use frontdesk_providers::stripe::read::{Account, Read};
use frontdesk_providers::stripe::route::Route;
use frontdesk_providers::{answer as reply, circle, kit};
use serde_json::Value;

/// Pages of one list that are read: far more than anybody picks from.
const PAGES_MAX: u32 = 20;

/// Everything that was found.
pub(super) struct Survey {
    pub(super) stripe: StripeSurvey,
    pub(super) circle: Option<CircleSurvey>,
    pub(super) kit: Option<KitSurvey>,
}

/// The Stripe account.
pub(super) struct StripeSurvey {
    pub(super) account: String,
    pub(super) livemode: Option<bool>,
    pub(super) prices: Vec<Price>,
    pub(super) endpoints: Vec<Endpoint>,
}

/// The community.
pub(super) struct CircleSurvey {
    pub(super) community: Community,
    pub(super) groups: Vec<Group>,
    pub(super) spaces: Vec<Space>,
}

/// The Kit account.
pub(super) struct KitSurvey {
    pub(super) owner: Owner,
    pub(super) tags: Vec<Tag>,
}

impl Survey {
    /// Asks every provider that is used. All that is wrong is told at once.
    pub(super) async fn of(answers: &Answers, ports: &LivePorts) -> Result<Self, Failure> {
        let mut reports = Vec::new();
        let mut kept = |reports_of: Failure| reports.extend(reports_of.reports);
        let stripe = stripe(answers, ports).await.map_err(&mut kept).ok();
        let circle = match &answers.circle {
            Some(provider) => circle(provider, ports).await.map_err(&mut kept).ok(),
            None => None,
        };
        let kit = match &answers.kit {
            Some(provider) => kit(provider, ports).await.map_err(&mut kept).ok(),
            None => None,
        };
        match stripe {
            Some(stripe) if reports.is_empty() => Ok(Self { stripe, circle, kit }),
            _ => Err(Failure { reports }),
        }
    }
}

fn refused(who: &str, why: &str) -> Report {
    Report::error(Code::KeyRefused, format!("{who} did not accept the key: {why}")).hint(format!(
        "make a key in {who}'s own settings, with what it has to open, and run `frontdesk init` again"
    ))
}

/// The provider gave no answer, so nothing is known about the key.
fn unreached(who: &str, error: &impl std::error::Error) -> Report {
    Report::error(Code::KeyRefused, format!("could not reach {who}, so its key was not tried"))
        .because(error)
        .hint("check that this machine reaches the internet, then run `frontdesk init` again")
}

fn account(answers: &Answers) -> Result<Account, Failure> {
    Account::new(answers.stripe.base_url.as_str(), answers.stripe.key.clone()).map_err(|error| {
        Report::error(Code::WrongCredential, "could not use the Stripe key")
            .because(&error)
            .hint("copy the key again, whole and without anything around it")
            .into()
    })
}

/// One question to Stripe; the reports say what is missing.
async fn asked(account: &Account, ports: &LivePorts, read: &Read) -> Result<Answer, Report> {
    let response = ports.http(read.request(account)).await.map_err(|error| unreached("Stripe", &error))?;
    let reply = Response { status: response.status(), headers: response.headers(), body: response.body() };
    answer(read, &SourceId::new("stripe"), &reply, ports.now_wall()).map_err(|refusal| match refusal.permission {
        Some(permission) => Report::error(Code::KeyRefused, format!("the Stripe key lacks the permission `{permission}`"))
            .hint("tick it for the restricted key in Stripe (Developers, API keys), then run `frontdesk init` again"),
        None => refused("Stripe", &why(&refusal.failure)),
    })
}

async fn stripe(answers: &Answers, ports: &LivePorts) -> Result<StripeSurvey, Failure> {
    let account = account(answers)?;
    let Answer::Account { id } = asked(&account, ports, &Read::Account).await? else {
        return Err(refused("Stripe", "it told no account").into());
    };
    let mut reports = Vec::new();
    for nth in 0..Route::PROBES.len() {
        if let Err(report) = asked(&account, ports, &Read::Probe { nth }).await
            && !reports.contains(&report)
        {
            reports.push(report);
        }
    }
    if !reports.is_empty() {
        return Err(Failure { reports });
    }
    let mut prices = Vec::new();
    let mut next = Some(Read::Prices { after: None });
    for _ in 0..PAGES_MAX {
        let Some(read) = next.take() else { break };
        if let Answer::Prices { prices: page, next: further } = asked(&account, ports, &read).await? {
            prices.extend(page);
            next = further;
        }
    }
    // Whether the endpoints may be listed is up to the operator: without, nothing is known of them.
    let endpoints = match asked(&account, ports, &Read::Endpoints { after: None }).await {
        Ok(Answer::Endpoints { endpoints, .. }) => endpoints,
        Ok(_) | Err(_) => Vec::new(),
    };
    Ok(StripeSurvey { account: id, livemode: key_mode(&answers.stripe.key).livemode(), prices, endpoints })
}

/// Makes a webhook endpoint; gives its id and its signing secret, which Stripe tells this once.
pub(super) async fn make_endpoint(
    answers: &Answers,
    ports: &LivePorts,
    url: &str,
) -> Result<(String, String), Failure> {
    let account = account(answers)?;
    let mut random = [0u8; 10];
    ports.random(&mut random);
    let key = format!("frontdesk-init-{}", frontdesk_core::id::base32(&random));
    let request = account.create_endpoint(url, &frontdesk_providers::stripe::learn::SUBSCRIBED, &key);
    let failed = |why: &str| -> Failure {
        Report::error(Code::KeyRefused, format!("could not make the webhook endpoint: {why}"))
            .hint("make it yourself in Stripe, and answer with its signing secret")
            .into()
    };
    let response = ports.http(request).await.map_err(|error| failed(&error.to_string()))?;
    let told: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    match (told["id"].as_str(), told["secret"].as_str()) {
        (Some(id), Some(secret)) if response.status().is_success() => Ok((id.to_owned(), secret.to_owned())),
        _ => Err(failed(&format!("Stripe answered {}", response.status().as_u16()))),
    }
}

/// The marks of a question that nobody has to find again.
const MARKS: Marks<'static> = Marks { request: "init", effect: None };

fn base(provider: &Provider) -> Base {
    Base::parse(provider.base_url.as_str()).expect("the address was checked when it was answered")
}

async fn circle(provider: &Provider, ports: &LivePorts) -> Result<CircleSurvey, Failure> {
    let account =
        circle::Account { base: base(provider), token: provider.key.clone(), scheme: circle::Scheme::Token };
    let look = async |look| -> Result<http::Response<Vec<u8>>, Failure> {
        let request = circle_look::request(&account, look, MARKS)
            .map_err(|failure| refused("Circle", &why(&failure)))?;
        ports.http(request).await.map_err(|error| unreached("Circle", &error).into())
    };
    let now = ports.now_wall();
    let no = |failure: Refusal| refused("Circle", &why(&failure));
    let response = look(circle_look::Look::Community).await?;
    let community = circle_look::community(&of(&response), now).map_err(no)?;
    let (mut groups, mut spaces) = (Vec::new(), Vec::new());
    for page in 1..=PAGES_MAX {
        let response = look(circle_look::Look::Groups { page }).await?;
        let found = circle_look::groups(&of(&response), now).map_err(no)?;
        groups.extend(found.entries.into_iter().filter(|group| !group.is_archived));
        if !found.has_next {
            break;
        }
    }
    for page in 1..=PAGES_MAX {
        let response = look(circle_look::Look::Spaces { page }).await?;
        let found = circle_look::spaces(&of(&response), now).map_err(no)?;
        spaces.extend(found.entries);
        if !found.has_next {
            break;
        }
    }
    Ok(CircleSurvey { community, groups, spaces })
}

async fn kit(provider: &Provider, ports: &LivePorts) -> Result<KitSurvey, Failure> {
    let account = kit::Account { base: base(provider), credential: Credential::ApiKey(provider.key.clone()) };
    let look = async |look: &kit_look::Look| -> Result<http::Response<Vec<u8>>, Failure> {
        let request =
            kit_look::request(&account, look, MARKS).map_err(|failure| refused("Kit", &why(&failure)))?;
        ports.http(request).await.map_err(|error| unreached("Kit", &error).into())
    };
    let now = ports.now_wall();
    let no = |failure: Refusal| refused("Kit", &why(&failure));
    let response = look(&kit_look::Look::Account).await?;
    let owner = kit_look::owner(&of(&response), now).map_err(no)?;
    let (mut tags, mut after) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let response = look(&kit_look::Look::Tags { after: after.take() }).await?;
        let page = kit_look::tags(&of(&response), now).map_err(no)?;
        tags.extend(page.entries);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(KitSurvey { owner, tags })
}

fn of(response: &http::Response<Vec<u8>>) -> reply::Answer<'_> {
    reply::Answer { status: response.status(), headers: response.headers(), body: response.body() }
}

fn why(failure: &Refusal) -> String {
    match failure {
        Refusal::Transient { why }
        | Refusal::Throttled { why, .. }
        | Refusal::Unauthorized { why, .. }
        | Refusal::Rejected { why }
        | Refusal::Unknown { why } => why.clone(),
        Refusal::Misconfigured { mapping } => format!("`{mapping}` does not exist there"),
        Refusal::CappedUntil { until } => format!("refused until {until}"),
    }
}
