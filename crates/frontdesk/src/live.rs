//! The outside world itself: the one implementation of [`Ports`] that is not simulated.
//!
//! Clock, randomness, timers, tasks and sockets are reached from here and from nowhere else. Every lint that bans
//! them elsewhere is expected here, one function at a time.

use crate::errors::{Code, Failure, Report};
use frontdesk_engine::Ports;
use frontdesk_engine::ports::{ANSWER_BYTES_MAX, ANSWER_WITHIN, CONNECT_WITHIN, Mail, NoAnswer};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often the sandbox's clock is asked. A jump is seen within this; asking costs the sandbox next to nothing.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

/// Longest sleep towards an instant before the clock is read again: an operating system's clock can be set, and a
/// timer does not notice.
const CLOCK_RECHECK: Duration = Duration::from_secs(10);

/// Whom the HTTPS client trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The certificates of the operating system.
    System,
    /// Nobody: for work with the sandbox alone, which speaks http and needs no certificates to be installed.
    Nobody,
}

/// The bounds of one call.
#[derive(Clone, Copy, Debug)]
struct Limits {
    connect: Duration,
    answer: Duration,
    bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: CONNECT_WITHIN, answer: ANSWER_WITHIN, bytes: ANSWER_BYTES_MAX }
    }
}

/// The live ports. Cheap to clone; all clones are the same world and share one client with its connections.
#[derive(Clone)]
pub struct LivePorts {
    world: Arc<World>,
}

struct World {
    client: reqwest::Client,
    limits: Limits,
    started: Instant,
    /// What is added to the operating system's clock, in milliseconds. Zero unless a sandbox's clock is followed.
    offset_ms: watch::Sender<i64>,
    panics: AtomicU64,
}

/// The page of the sandbox that tells how far its clock is ahead of the machine's.
#[derive(Deserialize)]
struct ClockPage {
    offset_ms: i64,
}

/// The operating system's clock, for what runs before there are ports, such as the log.
#[expect(clippy::disallowed_methods, reason = "the live ports are where the clock is read")]
pub fn machine_clock() -> Timestamp {
    Timestamp::now()
}

/// A number that nobody can tell beforehand, for what runs before there are ports.
#[expect(clippy::disallowed_methods, reason = "the live ports are where randomness comes from")]
pub fn random_seed() -> u64 {
    let mut bytes = [0u8; 4];
    getrandom::fill(&mut bytes).expect("the operating system's generator does not fail once it is seeded");
    u64::from(u32::from_be_bytes(bytes))
}

/// Ends when the process is asked to stop: Ctrl-C, or SIGTERM from a service manager. Whoever asks after this was
/// called is heard, also before anybody waits: call it before saying that all is ready.
pub fn stop_signal() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let handler = |kind| signal(kind).expect("a handler for SIGINT or SIGTERM can always be set");
        let (mut terminate, mut interrupt) =
            (handler(SignalKind::terminate()), handler(SignalKind::interrupt()));
        async move {
            tokio::select! {
                biased;
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
    }
    #[cfg(not(unix))]
    async {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// SIGHUP: somebody asks that the configuration be read again. Where the system has no such signal, nobody ever does.
#[derive(Debug)]
pub struct Hangups {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Hangups {
    /// Hears them from here on; before, the signal ends the process.
    pub fn heard() -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Self { signal: signal(SignalKind::hangup()).expect("a handler for SIGHUP can always be set") }
        }
        #[cfg(not(unix))]
        Self {}
    }

    /// Ends with the next one.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if self.signal.recv().await.is_some() {
            return;
        }
        std::future::pending::<()>().await;
    }
}

impl LivePorts {
    /// Opens the doors. Runs inside the async runtime.
    ///
    /// # Errors
    ///
    /// Where the certificates of the operating system cannot be read.
    pub fn new(trust: Trust) -> Result<Self, Failure> {
        Self::with_limits(trust, Limits::default())
    }

    #[expect(clippy::disallowed_methods, reason = "the live ports are where the clock is read")]
    fn with_limits(trust: Trust, limits: Limits) -> Result<Self, Failure> {
        // Another part of the process may have installed it already; it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // One request is one call in the ledger: no redirects, no retries, and no proxy from the environment.
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(limits.connect)
            .timeout(limits.answer);
        let builder = match trust {
            Trust::System => builder,
            Trust::Nobody => builder.tls_certs_only([]),
        };
        let client = builder.build().map_err(|error| {
            Report::error(Code::NoClient, "could not make the HTTPS client")
                .because(&error)
                .hint("install your system's root certificates (Debian: `apt-get install ca-certificates`)")
        })?;
        let (offset_ms, _) = watch::channel(0);
        let world = World { client, limits, started: Instant::now(), offset_ms, panics: AtomicU64::new(0) };
        Ok(Self { world: Arc::new(world) })
    }

