//! `frontdesk init`: asks, checks every key live, proposes a catalogue, and writes a `frontdesk.toml` that writes
//! nothing anywhere yet.
//!
//! Answers come from whoever sits at the terminal, or from a file (`--answers`), so that a script gets the same file.
//! Nothing is written before everything has been checked, and nothing is overwritten without a yes.

mod answers;
mod catalogue;
mod file;
mod secrets;
mod survey;

use crate::cli::{self, Context};
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::live::{LivePorts, Trust};
use crate::printer::Printer;
use answers::{Answers, EndpointWish};
use catalogue::Proposal;
use clap::Args;
use frontdesk_providers::stripe::answer::Endpoint;
use frontdesk_providers::stripe::learn::SUBSCRIBED;
use serde_json::json;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use survey::Survey;

/// The path of the webhook endpoint that the file leaves at its default.
const PATH: &str = "/webhooks/stripe";

/// What it takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A file with the answers, instead of questions: see docs/configuration.md
    #[arg(long, value_name = "PATH")]
    answers: Option<PathBuf>,
    /// Overwrite a configuration that is there
    #[arg(long)]
    yes: bool,
}

/// Asks, checks, proposes, writes.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let target = context.global.config.clone();
    let is_asking = arguments.answers.is_none();
    if target.exists() && !arguments.yes {
        may_overwrite(&target, is_asking)?;
    }
    let answers = match &arguments.answers {
        Some(path) => Answers::read(path, &context.environment)?,
        None if io::stdin().is_terminal() => Answers::ask()?,
        None => {
            let report = Report::error(Code::NotConfirmed, "nobody is here to be asked");
            return Err(report
                .hint("write the answers into a file: `frontdesk init --answers answers.toml`")
                .into());
        }
    };
    let trust = if answers.is_sandboxed() { Trust::Nobody } else { Trust::System };
    cli::runtime().block_on(async {
        let ports = LivePorts::new(trust)?;
        let survey = Survey::of(&answers, &ports).await?;
        tell(&survey, &mut context.printer);
        let mut proposal = catalogue::propose(&answers.site.name, &survey);
        if is_asking {
            proposal.ask(&survey)?;
        }
        let endpoint = Connected::of(&answers, &survey, &ports).await?;
        let written = write(&answers, &survey, &proposal, &endpoint, &target)?;
        finish(&written, &proposal, &endpoint, &answers, &mut context.printer)
    })
}

fn may_overwrite(target: &Path, is_asking: bool) -> Result<(), Failure> {
    let shown = target.display();
    let refused = || -> Failure {
        let report =
            Report::error(Code::NotConfirmed, format!("`{shown}` is there already, and was left as it is"));
        report.hint("write elsewhere with `--config PATH`, or run it again with `--yes`").into()
    };
    if !is_asking || !io::stdin().is_terminal() {
        return Err(refused());
    }
    match inquire::Confirm::new(&format!("{shown} is there already. Overwrite it?"))
        .with_default(false)
        .prompt()
    {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(refused()),
    }
}

/// Says what the keys open.
fn tell(survey: &Survey, printer: &mut Printer) {
    let stripe = &survey.stripe;
    let mode = match stripe.livemode {
        Some(true) => "real money",
        Some(false) => "test data",
        None => "unknown mode",
    };
    printer.note(&format!(
        "Stripe: account {}, {mode}, {} prices on sale",
        stripe.account,
        stripe.prices.len()
    ));
    if let Some(circle) = &survey.circle {
        let (groups, spaces) = (circle.groups.len(), circle.spaces.len());
        printer.note(&format!("Circle: {}, {groups} access groups, {spaces} spaces", circle.community.name));
    }
    if let Some(kit) = &survey.kit {
        printer.note(&format!("Kit: {}, {} tags", kit.owner.name, kit.tags.len()));
        if kit.owner.is_on_trial {
            printer.note("Kit: the account is on trial; access by key may end with it");
        }
    }
}

