//! Figures of adoption: what `frontdesk plan` costs over a community of twenty thousand, beside the same reads done by a
//! bare loop. Told, not judged.
#![expect(
    clippy::disallowed_methods,
    reason = "it measures a real process with the real clock; no product code runs here"
)]

use crate::figures::{self, Scratch, free_address, start, wait_for, write};
use crate::shell::{Trouble, say};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Members of the community.
const MEMBERS: usize = 20_000;
/// Of them, those who are in the managed group.
const INSIDE: usize = 14_000;
/// Subscriptions; all but the last thousand are members'.
const SUBSCRIPTIONS: usize = 15_000;
/// Entries on one page of Circle's lists.
const PER_PAGE: usize = 100;
/// How often the memory of a process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Builds the release, fills the sandbox and prints the figures.
pub(crate) fn run() -> Result<(), Trouble> {
    let binary = figures::release()?;
    let scratch = Scratch::new("adoption")?;
    let (sandbox, serve) = (free_address()?, free_address()?);
    let _sandbox = start(Command::new(&binary).args(["sandbox", "--listen", &sandbox.to_string()]))?;
    wait_for(sandbox, "/_sandbox/clock")?;
    let config = scratch.0.join("frontdesk.toml");
    let text = figures::configuration(sandbox, serve).replace("\"live\"", "\"shadow\"");
    write(&config, &format!("{text}\n[dev]\nclock = \"http://{sandbox}/_sandbox/clock\"\n"))?;
    say(&format!("== {MEMBERS} members, {INSIDE} of them in the group, and {SUBSCRIPTIONS} subscriptions"));
    populate(sandbox)?;
    say("== frontdesk import stripe");
    let imported = done(&binary, &config, &["import", "stripe"])?;
    let before = did(sandbox)?;
    say("== frontdesk plan");
    let planned = done(&binary, &config, &["plan", "--target", "circle", "--json"])?;
    let written = did(sandbox)? - before;
    let lines = planned.said.matches("\"symbol\"").count();
    let looked = planned.said.split_once("\"looked\": {").map_or("", |(_, rest)| rest);
    let calls = number_after(looked, "\"calls\":").unwrap_or_default();
    say("== the same reads, by a bare loop");
    let (bare, pages) = bare_loop(sandbox)?;
    let ratio = planned.span.as_secs_f64() / bare.as_secs_f64();
    say("");
    say(&format!(
        "import stripe      {:>8.1} s   {:>6.1} MB at most",
        imported.span.as_secs_f64(),
        imported.megabytes
    ));
    say(&format!(
        "plan               {:>8.1} s   {:>6.1} MB at most (goal 150 MB)",
        planned.span.as_secs_f64(),
        planned.megabytes
    ));
    say(&format!("  lines {lines}, calls to Circle {calls} (goal 760), writes {written} (goal 0)"));
    say(&format!(
        "bare loop          {:>8.1} s   {pages} pages; plan takes {ratio:.1} times as long",
        bare.as_secs_f64()
    ));
    Ok(())
}

/// What a command took.
pub(crate) struct Measured {
    pub(crate) span: Duration,
    /// The most memory that it had.
    pub(crate) megabytes: f64,
    pub(crate) said: String,
    pub(crate) code: Option<i32>,
}

/// Runs a command to its end, however it ends.
pub(crate) fn measured(binary: &Path, config: &Path, arguments: &[&str]) -> Result<Measured, Trouble> {
    let mut command = figures::with_secrets(Command::new(binary));
    command.args(arguments).arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|error| Trouble::new(format!("it does not start: {error}")))?;
    let mut out = child.stdout.take().expect("it was piped");
    let reader = std::thread::spawn(move || {
        let mut said = String::new();
        // What cannot be read is missing from the figures, which shows.
        let _ = out.read_to_string(&mut said);
        said
    });
    let mut kilobytes = 0;
    let status = loop {
        // A process that has just ended tells no memory any more.
        kilobytes = kilobytes.max(figures::memory(child.id(), "VmHWM:").unwrap_or(0));
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => std::thread::sleep(LOOK_EVERY),
            Err(error) => return Err(Trouble::new(format!("it cannot be waited for: {error}"))),
        }
    };
    let span = begun.elapsed();
    let said = reader.join().unwrap_or_default();
    Ok(Measured { span, megabytes: f64::from(kilobytes) / 1e3, said, code: status.code() })
}

