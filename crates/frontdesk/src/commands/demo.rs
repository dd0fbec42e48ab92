//! `frontdesk demo`: Frontdesk and a sandbox of its providers in one process, and a morning played against them.

use super::sandbox::{ENVIRONMENT, configuration};
use super::serve;
use crate::assemble::{self, store_failed};
use crate::cli::{self, Context};
use crate::config::{self, Config, Environment};
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::live::{LivePorts, stop_signal};
use crate::printer::Printer;
use crate::story::{self, Measured, Stage, Teller};
use clap::Args;
use frontdesk_engine::{Engine, Ports};
use frontdesk_sandbox::{SandboxConfig, Server};
use frontdesk_web::mint_status_link;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;

/// What it takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// End when the story does, with exit code 2 if anything deviated from it
    #[arg(long)]
    once: bool,
    /// The seed of all ids at the fake providers
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// Plays the morning, then stays up for its links to be opened, unless `--once`.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let log = context.global.verbose.then(|| context.start_log());
    let result = cli::runtime().block_on(demo(arguments, &mut context.printer));
    if let Some(log) = log {
        log.flush();
    }
    result
}

async fn demo(arguments: &Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let folder = Folder::make()?;
    let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let server =
        Server::start(SandboxConfig { listen: any, seed: arguments.seed }).await.map_err(|error| {
            Report::error(Code::NoDemo, "could not start the sandbox")
                .because(&error)
                .hint("run the demo again")
        })?;
    let listener = serve::listen(any).await?;
    let address = serve::local_address(&listener, any);
    let config = configured(&server.url(), address, folder.path())?;
    begin_a_month_ago(&server)?;

    let ports = assemble::ports(&config).await?;
    let store = assemble::store(&config, &ports).await?;
    let engine = assemble::engine(&config, ports.clone(), store).await?;
    engine.start();
    let web = assemble::web(&config, &Environment::default(), engine.clone())?;
    let (stop, stopped) = oneshot::channel::<()>();
    let (done, is_done) = oneshot::channel();
    let for_server = ports.clone();
    ports.spawn("serve", async move {
        let stopped = async {
            // The other end is dropped at the latest when the demo ends: that is a stop as well.
            let _ = stopped.await;
        };
        let served = serve::answer(listener, web, for_server, stopped).await;
        // Nobody waits for it when the demo failed before.
        let _ = done.send(served);
    });
    register_endpoint(&server, &config, address)?;

    printer_head(printer, &config, &server)?;
    let measured = tell(&engine, &config, &server, printer).await?;
    finish(&measured, printer)?;
    if !arguments.once {
        links(&engine, &config, &server, printer).await?;
        stop_signal().await;
    }
    let _ = stop.send(());
    if let Ok(served) = is_done.await {
        served?;
    }
    server.stop().await;
    Ok(if measured.ok { Exit::Done } else { Exit::Found })
}

/// The configuration that `frontdesk sandbox` prints, with the addresses of this demo.
fn configured(sandbox: &str, address: SocketAddr, folder: &Path) -> Result<Config, Failure> {
    let text = configuration(sandbox, &format!("http://{address}"));
    config::check(&text, "the demo's frontdesk.toml", folder, &Environment::from(ENVIRONMENT))
        .map(|loaded| loaded.config)
}

/// Sets the sandbox's clock back by the month that the story jumps over, so that it ends today.
fn begin_a_month_ago(server: &Server) -> Result<(), Failure> {
    let hours = story::MONTH.as_hours();
    control(server, "POST", "/_sandbox/clock", &json!({ "back": format!("{hours}h") }))
}

/// Tells the sandbox's Stripe where webhooks go.
fn register_endpoint(server: &Server, config: &Config, address: SocketAddr) -> Result<(), Failure> {
    let url = format!("http://{address}{}", config.sources.stripe.path);
    let body = json!({ "url": url, "secret": ENVIRONMENT[0].1, "enabled_events": ["*"] });
    control(server, "POST", "/_sandbox/stripe/endpoint", &body)
}

