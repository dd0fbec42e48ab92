//! Who watches a live page: so many at once altogether, and so many from one network.

use crate::client::Network;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Live streams at once. A page without one still shows its answer and a link to look again.
const SEATS_MAX: usize = 1024;
/// Of these, streams of one network: a household or an office, and not a stranger who takes every seat.
const SEATS_OF_ONE_MAX: usize = 32;

/// The seats that are taken. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats {
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_network: BTreeMap<Network, usize>,
}

/// One seat, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    network: Network,
    seats: Seats,
}

impl Seats {
    /// Takes a seat; `None` where there is none left, altogether or for this network.
    pub(crate) fn take(&self, network: Network) -> Option<Seat> {
        let mut taken = self.lock();
        let of_one = taken.by_network.get(&network).copied().unwrap_or(0);
        if taken.all >= SEATS_MAX || of_one >= SEATS_OF_ONE_MAX {
            return None;
        }
        taken.all += 1;
        taken.by_network.insert(network, of_one + 1);
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
        if let Some(of_one) = taken.by_network.get_mut(&self.network) {
            *of_one -= 1;
            if *of_one == 0 {
                taken.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(nth: usize) -> Network {
        Network::V4(u32::try_from(nth).unwrap().into())
    }

    #[test]
    fn a_network_has_its_share_and_leaves_the_rest_to_others() {
        let seats = Seats::default();
        let mut held: Vec<_> = (0..SEATS_OF_ONE_MAX).map(|_| seats.take(network(0)).unwrap()).collect();
        assert!(seats.take(network(0)).is_none());
        held.push(seats.take(network(1)).unwrap());
        held.remove(0);
        held.push(seats.take(network(0)).unwrap());
        assert!(seats.take(network(0)).is_none());
    }

    #[test]
    fn all_have_so_many_together_and_who_left_is_forgotten() {
        let seats = Seats::default();
        let held: Vec<_> = (0..SEATS_MAX).map(|nth| seats.take(network(nth)).unwrap()).collect();
        assert!(seats.take(network(SEATS_MAX)).is_none());
        drop(held);
        let taken = seats.lock();
        assert_eq!((taken.all, taken.by_network.len()), (0, 0));
    }
}
