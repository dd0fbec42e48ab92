//! A whole Frontdesk with a sandbox of its providers in one process, on free loopback ports and in a folder of its own.

use super::morning::MONTH;
use super::stage::Stage;
use super::{Teller, no_demo};
use crate::assemble;
use crate::commands::sandbox::{ENVIRONMENT, configuration};
use crate::commands::serve;
use crate::config::{self, Config, Environment};
use crate::errors::{Code, Failure, Report};
use crate::live::{LivePorts, machine_clock};
use frontdesk_engine::{Engine, Ports};
use frontdesk_sandbox::{Call, SandboxConfig, Server};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::PoisonError;
use tokio::sync::oneshot;

/// Everything that a story is played in. Leave it with [`House::leave`]: dropped, it goes without a word.
pub struct House {
    /// What Frontdesk was told: the configuration that `frontdesk sandbox` prints, with the addresses of this house.
    pub config: Config,
    /// The file that says so. Commands that are told of it answer from this house.
    pub file: PathBuf,
    /// The engine, running.
    pub engine: Engine<LivePorts>,
    sandbox: Server,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
    _folder: Folder,
}

impl House {
    /// Opens the house, with its clock a month ago: where [`Stage::morning`] begins. `name` tells apart the folders of
    /// one process, `seed` decides the ids at the providers.
    pub async fn open(name: &str, seed: u64) -> Result<Self, Failure> {
        let folder = Folder::make(name)?;
        let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let sandbox = Server::start(SandboxConfig { listen: any, seed }).await.map_err(|error| {
            Report::error(Code::NoDemo, "could not start the sandbox").because(&error).hint("run it again")
        })?;
        let listener = serve::listen(any).await?;
        let address = serve::local_address(&listener, any);
        let file = folder.configuration(&configuration(&sandbox.url(), &format!("http://{address}")))?;
        let environment = Environment::default();
        let config = config::load(&file, &environment)?.config;
        control(&sandbox, "clock", &json!({ "back": format!("{}h", MONTH.as_hours()) }))?;

        let ports = assemble::ports(&config).await?;
        let store = assemble::store(&config, &ports).await?;
        let engine = assemble::engine(&config, ports.clone(), store).await?;
        let web = assemble::web(&config, &environment, engine.clone())?;
        engine.start();
        serve::open_door(&config, &engine, None);
        let (stop, is_stopped) = oneshot::channel::<()>();
        let (done, stopped) = oneshot::channel();
        let for_server = ports.clone();
        ports.spawn("serve", async move {
            // The other end is dropped at the latest with the house: that is a stop as well.
            let is_stopped = async {
                let _ = is_stopped.await;
            };
            // Nobody waits for it when the story failed before.
            serve::answer(listener, web, for_server, is_stopped).await;
            let _ = done.send(());
        });
        let url = format!("http://{address}{}", config.sources.stripe.path);
        let endpoint = json!({ "url": url, "secret": ENVIRONMENT[0].1, "enabled_events": ["*"] });
        control(&sandbox, "stripe/endpoint", &endpoint)?;
        Ok(Self { config, file, engine, sandbox, stop, stopped, _folder: folder })
    }

    /// Where the sandbox is, without a slash at the end.
    pub fn sandbox_url(&self) -> String {
        self.sandbox.url()
    }

    /// A stage for a story in this house.
    pub fn stage<'a>(&self, teller: Teller<'a>) -> Stage<'a> {
        Stage {
            engine: self.engine.clone(),
            site: self.config.site.url.as_str().to_owned(),
            sandbox: self.sandbox.url(),
            teller,
            problems: Vec::new(),
            braked: None,
        }
    }

    /// Stops everything, finishing what is under way.
    pub async fn leave(self) -> Result<(), Failure> {
        // A server that panicked hears nothing, and says nothing below.
        let _ = self.stop.send(());
        let stopped = self.stopped.await;
        self.sandbox.stop().await;
        stopped.map_err(|_| no_demo("the server ended in a panic, which is a bug"))
    }
}

/// One call to the sandbox's control surface, in process: before the story there is nobody to see it.
fn control(sandbox: &Server, path: &str, body: &Value) -> Result<(), Failure> {
    let mut call = Call::new("POST", &format!("/_sandbox/{path}"));
    call.body = body.to_string().into_bytes();
    let world = sandbox.world();
    let reply = world.lock().unwrap_or_else(PoisonError::into_inner).handle(&call, machine_clock()).answer();
    sandbox.wake();
    match reply {
        Some(answer) if answer.status == 200 => Ok(()),
        other => {
            let why =
                other.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).unwrap_or_default();
            Err(no_demo(&format!("the sandbox refused `{path}`: {why}")))
        }
    }
}

/// A folder for the database; removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn make(name: &str) -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("frontdesk-{name}-{}", std::process::id()));
        // A folder of a process that was killed, whose number came again.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            Report::error(Code::NoDemo, format!("could not make the folder `{}`", path.display()))
                .because(&error)
                .hint("set TMPDIR to a folder that can be written")
        })?;
        Ok(Self(path))
    }

    /// Writes a configuration, with each secret in a file beside it instead of in the environment: whoever opens
    /// another terminal has the file and not this process's variables.
    fn configuration(&self, text: &str) -> Result<PathBuf, Failure> {
        let mut text = text.to_owned();
        for (name, value) in ENVIRONMENT {
            self.write(name, value)?;
            text = text
                .replace(
                    &format!("signing_secrets = [\"${{{name}}}\"]"),
                    &format!("signing_secrets_file = [\"{name}\"]"),
                )
                .replace(&format!("api_key = \"${{{name}}}\""), &format!("api_key_file = \"{name}\""))
                .replace(&format!("token = \"${{{name}}}\""), &format!("token_file = \"{name}\""));
        }
        self.write(config::FILE, &text)
    }

    /// Writes a file that its owner alone may read.
    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.0.join(name);
        let mut options = std::fs::OpenOptions::new();
        let written = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| no_demo(&format!("`{}` cannot be written: {error}", path.display())))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the system's own folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
