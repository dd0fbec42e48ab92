//! `frontdesk secret check`: what each secret is taken from and what it looks like, never what it is.

use crate::cli::Context;
use crate::config::{SecretKind, SecretUse};
use crate::errors::Failure;
use crate::exit::Exit;
use clap::{Args, Subcommand};
use serde_json::json;

/// What it takes.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List every secret with its origin and kind; exits with 2 if one should be looked at
    Check,
}

/// Lists the secrets. One that is missing or of the wrong kind is an error of the configuration and exits with 1.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    match arguments.action {
        Action::Check => check(context),
    }
}

fn check(context: &mut Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let rows = config.secrets.iter().map(|secret| {
        vec![
            secret.key.clone(),
            secret.origin.to_string(),
            words(secret.kind).to_owned(),
            remark(secret).to_owned(),
        ]
    });
    context.printer.table(&["secret", "taken from", "looks like", "remark"], rows)?;
    let list: Vec<_> = config
        .secrets
        .iter()
        .map(|secret| {
            json!({
                "key": secret.key,
                "taken_from": secret.origin.to_string(),
                "looks_like": words(secret.kind),
                "remark": Some(remark(secret)).filter(|remark| !remark.is_empty()),
            })
        })
        .collect();
    context.printer.json(&json!({ "secrets": list }))?;
    let is_fine = config.secrets.iter().all(|secret| remark(secret).is_empty());
    Ok(if is_fine { Exit::Done } else { Exit::Found })
}

const fn words(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::RestrictedKey { livemode: true } => "restricted key, live mode",
        SecretKind::RestrictedKey { livemode: false } => "restricted key, test mode",
        SecretKind::FullKey { livemode: true } => "full key, live mode",
        SecretKind::FullKey { livemode: false } => "full key, test mode",
        SecretKind::SigningSecret => "signing secret",
        SecretKind::Plain => "token",
    }
}

/// What should be looked at; empty if nothing.
const fn remark(secret: &SecretUse) -> &'static str {
    match secret.kind {
        SecretKind::FullKey { .. } => "a restricted key (rk_…) would do",
        _ if secret.is_short => "shorter than any real one; was it copied whole?",
        SecretKind::RestrictedKey { .. } | SecretKind::SigningSecret | SecretKind::Plain => "",
    }
}