/// The same for one that must do what it is told.
fn done(binary: &Path, config: &Path, arguments: &[&str]) -> Result<Measured, Trouble> {
    let measured = measured(binary, config, arguments)?;
    // Two: done, and there is something to report.
    if !matches!(measured.code, Some(0 | 2)) {
        return Err(Trouble::new(format!(
            "`frontdesk {}` ended with {:?}",
            arguments.join(" "),
            measured.code
        )));
    }
    Ok(measured)
}

/// Lets people become members and buy.
fn populate(sandbox: SocketAddr) -> Result<(), Trouble> {
    let mut line = Line::open(sandbox)?;
    for nth in 0..MEMBERS {
        let group = if nth < INSIDE { r#","group":4012"# } else { "" };
        let body = format!(r#"{{"email":"member{nth}@example.com","state":"active"{group}}}"#);
        line.ask("POST", "/_sandbox/circle/member", &body, "")?;
    }
    for nth in 0..SUBSCRIPTIONS {
        // The last thousand are nobody's members.
        let who = if nth < SUBSCRIPTIONS - 1_000 { nth } else { nth + MEMBERS };
        let body = format!(
            r#"{{"email":"member{who}@example.com","name":"Member {who}","price":"price_1Community"}}"#
        );
        line.ask("POST", "/_sandbox/stripe/checkout", &body, "")?;
    }
    Ok(())
}

/// The lists that the plan reads, page by page, on one connection.
fn bare_loop(sandbox: SocketAddr) -> Result<(Duration, usize), Trouble> {
    let begun = Instant::now();
    let mut line = Line::open(sandbox)?;
    let mut pages = 0;
    for (path, entries) in [
        ("/api/admin/v2/community_members?status=all&", MEMBERS),
        ("/api/admin/v2/access_groups/4012/community_members?", INSIDE),
    ] {
        for page in 1..=entries.div_ceil(PER_PAGE) {
            let target = format!("{path}page={page}&per_page={PER_PAGE}");
            line.ask("GET", &target, "", "Authorization: Token circle_sandbox_token\r\n")?;
            pages += 1;
        }
    }
    Ok((begun.elapsed(), pages))
}

/// How many requests to Circle changed something.
fn did(sandbox: SocketAddr) -> Result<usize, Trouble> {
    let state = Line::open(sandbox)?.ask("GET", "/_sandbox/state", "", "")?;
    let circle = state.split_once("\"requests\":").map_or("", |(_, rest)| rest);
    Ok(circle.split("\"spaces\"").next().unwrap_or_default().matches("\"did\":true").count())
}

fn number_after(text: &str, lead: &str) -> Option<u32> {
    let (_, rest) = text.split_once(lead)?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// A connection that stays open.
struct Line(BufReader<TcpStream>);

impl Line {
    fn open(address: SocketAddr) -> Result<Self, Trouble> {
        let stream = TcpStream::connect(address)
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|error| Trouble::new(format!("{address} cannot be reached: {error}")))?;
        Ok(Self(BufReader::new(stream)))
    }

    fn ask(&mut self, method: &str, target: &str, body: &str, headers: &str) -> Result<String, Trouble> {
        self.try_ask(method, target, body, headers)
            .map_err(|error| Trouble::new(format!("{method} {target}: {error}")))
    }

    fn try_ask(&mut self, method: &str, target: &str, body: &str, headers: &str) -> std::io::Result<String> {
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}");
        // Writing into a text cannot fail.
        let _ =
            write!(request, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut status = String::new();
        self.0.read_line(&mut status)?;
        let mut length = 0;
        loop {
            let mut header = String::new();
            self.0.read_line(&mut header)?;
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(bytes) = header.strip_prefix("content-length:") {
                length = bytes.trim().parse().map_err(std::io::Error::other)?;
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if status.contains(" 200") || status.contains(" 201") {
            return Ok(answer);
        }
        Err(std::io::Error::other(format!("{} {answer}", status.trim_end())))
    }
}