/// One call to the sandbox's control surface, in process: before anything is told there is nobody to see it.
fn control(server: &Server, method: &str, path: &str, body: &serde_json::Value) -> Result<(), Failure> {
    let mut call = frontdesk_sandbox::Call::new(method, path);
    call.body = body.to_string().into_bytes();
    let world = server.world();
    let mut world = world.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let reply = world.handle(&call, crate::live::machine_clock()).answer();
    drop(world);
    server.wake();
    match reply {
        Some(answer) if answer.status == 200 => Ok(()),
        other => {
            let why =
                other.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).unwrap_or_default();
            let report = Report::error(Code::NoDemo, format!("the sandbox refused `{path}`"));
            Err(report.because(&std::io::Error::other(why)).hint("this is a bug of Frontdesk").into())
        }
    }
}

fn printer_head(printer: &mut Printer, config: &Config, server: &Server) -> Result<(), Failure> {
    let mut teller = Teller::new(printer, config.site.zone.clone());
    teller.line(&format!(
        "{}: a paid community, its payments, and Frontdesk between them.\n\
         Everything runs on this machine; no account is needed and nothing leaves it.\n\
         Frontdesk {}    sandbox of Stripe, Circle and Kit {}",
        config.site.name,
        config.site.url,
        server.url()
    ))
}

async fn tell(
    engine: &Engine<LivePorts>,
    config: &Config,
    server: &Server,
    printer: &mut Printer,
) -> Result<Measured, Failure> {
    let teller = Teller::new(printer, config.site.zone.clone());
    let mut stage = Stage {
        engine: engine.clone(),
        site: config.site.url.as_str().to_owned(),
        sandbox: server.url(),
        teller,
        problems: Vec::new(),
    };
    let spans = stage.morning().await?;
    stage.measured(&spans).await
}

/// The numbers: a few sentences, or one line of JSON.
fn finish(measured: &Measured, printer: &mut Printer) -> Result<(), Failure> {
    if printer.is_json() {
        let mut line = serde_json::to_vec(measured).expect("measurements are numbers and text");
        line.push(b'\n');
        return printer.bytes(&line);
    }
    let (webhooks, circle) = (&measured.webhooks, &measured.circle);
    printer.text(&format!(
        "\nCounted\n\
         {:>8}  webhooks: {} events, {} repeated, {} refused\n\
         {:>8}  calls to Circle, {} invitations, at most {} for one person\n\
         {:>8}  calls to Kit, {} of them tags put on or taken off\n\
         {:>8}  ms from payment to access in the middle, {} at worst while Circle answers",
        webhooks.sent,
        webhooks.accepted,
        webhooks.duplicate,
        webhooks.rejected,
        circle.calls,
        circle.invitations,
        circle.invitations_per_customer_max,
        measured.kit.calls,
        measured.kit.tag_writes,
        measured.payment_to_access_ms.p50,
        measured.payment_to_access_ms.p95,
    ))?;
    if measured.ok {
        return printer.text("\nAll of it was seen on both sides, and the audit log verifies.");
    }
    printer.text("\nThis deviated from the story:")?;
    for problem in &measured.problems {
        printer.text(&format!("  {problem}"))?;
    }
    Ok(())
}

/// What to open while it stays up.
async fn links(
    engine: &Engine<LivePorts>,
    config: &Config,
    server: &Server,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let mut teller = Teller::new(printer, config.site.zone.clone());
    teller.line("\nOpen (until you press Ctrl-C)")?;
    for name in ["Ada", "Ben", "Cleo", "Dan", "Eva"] {
        let address = format!("{}@example.com", name.to_lowercase());
        let found = engine.store().find_customers(&address, 1).await.map_err(|error| store_failed(&error))?;
        for customer in found {
            let link = mint_status_link(engine, config.site.url.as_str(), &customer).await;
            let link = link.map_err(|error| store_failed(&error))?.unwrap_or_default();
            teller.line(&format!("  {:<18}{link}", format!("{name}'s page")))?;
        }
    }
    teller.line(&format!("  {:<18}{}/_sandbox/", "the providers", server.url()))?;
    teller.line(&format!("  {:<18}{}/readyz", "its health", config.site.url))
}

/// A folder of this process's own for the database; removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("frontdesk-demo-{}", std::process::id()));
        // A folder of a demo that was killed, whose process number came again.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            Report::error(Code::NoDemo, format!("could not make the folder `{}`", path.display()))
                .because(&error)
                .hint("set TMPDIR to a folder that can be written")
        })?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the system's own folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
