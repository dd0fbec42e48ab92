//! How many may be here at once: so many altogether, and so many from one network. For connections, and for the
//! streams of live pages.

use crate::client::Network;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The seats of one sort. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Seats {
    all_max: usize,
    of_one_max: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_network: BTreeMap<Network, usize>,
}

/// One seat, free again when it is dropped.
#[derive(Debug)]
pub struct Seat {
    network: Option<Network>,
    seats: Seats,
}

impl Seats {
    /// `all_max` seats, and `of_one_max` of them for one network.
    pub(crate) fn new(all_max: usize, of_one_max: usize) -> Self {
        Self { all_max, of_one_max, taken: Arc::default() }
    }

    /// Takes a seat; `None` where there is none left, altogether or for this network. Without a network, such as for a
    /// proxy that speaks for many, the first alone counts.
    pub(crate) fn take(&self, network: Option<Network>) -> Option<Seat> {
        let mut taken = self.lock();
        if taken.all >= self.all_max {
            return None;
        }
        if let Some(network) = network {
            let of_one = taken.by_network.entry(network).or_default();
            if *of_one >= self.of_one_max {
                return None;
            }
            *of_one += 1;
        }
        taken.all += 1;
        drop(taken);
        Some(Seat { network, seats: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Nothing that holds this lock can panic half-way through a change.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all -= 1;
        let Some(network) = self.network else { return };
        if let Some(of_one) = taken.by_network.get_mut(&network) {
            *of_one -= 1;
            if *of_one == 0 {
                taken.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(nth: u32) -> Network {
        Network::V4(nth.into())
    }

    #[test]
    fn a_network_has_its_share_and_leaves_the_rest_to_others() {
        let seats = Seats::new(10, 3);
        let mut held: Vec<_> = (0..3).map(|_| seats.take(Some(network(0))).unwrap()).collect();
        assert!(seats.take(Some(network(0))).is_none());
        held.push(seats.take(Some(network(1))).unwrap());
        held.remove(0);
        held.push(seats.take(Some(network(0))).unwrap());
        assert!(seats.take(Some(network(0))).is_none());
    }

    #[test]
    fn all_have_so_many_together_and_who_left_is_forgotten() {
        let seats = Seats::new(10, 3);
        let mut held: Vec<_> = (0..6).map(|nth| seats.take(Some(network(nth))).unwrap()).collect();
        // Who speaks for many has no share, and a place like everybody.
        held.extend((0..4).map(|_| seats.take(None).unwrap()));
        assert!(seats.take(None).is_none() && seats.take(Some(network(6))).is_none());
        drop(held);
        let taken = seats.lock();
        assert_eq!((taken.all, taken.by_network.len()), (0, 0));
    }
}
