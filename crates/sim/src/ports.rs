//! The doors of a simulated node: the virtual clock, seeded chance, the simulated network.

use crate::executor::Node;
use crate::fault::Fault;
use crate::rng::Rng;
use crate::world::Stage;
use frontdesk_engine::Ports;
use frontdesk_engine::ports::{Mail, NoAnswer};
use jiff::{SignedDuration, Timestamp};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a wait for the wall clock is looked at, because the clock may jump.
const WALL_LOOKS_EVERY: Duration = Duration::from_mins(10);

/// See the module.
#[derive(Clone, Debug)]
pub struct SimPorts {
    stage: Stage,
    node: Node,
    chance: Arc<Mutex<Rng>>,
}

impl SimPorts {
    /// The ports of a node.
    pub fn new(stage: Stage, node: Node, rng: Rng) -> Self {
        Self { stage, node, chance: Arc::new(Mutex::new(rng)) }
    }

    fn draw<T>(&self, work: impl FnOnce(&mut Rng) -> T) -> T {
        work(&mut self.chance.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ports for SimPorts {
    fn now_wall(&self) -> Timestamp {
        self.stage.work.or_unwind();
        self.stage.told_now()
    }

    fn now_mono(&self) -> Duration {
        self.stage.clock.now()
    }

    fn random(&self, buffer: &mut [u8]) {
        self.draw(|rng| rng.fill(buffer));
    }

    fn sleep(&self, span: Duration) -> impl Future<Output = ()> + Send {
        self.stage.clock.sleep(span)
    }

    async fn sleep_until(&self, until: Timestamp) {
        loop {
            let left = until.duration_since(self.stage.told_now());
            if left <= SignedDuration::ZERO {
                // A step of virtual time, so that a wait for the past cannot spin.
                self.stage.clock.sleep(Duration::from_millis(1)).await;
                return;
            }
            let left = Duration::try_from(left).unwrap_or(Duration::MAX);
            self.stage.clock.sleep(left.min(WALL_LOOKS_EVERY)).await;
        }
    }

    fn http(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> impl Future<Output = Result<http::Response<Vec<u8>>, NoAnswer>> + Send {
        let (stage, node) = (self.stage.clone(), self.node);
        async move { stage.carry(node, request).await }
    }

    fn spawn(&self, _name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.stage.clock.spawn(self.node, task);
    }

    async fn mail(&self, _message: Mail) -> Result<(), NoAnswer> {
        Err(NoAnswer::NotSent)
    }

    async fn crash_point(&self, step: &'static str) {
        let Some(fault) = Fault::crash_at(step) else { return };
        // Around a call alone: a process that is held up applies no events either, and here one task stands for it.
        let is_call = step.starts_with('C');
        let (pauses, strikes) = self.stage.with(|shared| {
            let plan = shared.plan.clone();
            self.draw(|rng| (is_call && plan.strikes(Fault::Pause, rng), plan.strikes(fault, rng)))
        });
        if pauses {
            self.stage.with(|shared| shared.marks.hit(Fault::Pause));
            let span = Duration::from_secs(self.draw(|rng| rng.between(20, 300)));
            let from = self.stage.true_now();
            // Whoever is held up keeps what it just heard to itself, and another goes on meanwhile.
            self.stage.forgets_limits();
            self.stage.clock.sleep(span).await;
            self.stage.stumbled(from);
        }
        if strikes {
            self.stage.die(self.node, fault);
            std::future::pending::<()>().await;
        }
    }

    fn is_planted(&self, bug: &'static str) -> bool {
        cfg!(feature = "planted") && self.stage.with(|shared| shared.bug == Some(bug))
    }
}
