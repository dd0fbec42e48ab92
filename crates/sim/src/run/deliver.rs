//! The webhook sender: what leaves the payment account, how the network treats it, and what a process answers.

use super::Run;
use crate::fault::Fault;
use crate::hooks;
use crate::oracle;
use crate::rng::Rng;
use frontdesk_engine::ingest::{Answer, Standing};
use frontdesk_sandbox::Delivery;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;

impl Run {
    /// Hands one delivery to a living node, as the network would, and tells the sender what came back.
    async fn deliver(self, delivery: Delivery, mut rng: Rng) {
        let plan = self.stage.with(|shared| shared.plan.clone());
        let strike = |fault, rng: &mut Rng| {
            let strikes = plan.strikes(fault, rng);
            if strikes {
                self.stage.with(|shared| shared.marks.hit(fault));
            }
            strikes
        };
        let mut wait = rng.between(1, 800);
        if strike(Fault::Reorder, &mut rng) {
            wait += rng.below(60_000);
        }
        // A signature is good for five minutes: what is later comes as the sender's own retry.
        let is_late = strike(Fault::Late, &mut rng);
        self.stage.clock.sleep(Duration::from_millis(wait)).await;
        if strike(Fault::Lost, &mut rng) {
            // The sender believes that it arrived: only the source's own list still tells of it.
            let now = self.stage.true_now();
            self.stage.trace(0, format!("delivery {} is lost for good", delivery.event));
            // What a forger or a broken sender makes is in no list.
            if delivery.event.starts_with("evt_") && !delivery.event.starts_with("evt_forged") {
                self.truth(|truth| _ = truth.lost.entry(delivery.event.clone()).or_insert(now));
            }
            self.stage.with(|shared| shared.world.delivered(delivery.id, Ok(200), now));
            self.sender.notify_one();
            return;
        }
        let copies = if strike(Fault::Duplicate, &mut rng) { rng.between(2, 5) } else { 1 };
        let mut outcome = Err("nobody listens".to_owned());
        if is_late {
            outcome = Err("lost on the way".to_owned());
        } else {
            let attempts: Vec<_> = (0..copies).map(|_| self.post(&delivery, &mut rng)).collect();
            for attempt in attempts {
                if let Ok(status) = attempt.await {
                    outcome = Ok(status);
                }
            }
        }
        if outcome.is_ok() && strike(Fault::LostAnswerToSender, &mut rng) {
            outcome = Err("no answer".to_owned());
        }
        let now = self.stage.true_now();
        self.stage.trace(0, format!("delivery {} {outcome:?}", delivery.event));
        self.stage.with(|shared| shared.world.delivered(delivery.id, outcome, now));
        self.sender.notify_one();
    }

    /// One request to a living node. The answer is lost when the node dies meanwhile.
    fn post(&self, delivery: &Delivery, rng: &mut Rng) -> oneshot::Receiver<u16> {
        let (tell, hear) = oneshot::channel();
        let living = self.living_nodes();
        if living.is_empty() {
            return hear;
        }
        let (node, engine) = rng.pick(&living).clone();
        let (run, delivery) = (self.clone(), delivery.clone());
        self.stage.clock.spawn(node, async move {
            if let Some(status) = hooks::hear(&engine, &delivery).await {
                let _ = tell.send(status);
                return;
            }
            let event =
                if delivery.event.is_empty() { id_in(&delivery.body) } else { delivery.event.clone() };
            let answer = engine.ingest(hooks::signature(&delivery).as_deref(), &delivery.body).await;
            let status = match &answer {
                Answer::Stored { standing, .. } => {
                    oracle::acknowledged(&run, &event, *standing == Standing::Duplicate).await;
                    200
                }
                Answer::Refused(_) => 401,
                Answer::NoEvent(_) => 400,
                Answer::Busy { .. } => 503,
            };
            // The sender may have given up.
            let _ = tell.send(status);
        });
        hear
    }

    /// The webhook sender: takes what is due, hands it over, sleeps until the next.
    pub(super) async fn send(self, rng: Rng) {
        loop {
            let now = self.stage.true_now();
            for delivery in self.stage.with(|shared| shared.world.due_deliveries(now)) {
                let nth = self.sent.fetch_add(1, Ordering::Relaxed);
                if self.dropped.contains(&nth) {
                    self.stage
                        .with(|shared| shared.world.delivered(delivery.id, Err("left out".to_owned()), now));
                    continue;
                }
                let rng = rng.fork(&format!("delivery{nth}"));
                self.stage.clock.spawn(0, self.clone().deliver(delivery, rng));
            }
            let next = self.stage.with(|shared| shared.world.next_due());
            let wait =
                next.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or(Duration::from_millis(1)));
            let wait = wait.unwrap_or(Duration::from_hours(1)).max(Duration::from_millis(1));
            tokio::select! {
                biased;
                () = self.sender.notified() => {}
                () = self.stage.clock.sleep(wait) => {}
            }
        }
    }
}

/// Asks the sender for every event that was never acknowledged, but for those that are lost for good or were before
/// there was anybody to tell.
pub(super) fn resend(run: &Run) {
    let now = run.stage.true_now();
    let (known, untold) = run.truth(|truth| {
        let untold: BTreeSet<_> = truth.lost.keys().chain(&truth.before).cloned().collect();
        (truth.acknowledged.clone(), untold)
    });
    let state = run.stage.with(|shared| shared.world.stripe.state(now));
    for event in state["events"].as_array().into_iter().flatten() {
        if let Some(id) = event["id"].as_str()
            && !known.contains_key(id)
            && !untold.contains(id)
        {
            run.stage.control("stripe/redeliver", &json!({ "event": id }));
        }
    }
    run.sender.notify_one();
}

/// The id that a raw event gives itself.
fn id_in(body: &[u8]) -> String {
    let event: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    event["id"].as_str().unwrap_or_default().to_owned()
}
