//! Figures of the release build: start to ready, memory when idle, size. They are told beside their goals and never
//! judged: a machine that others use gives no verdict.
#![expect(
    clippy::disallowed_methods,
    reason = "it measures a real process with the real clock; no product code runs here"
)]

use crate::shell::{self, Trouble, say};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts that are measured; the median is told.
const STARTS: usize = 5;
/// How long a start may take before it is given up.
const START_MAX: Duration = Duration::from_secs(10);
/// How long the process is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(3);

/// A process that ends with its owner.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory that goes with its owner.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    /// One of this name, for this process.
    pub(crate) fn new(name: &str) -> Result<Self, Trouble> {
        let scratch = Self(std::env::temp_dir().join(format!("frontdesk-{name}-{}", std::process::id())));
        std::fs::create_dir_all(&scratch.0)
            .map_err(|error| Trouble::new(format!("no temporary directory: {error}")))?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is in a directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Builds the release; its binary.
pub(crate) fn release() -> Result<PathBuf, Trouble> {
    say("== cargo build --release");
    shell::cargo(&["build", "--release", "--locked", "--package", "frontdesk"])?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from);
    Ok(target.join("release").join("frontdesk"))
}

/// Builds the release and prints its figures.
pub(crate) fn run() -> Result<(), Trouble> {
    let binary = release()?;
    let size = std::fs::metadata(&binary)
        .map_err(|error| Trouble::new(format!("no release binary: {error}")))?
        .len();
    let scratch = Scratch::new("figures")?;

    let (sandbox_at, serve_at) = (free_address()?, free_address()?);
    let _sandbox = start(Command::new(&binary).args(["sandbox", "--listen", &sandbox_at.to_string()]))?;
    wait_for(sandbox_at, "/_sandbox/state")?;
    let config = scratch.0.join("frontdesk.toml");
    write(&config, &configuration(sandbox_at, serve_at))?;

    let mut starts = Vec::new();
    let mut memory = 0;
    for nth in 0..STARTS {
        let begun = Instant::now();
        let serve = start(&mut serve(&binary, &config))?;
        wait_for(serve_at, "/readyz")?;
        starts.push(begun.elapsed());
        if nth + 1 == STARTS {
            std::thread::sleep(IDLE);
            memory = self::memory(serve.0.id(), "VmRSS:")?;
        }
    }
    starts.sort();
    say("");
    say(&format!(
        "start to ready   {:>6.1} ms   goal 50 ms (median of {STARTS})",
        starts[STARTS / 2].as_secs_f64() * 1e3
    ));
    say(&format!("idle memory      {:>6.1} MB   goal 30 MB", f64::from(memory) / 1e3));
    say(&format!(
        "binary size      {:>6.1} MB   goal 40 MB",
        f64::from(u32::try_from(size / 1000).unwrap_or(u32::MAX)) / 1e3
    ));
    Ok(())
}

fn serve(binary: &Path, config: &Path) -> Command {
    let mut command = with_secrets(Command::new(binary));
    command.arg("serve").arg("--config").arg(config).args(["--log-filter", "error"]);
    command
}

/// A command that has the sandbox's secrets in its environment.
pub(crate) fn with_secrets(mut command: Command) -> Command {
    command.envs([
        ("STRIPE_SIGNING_SECRET", "whsec_sandbox_frontdesk"),
        ("STRIPE_API_KEY", "rk_live_sandbox_frontdesk"),
        ("CIRCLE_TOKEN", "circle_sandbox_token"),
        ("KIT_API_KEY", "kit_sandbox_key"),
    ]);
    command
}

pub(crate) fn start(command: &mut Command) -> Result<Running, Trouble> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.map(Running).map_err(|error| Trouble::new(format!("the release binary does not start: {error}")))
}

pub(crate) fn free_address() -> Result<SocketAddr, Trouble> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map_err(|error| Trouble::new(format!("no free port: {error}")))
}

/// Asks again and again until the answer is 200.
pub(crate) fn wait_for(address: SocketAddr, path: &str) -> Result<(), Trouble> {
    let begun = Instant::now();
    while begun.elapsed() < START_MAX {
        if ask(address, path).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(Trouble::new(format!("http://{address}{path} did not answer 200 within {} s", START_MAX.as_secs())))
}

fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(START_MAX))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The memory of a process in kilobytes, by the kernel's name for what is meant.
pub(crate) fn memory(process: u32, what: &str) -> Result<u32, Trouble> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"));
    let status = status.map_err(|error| Trouble::new(format!("no status of process {process}: {error}")))?;
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    kilobytes.ok_or_else(|| Trouble::new("the kernel does not tell the memory of a process"))
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    std::fs::write(path, text)
        .map_err(|error| Trouble::new(format!("{} cannot be written: {error}", path.display())))
}

pub(crate) fn configuration(sandbox: SocketAddr, serve: SocketAddr) -> String {
    format!(
        r#"[site]
name = "Northwind Makers"
url = "http://{serve}"
listen = "{serve}"

[sources.stripe]
signing_secrets = ["${{STRIPE_SIGNING_SECRET}}"]
api_key = "${{STRIPE_API_KEY}}"
base_url = "http://{sandbox}"

[targets.circle]
token = "${{CIRCLE_TOKEN}}"
base_url = "http://{sandbox}"
mode = "live"

[targets.kit]
api_key = "${{KIT_API_KEY}}"
base_url = "http://{sandbox}"
mode = "live"

[[plans]]
id = "community"
prices = ["stripe:price_1Community"]
grants = ["community"]

[entitlements.community]
circle.access_groups = [4012]
kit.tags = ["member"]
"#
    )
}
