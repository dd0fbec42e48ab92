//! A world for tests: the clock moves when it is told to, randomness counts up, and nobody answers.

use frontdesk_engine::Ports;
use frontdesk_engine::ports::{Mail, NoAnswer};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// The ports. All clones are one world.
#[derive(Clone, Debug)]
pub(crate) struct TestPorts {
    began_at: Timestamp,
    elapsed: watch::Sender<Duration>,
    drawn: Arc<AtomicU64>,
    /// Whoever waits from here on panics: a fault in the middle of a handler.
    pub(crate) waiting_panics: Arc<AtomicBool>,
}

impl TestPorts {
    pub(crate) fn new(began_at: Timestamp) -> Self {
        Self {
            began_at,
            elapsed: watch::Sender::new(Duration::from_secs(1000)),
            drawn: Arc::default(),
            waiting_panics: Arc::default(),
        }
    }

    /// Moves the clock, and wakes whoever slept until then.
    pub(crate) fn pass(&self, span: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += span);
    }
}

impl Ports for TestPorts {
    fn now_wall(&self) -> Timestamp {
        let since = self.now_mono().checked_sub(Duration::from_secs(1000)).unwrap();
        self.began_at.checked_add(SignedDuration::try_from(since).unwrap()).unwrap()
    }

    fn now_mono(&self) -> Duration {
        *self.elapsed.borrow()
    }

    fn random(&self, buffer: &mut [u8]) {
        let nth = self.drawn.fetch_add(1, Ordering::Relaxed);
        let bytes = Sha256::digest(nth.to_be_bytes());
        buffer.copy_from_slice(&bytes[..buffer.len()]);
    }

    async fn sleep(&self, span: Duration) {
        assert!(!self.waiting_panics.load(Ordering::Relaxed), "planted");
        let until = self.now_mono() + span;
        self.elapsed.subscribe().wait_for(|elapsed| *elapsed >= until).await.unwrap();
    }

    async fn sleep_until(&self, until: Timestamp) {
        let span = until.duration_since(self.now_wall());
        self.sleep(Duration::try_from(span).unwrap_or_default()).await;
    }

    async fn http(&self, _: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, NoAnswer> {
        Err(NoAnswer::NotSent)
    }

    #[expect(clippy::disallowed_methods, reason = "these are the ports")]
    fn spawn(&self, _: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    async fn mail(&self, _: Mail) -> Result<(), NoAnswer> {
        Err(NoAnswer::NotSent)
    }

    async fn crash_point(&self, _: &'static str) {}
}
