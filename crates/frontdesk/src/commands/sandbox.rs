//! `frontdesk sandbox`: a fake of Stripe, Circle and Kit on this machine, and how to point Frontdesk at it.

use crate::cli::{self, Context};
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::live::{machine_clock, stop_signal};
use crate::printer::Printer;
use clap::Args;
use frontdesk_sandbox::server::StartError;
use frontdesk_sandbox::{SandboxConfig, Server};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::PoisonError;

/// The secrets of the sandbox, as variables. They open nothing but it.
pub(crate) const ENVIRONMENT: [(&str, &str); 4] = [
    ("STRIPE_SIGNING_SECRET", "whsec_sandbox_frontdesk"),
    ("STRIPE_API_KEY", "rk_live_sandbox_frontdesk"),
    ("CIRCLE_TOKEN", frontdesk_sandbox::circle::TOKEN),
    ("KIT_API_KEY", frontdesk_sandbox::kit::API_KEY),
];

/// Where Frontdesk answers unless the file says otherwise.
const SITE: &str = "http://127.0.0.1:8080";

/// What it takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where it listens; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4242")]
    listen: SocketAddr,
    /// Where its Stripe sends webhooks
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080/webhooks/stripe")]
    webhooks: String,
    /// The seed of all ids: the same seed and the same calls give the same ids
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// Runs until it is stopped. Prints a whole configuration that works with it.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let log = context.start_log();
    let result = cli::runtime().block_on(serve(arguments, &mut context.printer));
    log.flush();
    result
}

async fn serve(arguments: &Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let stopped = stop_signal();
    let server = start(arguments).await?;
    let url = server.url();
    let toml = configuration(&url, SITE);
    let lines: Vec<_> = ENVIRONMENT.iter().map(|(name, value)| format!("export {name}={value}")).collect();
    printer.text(&format!("{toml}\n# The variables of that file:\n{}", lines.join("\n")))?;
    let variables: BTreeMap<_, _> = ENVIRONMENT.into_iter().collect();
    printer.json(&json!({ "url": url, "frontdesk_toml": toml, "environment": variables }))?;
    printer.note(&format!("the sandbox runs at {url}/_sandbox/ and ends with Ctrl-C"));
    stopped.await;
    server.stop().await;
    Ok(Exit::Done)
}

async fn start(arguments: &Arguments) -> Result<Server, Failure> {
    let server = Server::start(SandboxConfig { listen: arguments.listen, seed: arguments.seed }).await;
    let server = server.map_err(|error| {
        let (code, hint) = match error {
            StartError::Listen { .. } => (
                Code::CannotListen,
                "choose another address: `frontdesk sandbox --listen 127.0.0.1:0` takes any free port",
            ),
            StartError::Client(_) => (
                Code::NoClient,
                "install your system's root certificates (Debian: `apt-get install ca-certificates`)",
            ),
        };
        Report::error(code, "could not start the sandbox").because(&error).hint(hint)
    })?;
    let endpoint = json!({ "url": arguments.webhooks, "secret": ENVIRONMENT[0].1, "enabled_events": ["*"] });
    let world = server.world();
    let added = world.lock().unwrap_or_else(PoisonError::into_inner).stripe.control(
        "endpoint",
        &endpoint,
        machine_clock(),
    );
    if let Err(why) = added {
        let report =
            Report::error(Code::UnusableUrl, format!("could not send webhooks to `{}`", arguments.webhooks));
        let report = report.because(&std::io::Error::other(why));
        return Err(report
            .hint("write a whole URL: --webhooks http://127.0.0.1:8080/webhooks/stripe")
            .into());
    }
    Ok(server)
}

/// A whole `frontdesk.toml` for the sandbox at `url` and Frontdesk at `site`, with the catalogue that the fakes hold.
pub(crate) fn configuration(url: &str, site: &str) -> String {
    format!(
        r#"# frontdesk.toml for the sandbox at {url}
[site]
name = "Northwind Makers"
url = "{site}"

[sources.stripe]
signing_secrets = ["${{STRIPE_SIGNING_SECRET}}"]
api_key = "${{STRIPE_API_KEY}}"
base_url = "{url}"

[targets.circle]
token = "${{CIRCLE_TOKEN}}"
base_url = "{url}"
mode = "live"

[targets.kit]
api_key = "${{KIT_API_KEY}}"
base_url = "{url}"
mode = "live"

[dev]
clock = "{url}/_sandbox/clock"

[[plans]]
id = "community"
title = "Community"
prices = ["stripe:price_1Community"]
grants = ["community"]

[[plans]]
id = "pro"
title = "Pro"
prices = ["stripe:price_1Pro"]
grants = ["community", "pro"]

[[plans]]
id = "course"
title = "Course"
prices = ["stripe:price_1Course"]
grants = ["course"]

[entitlements.community]
title = "The community"
circle.access_groups = [4012]
kit.tags = ["member"]

[entitlements.pro]
title = "Pro"
circle.access_groups = [4013]
kit.tags = ["pro"]

[entitlements.course]
title = "The course"
circle.access_groups = [4014]
kit.tags = ["course"]
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, check};
    use std::path::Path;

    #[test]
    fn what_it_prints_is_a_configuration_without_a_complaint() {
        let text = configuration("http://127.0.0.1:4242", SITE);
        let loaded = check(&text, "frontdesk.toml", Path::new(""), &Environment::from(ENVIRONMENT)).unwrap();
        assert_eq!(loaded.warnings, []);
        assert!(loaded.config.is_sandboxed());
    }

    #[test]
    fn the_printed_catalogue_is_what_the_fakes_hold() {
        let world = frontdesk_sandbox::World::new(1);
        let now = jiff::Timestamp::UNIX_EPOCH;
        let held = [world.stripe.state(now), world.circle.state(now), world.kit.state(now)]
            .map(|state| state.to_string())
            .join("\n");
        for id in [
            "price_1Community",
            "price_1Pro",
            "price_1Course",
            "4012",
            "4013",
            "4014",
            "member",
            "pro",
            "course",
        ] {
            assert!(held.contains(id), "no fake holds {id}");
        }
    }
}
