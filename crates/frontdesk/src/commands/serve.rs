//! `frontdesk serve`: everything, until it is stopped.

use super::desk::{Desk, answer_at_door};
use crate::assemble;
use crate::cli::{self, Context};
use crate::config::{self, Config, Mode};
use crate::door;
use crate::edge;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::kit_endpoint;
use crate::live::{Hangups, LivePorts, stop_signal};
use crate::reload::Reloader;
use clap::Args;
use frontdesk_engine::{Engine, Ports};
use frontdesk_web::Web;
use serde_json::json;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long answers that are under way may take once the process was told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What it takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where it listens, instead of `site.listen`; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// Runs until SIGTERM or Ctrl-C.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let written = context.config()?;
    let mut config = written.clone();
    config.site.listen = arguments.listen.unwrap_or(config.site.listen);
    let log = context.start_log();
    let result = cli::runtime().block_on(serve(&config, written, context));
    log.flush();
    result
}

/// `config`: as told to this process; `written`: as the file says.
async fn serve(config: &Config, written: Config, context: &mut Context) -> Result<Exit, Failure> {
    let stopped = stop_signal();
    let hangups = Hangups::heard();
    let ports = assemble::ports(config).await?;
    let store = assemble::store(config, &ports).await?;
    // What was edited while nothing ran is taken up like an edit while it runs: what takes is asked about first.
    let engine = assemble::engine_in_force(config, ports.clone(), store.clone()).await?;
    let listener = listen(config.site.listen).await?;
    let address = local_address(&listener, config.site.listen);
    let web = assemble::web(config, &context.environment, engine.clone())?;
    engine.start();
    let (path, environment) = (context.global.config.clone(), context.environment.clone());
    let reloader = Arc::new(Reloader::new(path, environment, written, engine.clone()));
    reloader.watch(hangups);
    open_door(config, &engine, Some(reloader));
    kit_endpoint::look_after(config, &engine);
    let printer = &mut context.printer;
    printer.text(&format!("Frontdesk listens on http://{address} for {}", config.site.name))?;
    printer.json(&json!({ "listen": address.to_string(), "site": config.site.url.as_str() }))?;
    for note in notes(config) {
        printer.note(&note);
    }
    tracing::info!(listen = %address, "ready");
    // Why the database was given up, if that is what ends it.
    let (gave_up, why) = watch::channel(None);
    let stop = async move {
        tokio::select! {
            biased;
            () = stopped => {}
            why = store.given_up() => drop(gave_up.send_replace(Some(why))),
        }
    };
    answer(listener, web, ports, stop).await;
    tracing::info!("stopped");
    match why.borrow().clone() {
        None => Ok(Exit::Done),
        Some(why) => Err(given_up(why)),
    }
}

/// Whoever supervises the process starts it again, and SQLite recovers what was committed.
fn given_up(why: String) -> Failure {
    Report::error(Code::StoreGivenUp, "the database takes no more writes")
        .because(&std::io::Error::other(why))
        .hint("start Frontdesk again; if it comes back soon, look after the disk")
        .into()
}

/// Lets commands reach the record while this process has its file. Without the door they are refused, as with any
/// file in use; serving goes on.
pub(crate) fn open_door(config: &Config, engine: &Engine<LivePorts>, reloader: Option<Arc<Reloader>>) {
    let config::Store::Sqlite(path) = &config.store else { return };
    let desk = Desk { engine: engine.clone(), site: config.site.clone(), is_served: true, reloader };
    let opened = door::open(engine.ports(), path, move |asked| answer_at_door(desk.clone(), asked));
    if let Err(error) = opened {
        tracing::warn!("commands cannot reach this process while it runs: {error}");
    }
}

/// What an operator should not overlook about how it runs.
fn notes(config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    if config.is_sandboxed() {
        notes.push(
            "every provider is on this machine: this is work with the sandbox, no real payment counts"
                .to_owned(),
        );
    }
    let circle = config.targets.circle.as_ref().map(|circle| ("Circle", circle.mode));
    let kit = config.targets.kit.as_ref().map(|kit| ("Kit", kit.mode));
    for (name, mode) in [circle, kit].into_iter().flatten() {
        if mode == Mode::Shadow {
            notes.push(format!("{name} is in shadow mode: what would be done there is known and shown, and nothing is written"));
        }
    }
    notes
}

/// Takes an address to listen on.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Report::error(Code::CannotListen, format!("could not listen on `{address}`"))
            .because(&error)
            .hint("choose another address with `site.listen`, or stop what listens there")
            .into()
    })
}

/// The address that was got; the one asked for where the system does not say.
pub(crate) fn local_address(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

/// Answers until `stop` ends, then finishes what is under way, for at most [`STOP_WITHIN`].
pub(crate) async fn answer(
    listener: TcpListener,
    web: Web<LivePorts>,
    ports: LivePorts,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let (stopping, mut is_stopping) = watch::channel(false);
    let stopped = async {
        stop.await;
        web.stop();
        stopping.send_replace(true);
    };
    let too_long = async {
        // An error means that serving is over already.
        let _ = is_stopping.wait_for(|stopping| *stopping).await;
        ports.sleep(STOP_WITHIN).await;
    };
    tokio::select! {
        () = edge::serve(listener, &web, &ports, stopped) => {}
        () = too_long => {
            tracing::warn!("some answers took longer than {} s after the stop and were cut off", STOP_WITHIN.as_secs());
        }
    }
}
