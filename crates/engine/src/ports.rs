//! The doors to the outside world.
//!
//! The engine is generic over [`Ports`]. The binary has the live implementation (operating system clock, sockets);
//! the simulator has one that runs on a seeded executor and a virtual clock. Everything the engine does beyond
//! values and the store goes through here, so a simulated run is the real engine.

use jiff::Timestamp;
use std::future::Future;
use std::time::Duration;

/// How long a provider may take to accept a connection.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How long a provider may take for a whole answer. Shorter than a lease leaves (RELIABILITY I18).
pub const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Largest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a request came back without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// No byte of the request left: certainly not done.
    #[error("could not connect")]
    NotSent,
    /// The request left and no answer came: it may have been done.
    #[error("no answer within {}s", ANSWER_WITHIN.as_secs())]
    TimedOut,
    /// The connection broke after the request left: it may have been done.
    #[error("the connection broke before the answer was complete")]
    Broken,
    /// The answer is larger than [`ANSWER_BYTES_MAX`]. It was answered, but what it says is not known.
    #[error("the answer is larger than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
}

impl NoAnswer {
    /// Whether the request may have reached the provider.
    pub const fn may_have_acted(&self) -> bool {
        !matches!(self, Self::NotSent)
    }
}

/// A message to a person. The first version sends none; the port is here so that the simulator owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The address of the reader.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The text, plain.
    pub text: String,
}

/// The outside world.
pub trait Ports: Clone + Send + Sync + 'static {
    /// The wall clock, UTC.
    fn now_wall(&self) -> Timestamp;

    /// A clock that never jumps, from an arbitrary start. Durations are measured with it.
    fn now_mono(&self) -> Duration;

    /// How much time has passed, from an arbitrary start: that of the monotonic clock, and what a sandbox's clock was moved
    /// on by on purpose. A wall clock that lies moves it nowhere.
    fn now_passed(&self) -> Duration {
        self.now_mono()
    }

    /// Fills `buffer` with unpredictable bytes.
    fn random(&self, buffer: &mut [u8]);

    /// Ends after `span` of the monotonic clock.
    fn sleep(&self, span: Duration) -> impl Future<Output = ()> + Send;

    /// Ends when the wall clock reads `until` or later, also when the clock jumps there.
    fn sleep_until(&self, until: Timestamp) -> impl Future<Output = ()> + Send;

    /// Sends a request and reads the whole answer, within [`CONNECT_WITHIN`], [`ANSWER_WITHIN`] and
    /// [`ANSWER_BYTES_MAX`]. Redirects are not followed.
    fn http(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> impl Future<Output = Result<http::Response<Vec<u8>>, NoAnswer>> + Send;

    /// Runs `task` beside the caller until it ends or the process stops. `name` is for logs.
    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static);

    /// Hands a message over to the mail service.
    fn mail(&self, message: Mail) -> impl Future<Output = Result<(), NoAnswer>> + Send;

    /// Ends at once, except in a simulation whose fault plan says that the process dies at `step`: then it never
    /// ends, and the task is dropped with its node. Step names: RELIABILITY §0.
    fn crash_point(&self, step: &'static str) -> impl Future<Output = ()> + Send;

    /// Whether a planted bug is switched on. Always `false` outside test builds with the feature `planted`.
    fn is_planted(&self, bug: &'static str) -> bool {
        let _ = bug;
        false
    }
}

/// Random text of `N` bytes as a number, for jitter.
pub fn jitter<P: Ports>(ports: &P, span: Duration) -> Duration {
    let mut bytes = [0u8; 8];
    ports.random(&mut bytes);
    let ceiling = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(u64::from_be_bytes(bytes) % ceiling)
}