    /// Follows the sandbox's clock at `url` from here on: asks it once at once, and again and again beside everything
    /// else. While the sandbox does not answer, its clock is taken to run on as before.
    ///
    /// # Errors
    ///
    /// Where the first question has no answer.
    pub async fn follow_clock(&self, url: &str) -> Result<(), Failure> {
        let offset = self.clock_offset(url).await.map_err(|why| {
            Report::error(Code::ClockUnreachable, format!("could not follow the clock at `{url}`: {why}"))
                .hint("start the sandbox first: `frontdesk sandbox`")
        })?;
        self.world.offset_ms.send_replace(offset);
        let (ports, url) = (self.clone(), url.to_owned());
        self.spawn("follow-clock", async move {
            loop {
                ports.sleep(FOLLOW_EVERY).await;
                if let Ok(offset) = ports.clock_offset(&url).await {
                    ports
                        .world
                        .offset_ms
                        .send_if_modified(|known| std::mem::replace(known, offset) != offset);
                }
            }
        });
        Ok(())
    }

    async fn clock_offset(&self, url: &str) -> Result<i64, String> {
        let request = http::Request::get(url).body(Vec::new()).map_err(|_| "it is not a URL".to_owned())?;
        let answer = self.http(request).await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("it answered {}", answer.status()));
        }
        let page: ClockPage =
            serde_json::from_slice(answer.body()).map_err(|_| "it answered something else".to_owned())?;
        Ok(page.offset_ms)
    }

    /// Tasks that ended in a panic since the start. Each is a bug.
    pub fn panics(&self) -> u64 {
        self.world.panics.load(Ordering::Relaxed)
    }

    async fn exchange(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, NoAnswer> {
        let request = reqwest::Request::try_from(request).map_err(|_| NoAnswer::NotSent)?;
        let mut answer = self.world.client.execute(request).await.map_err(|error| classify(&error))?;
        let bytes_max = self.world.limits.bytes;
        let announced = answer.content_length().and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > bytes_max) {
            return Err(NoAnswer::TooLarge);
        }
        let mut body = Vec::with_capacity(announced.unwrap_or_default());
        while let Some(chunk) = answer.chunk().await.map_err(|error| classify_body(&error))? {
            if body.len() + chunk.len() > bytes_max {
                return Err(NoAnswer::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = http::Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

/// What an error before the answer's head means. Whatever is not certainly "not sent" may have acted.
fn classify(error: &reqwest::Error) -> NoAnswer {
    if error.is_connect() || error.is_builder() {
        NoAnswer::NotSent
    } else if error.is_timeout() {
        NoAnswer::TimedOut
    } else {
        NoAnswer::Broken
    }
}

/// What an error within the answer's body means: by then the request has arrived.
fn classify_body(error: &reqwest::Error) -> NoAnswer {
    if error.is_timeout() { NoAnswer::TimedOut } else { NoAnswer::Broken }
}

impl Ports for LivePorts {
    fn now_wall(&self) -> Timestamp {
        let offset = SignedDuration::from_millis(*self.world.offset_ms.borrow());
        // An offset that leads out of the calendar is the sandbox's mistake; the machine's clock is at least a time.
        machine_clock().checked_add(offset).unwrap_or_else(|_| machine_clock())
    }

    fn now_mono(&self) -> Duration {
        self.world.started.elapsed()
    }

    fn now_passed(&self) -> Duration {
        let moved_on = u64::try_from(*self.world.offset_ms.borrow()).unwrap_or(0);
        self.now_mono() + Duration::from_millis(moved_on)
    }

    #[expect(clippy::disallowed_methods, reason = "the live ports are where randomness comes from")]
    fn random(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system's generator does not fail once it is seeded");
    }

    #[expect(clippy::disallowed_methods, reason = "the live ports are where time passes")]
    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    async fn sleep_until(&self, until: Timestamp) {
        let mut offset = self.world.offset_ms.subscribe();
        loop {
            let left = until.duration_since(self.now_wall());
            let Ok(left) = Duration::try_from(left) else { return };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                biased;
                // The sender lives in the same world, so this ends only when the clock jumps.
                _ = offset.changed() => {}
                () = self.sleep(left.min(CLOCK_RECHECK)) => {}
            }
        }
    }

    async fn http(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, NoAnswer> {
        self.exchange(request).await
    }

    #[expect(clippy::disallowed_methods, reason = "the live ports are where tasks run")]
    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let world = Arc::clone(&self.world);
        let task = tokio::spawn(task);
        tokio::spawn(async move {
            if let Err(end) = task.await
                && end.is_panic()
            {
                world.panics.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    task = name,
                    why = panic_text(end.into_panic().as_ref()),
                    "a task ended in a panic"
                );
            }
        });
    }

    async fn mail(&self, _: Mail) -> Result<(), NoAnswer> {
        // No mail service can be configured in this version, so nothing leaves, and the caller is told so.
        Err(NoAnswer::NotSent)
    }

    fn crash_point(&self, _: &'static str) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// The message of a panic, if it is text.
fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests;