/// How the source's webhooks reach this installation.
enum Connected {
    /// An endpoint was made; this is its signing secret.
    Made { id: String, secret: String },
    /// There is one already.
    Found { id: String, missing: Vec<&'static str>, is_enabled: bool },
    /// Somebody has to make one.
    ToMake,
}

impl Connected {
    async fn of(answers: &Answers, survey: &Survey, ports: &LivePorts) -> Result<Self, Failure> {
        let url = answers.endpoint_url();
        if let Some(found) = survey.stripe.endpoints.iter().find(|endpoint| endpoint.url == url) {
            return Ok(Self::found(found));
        }
        match answers.stripe.endpoint {
            EndpointWish::Make => {
                let (id, secret) = survey::make_endpoint(answers, ports, &url).await?;
                Ok(Self::Made { id, secret })
            }
            EndpointWish::Print => Ok(Self::ToMake),
        }
    }

    fn found(endpoint: &Endpoint) -> Self {
        let has = |wanted: &str| endpoint.event_types.iter().any(|kind| kind == "*" || kind == wanted);
        let missing = SUBSCRIBED.into_iter().filter(|wanted| !has(wanted)).collect();
        Self::Found { id: endpoint.id.clone(), missing, is_enabled: endpoint.is_enabled }
    }
}

/// What was written.
struct Written {
    file: PathBuf,
    secrets: Vec<PathBuf>,
}

fn write(
    answers: &Answers,
    survey: &Survey,
    proposal: &Proposal,
    endpoint: &Connected,
    target: &Path,
) -> Result<Written, Failure> {
    let folder = target.parent().unwrap_or(Path::new(""));
    let made = match endpoint {
        Connected::Made { secret, .. } => Some(secret.as_str()),
        Connected::Found { .. } | Connected::ToMake => None,
    };
    let secrets = secrets::write(folder, answers, made)?;
    let text = file::configuration(answers, survey, proposal);
    std::fs::write(target, text).map_err(|error| {
        Report::error(Code::CannotPrint, format!("could not write `{}`", target.display()))
            .because(&error)
            .hint("choose a folder that can be written, with `--config PATH`")
    })?;
    Ok(Written { file: target.to_owned(), secrets })
}

fn finish(
    written: &Written,
    proposal: &Proposal,
    endpoint: &Connected,
    answers: &Answers,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let url = answers.endpoint_url();
    printer.text(&format!(
        "Wrote {}: shadow mode, so nothing is written anywhere yet",
        written.file.display()
    ))?;
    for secret in &written.secrets {
        printer.text(&format!("Wrote {}: a secret that you alone can read", secret.display()))?;
    }
    for left in &proposal.left_out {
        printer.text(&format!(
            "Left out: {left}; its buyers would have a case. Add it to the file if it gives something"
        ))?;
    }
    let has_secret = answers.stripe.signing_secret.is_some() || matches!(endpoint, Connected::Made { .. });
    let said = match endpoint {
        Connected::Made { id, .. } => format!("Stripe sends its events to {url} (endpoint {id})"),
        Connected::Found { id, missing, is_enabled: true } if missing.is_empty() => {
            format!("Stripe sends its events to {url} already (endpoint {id})")
        }
        Connected::Found { id, is_enabled: false, .. } => {
            format!("Endpoint {id} for {url} is disabled: enable it in Stripe")
        }
        Connected::Found { id, missing, .. } => format!(
            "Endpoint {id} for {url} does not send these events, add them in Stripe:\n  {}",
            missing.join("\n  ")
        ),
        Connected::ToMake => format!(
            "Make a webhook endpoint in Stripe for {url} with these events:\n  {}",
            SUBSCRIBED.join("\n  ")
        ),
    };
    printer.text(&said)?;
    if !has_secret {
        let file = secrets::SIGNING_SECRET;
        printer.text(&format!(
            "Put its signing secret (whsec_…) into {file}, a line alone, and `chmod 600 {file}`"
        ))?;
    }
    printer.text("Next: read the file, then `frontdesk secret check`, then `frontdesk serve`")?;
    let plans: Vec<_> =
        proposal.plans.iter().map(|plan| json!({ "id": plan.id, "prices": plan.prices })).collect();
    printer.json(&json!({
        "file": written.file.display().to_string(),
        "secrets": written.secrets.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        "plans": plans,
        "left_out": proposal.left_out,
        "endpoint": { "url": url, "says": said },
        "has_signing_secret": has_secret,
    }))?;
    Ok(Exit::Done)
}
