//! A single-threaded executor on a virtual clock.
//!
//! Each step polls one ready task, chosen by the seed; when none is ready, time jumps to the next timer. A task
//! belongs to a node: [`Executor::crash`] drops all tasks of a node at once, as a process death does.

use crate::rng::Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A group of tasks that live and die together. Zero is the world outside: it never dies.
pub type Node = usize;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Slot {
    node: Node,
    task: Option<Task>,
}

/// What tasks and the executor share.
#[derive(Default)]
struct Shared {
    now: Duration,
    /// Timers by deadline, then by the order in which they were set.
    timers: BinaryHeap<Reverse<(Duration, u64)>>,
    sleepers: std::collections::BTreeMap<u64, Waker>,
    next_timer: u64,
    ready: Vec<usize>,
    spawned: Vec<(Node, Task)>,
}

/// A handle with which tasks sleep and spawn.
#[derive(Clone, Default)]
pub struct Clock {
    shared: Arc<Mutex<Shared>>,
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Clock {
    fn with<T>(&self, work: impl FnOnce(&mut Shared) -> T) -> T {
        work(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Virtual time since the run began.
    pub fn now(&self) -> Duration {
        self.with(|shared| shared.now)
    }

    /// Ends `span` later.
    pub fn sleep(&self, span: Duration) -> Sleep {
        Sleep { clock: self.clone(), deadline: self.now().saturating_add(span), timer: None }
    }

    /// Adds a task to a node.
    pub fn spawn(&self, node: Node, task: impl Future<Output = ()> + Send + 'static) {
        self.with(|shared| shared.spawned.push((node, Box::pin(task))));
    }
}

/// See [`Clock::sleep`].
#[derive(Debug)]
pub struct Sleep {
    clock: Clock,
    deadline: Duration,
    timer: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let known = self.timer;
        let timer = self.clock.with(|shared| {
            if shared.now >= deadline {
                return None;
            }
            let timer = known.unwrap_or_else(|| {
                let timer = shared.next_timer;
                shared.next_timer += 1;
                shared.timers.push(Reverse((deadline, timer)));
                timer
            });
            shared.sleepers.insert(timer, context.waker().clone());
            Some(timer)
        });
        self.timer = timer;
        if timer.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.clock.with(|shared| shared.sleepers.remove(&timer));
        }
    }
}

struct TaskWaker {
    id: usize,
    clock: Clock,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.clock.with(|shared| {
            if !shared.ready.contains(&self.id) {
                shared.ready.push(self.id);
            }
        });
    }
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A task was polled.
    Polled(Node),
    /// Time passed.
    Jumped,
    /// Nothing is ready and nobody sleeps.
    Idle,
}

/// The executor.
pub struct Executor {
    clock: Clock,
    tasks: Vec<Slot>,
    free: Vec<usize>,
    rng: Rng,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Executor {
    /// An executor whose choices follow `rng`.
    pub fn new(rng: Rng) -> Self {
        Self { clock: Clock::default(), tasks: Vec::new(), free: Vec::new(), rng }
    }

    /// The handle for tasks.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    fn admit(&mut self) {
        let spawned = self.clock.with(|shared| std::mem::take(&mut shared.spawned));
        for (node, task) in spawned {
            let slot = Slot { node, task: Some(task) };
            let id = if let Some(id) = self.free.pop() {
                self.tasks[id] = slot;
                id
            } else {
                self.tasks.push(slot);
                self.tasks.len() - 1
            };
            self.clock.with(|shared| shared.ready.push(id));
        }
    }

    /// Polls one ready task, or lets time pass to the next timer, but not beyond `until`.
    pub fn step(&mut self, until: Duration) -> Step {
        self.admit();
        let ready = self.clock.with(|shared| shared.ready.len());
        if ready > 0 {
            let nth = usize::try_from(self.rng.below(ready as u64)).expect("an index fits");
            let id = self.clock.with(|shared| shared.ready.swap_remove(nth));
            let node = self.tasks[id].node;
            self.poll(id);
            return Step::Polled(node);
        }
        let woken = self.clock.with(|shared| {
            let deadline =
                shared.timers.peek().map(|Reverse((deadline, _))| *deadline).filter(|at| *at <= until);
            let Some(deadline) = deadline else {
                shared.now = until;
                return None;
            };
            shared.now = shared.now.max(deadline);
            let mut woken = Vec::new();
            while let Some(Reverse((at, timer))) = shared.timers.peek().copied() {
                if at > shared.now {
                    break;
                }
                shared.timers.pop();
                woken.extend(shared.sleepers.remove(&timer));
            }
            Some(woken)
        });
        match woken {
            Some(woken) => {
                woken.into_iter().for_each(Waker::wake);
                Step::Jumped
            }
            None => Step::Idle,
        }
    }

    fn poll(&mut self, id: usize) {
        let Some(mut task) = self.tasks[id].task.take() else { return };
        let waker = Waker::from(Arc::new(TaskWaker { id, clock: self.clock.clone() }));
        match task.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => self.free.push(id),
            Poll::Pending => self.tasks[id].task = Some(task),
        }
    }

    /// Drops every task of a node, ready or not.
    pub fn crash(&mut self, node: Node) {
        self.admit();
        for id in 0..self.tasks.len() {
            if self.tasks[id].node == node && self.tasks[id].task.take().is_some() {
                self.clock.with(|shared| shared.ready.retain(|ready| *ready != id));
                self.free.push(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_of(seed: u64) -> Vec<u64> {
        let mut executor = Executor::new(Rng::new(seed));
        let clock = executor.clock();
        let log = Arc::new(Mutex::new(Vec::new()));
        for n in 0..8u64 {
            let (clock, log) = (clock.clone(), log.clone());
            executor.clock().spawn(1, async move {
                clock.sleep(Duration::from_secs(n % 3)).await;
                log.lock().unwrap().push(n);
            });
        }
        while executor.step(Duration::from_secs(10)) != Step::Idle {}
        log.lock().unwrap().clone()
    }

    #[test]
    fn one_seed_gives_one_order_and_another_seed_another() {
        assert_eq!(order_of(1), order_of(1));
        assert!((2..20).any(|seed| order_of(seed) != order_of(1)));
    }

    #[test]
    fn a_crashed_node_does_nothing_more() {
        let mut executor = Executor::new(Rng::new(1));
        let clock = executor.clock();
        let done = Arc::new(Mutex::new(Vec::new()));
        for node in [1, 2] {
            let (clock, done) = (clock.clone(), done.clone());
            executor.clock().spawn(node, async move {
                clock.sleep(Duration::from_secs(1)).await;
                done.lock().unwrap().push(node);
            });
        }
        executor.step(Duration::from_secs(5));
        executor.crash(1);
        while executor.step(Duration::from_secs(5)) != Step::Idle {}
        assert_eq!(*done.lock().unwrap(), [2]);
    }
}
