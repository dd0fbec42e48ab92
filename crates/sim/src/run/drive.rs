//! How a run is played: faults, then rest, then silence, then the books.

use super::deliver::resend;
use super::{CONVERGES_WITHIN, Run, SILENCE};
use crate::executor::{Executor, Node, Step};
use crate::fault::{Fault, Plan};
use crate::oracle;
use crate::rng::Rng;
use crate::work::UsedUp;
use crate::world::Broken;
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often it is looked what is told of removals past their time.
const TOLD_EVERY: Duration = Duration::from_mins(1);

pub(super) struct Drive<'a> {
    pub(super) run: &'a Run,
    pub(super) executor: &'a mut Executor,
    pub(super) lives: BTreeMap<Node, u64>,
    pub(super) fate: Rng,
}

impl Drive<'_> {
    /// The whole run: faults, then rest, then silence, then the books.
    pub(super) fn play(&mut self, rng: &Rng, people: usize) -> Result<(), UsedUp> {
        let run = self.run;
        let (stage, span) = (&run.stage, run.span);
        self.until_watching(span)?;
        // The faults stop. Whatever the sender gave up on, it is asked for once more.
        stage.trace(0, "the faults stop");
        stage.with(|shared| {
            shared.plan = Plan::default();
            shared.out_until.clear();
            shared.refuses_until.clear();
            shared.stuck_until = None;
            shared.clock_lie = SignedDuration::ZERO;
        });
        resend(run);
        stage.clock.spawn(0, run.clone().tidy_up(rng.fork("tidy")));
        self.until_watching(span + CONVERGES_WITHIN)?;
        let settled = block(oracle::converged(run));
        let heard = stage.with(|shared| shared.heard.len());
        if run.adopts && settled {
            stage.clock.spawn(0, run.clone().import_again(rng.fork("import again")));
        }
        run.look_less_often();
        self.until(span + CONVERGES_WITHIN + SILENCE)?;
        if settled {
            oracle::silent(run, heard);
            run.open_books(people);
        }
        Ok(())
    }

    /// The same as [`Drive::until`], and looks at the alerts now and then.
    fn until_watching(&mut self, until: Duration) -> Result<(), UsedUp> {
        while self.run.stage.clock.now() < until {
            let next = (self.run.stage.clock.now() + TOLD_EVERY).min(until);
            self.until(next)?;
            block(oracle::look_at_alerts(self.run));
        }
        Ok(())
    }

    /// Lets the run live until an instant of virtual time.
    fn until(&mut self, until: Duration) -> Result<(), UsedUp> {
        while self.step(until)? != Step::Idle {
            for node in self.run.stage.with(|shared| std::mem::take(&mut shared.dying)) {
                self.executor.crash(node);
                self.run.nodes(|nodes| nodes.insert(node, None));
                let life = self.lives.entry(node).or_default();
                *life += 1;
                let (run, life) = (self.run.clone(), *life);
                let pause = Duration::from_millis(self.fate.between(50, 60_000));
                self.run.stage.clock.spawn(0, async move {
                    run.stage.clock.sleep(pause).await;
                    run.start_node(node, life);
                });
            }
            if self.run.stage.work.is_used_up() {
                return Err(UsedUp);
            }
        }
        Ok(())
    }

    /// One step, from which a task that never puts itself down is unwound.
    fn step(&mut self, until: Duration) -> Result<Step, UsedUp> {
        catch_unwind(AssertUnwindSafe(|| self.executor.step(until))).or_else(|panic| {
            panic.downcast::<UsedUp>().map_or_else(|panic| resume_unwind(panic), |used_up| Err(*used_up))
        })
    }
}

impl Run {
    /// Opens the books of a run that came to rest.
    fn open_books(&self, people: usize) {
        let now = self.stage.true_now();
        let (heard, circle, kit) = self.stage.with(|shared| {
            (std::mem::take(&mut shared.heard), shared.world.circle.state(now), shared.world.kit.state(now))
        });
        let is_true_to_time =
            self.stage.with(|shared| !shared.marks.injected.contains_key(&Fault::ClockJump));
        let troubles = self.stage.with(|shared| std::mem::take(&mut shared.troubles));
        let told = self.told(std::mem::take);
        let (tally, stumbled, jumped) =
            self.stage.with(|shared| (shared.tally.clone(), shared.stumbled.clone(), shared.jumped.clone()));
        let mut truth = self.truth(|truth| truth.clone());
        block(oracle::take_in_what_was_polled(self, &mut truth));
        let books = oracle::Books {
            store: &self.store,
            heard,
            circle,
            kit,
            truth,
            times: is_true_to_time.then(|| oracle::Times {
                troubles,
                told,
                poll_every: self.settings(|settings| settings.source.poll_every),
            }),
            tally: Some(tally),
            stumbled,
            jumped,
            reserve: self
                .reserve
                .filter(|_| is_true_to_time)
                .map(|usable| oracle::Reserve { usable, until: self.ends_at() }),
            people,
            now,
            seen: Mutex::default(),
        };
        block(oracle::open(&books));
        if block(oracle::reached_reserve(&books)) {
            self.stage.with(|shared| shared.marks.hit(Fault::Reserve));
        }
        for Broken { promise, what } in books.seen.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.stage.broken(promise, what);
        }
    }
}

/// Runs a future that never waits: the store works in the caller's thread.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("the store answers in the caller's thread"),
    }
}
