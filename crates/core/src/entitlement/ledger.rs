//! The facts of one record by kind, each with the state that counts.

use crate::fact::{
    Body, Charge, Checkout, CheckoutOutcome, Current, Customer, Dispute, Fact, Invoice, InvoicePayments, Key,
    Kind, LineItems, Payment, Refund, Subscription,
};
use crate::id::SourceId;
use crate::pairing::Pairing;
use crate::ruling::Ruling;
use std::collections::BTreeMap;

/// A kind of state.
pub(crate) trait State: Sized {
    /// Its kind.
    const KIND: Kind;
    /// The state, if `body` is of this kind.
    fn of(body: &Body) -> Option<&Self>;
}

macro_rules! states {
    ($($state:ident)*) => {$(
        impl State for $state {
            const KIND: Kind = Kind::$state;
            fn of(body: &Body) -> Option<&Self> {
                match body {
                    Body::$state(state) => Some(state),
                    _ => None,
                }
            }
        }
    )*};
}

states!(Customer Checkout CheckoutOutcome LineItems Subscription Invoice InvoicePayments Payment Charge Refund Dispute Ruling Pairing);

/// One object with the state that counts.
#[derive(Debug)]
pub(crate) struct Told<'a, T> {
    /// Which object.
    pub(crate) key: &'a Key,
    /// All that is known of it.
    pub(crate) fact: &'a Fact,
    /// The version that counts.
    pub(crate) current: Current<'a>,
    /// Its state.
    pub(crate) state: &'a T,
}

impl<T> Clone for Told<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Told<'_, T> {}

impl<T> Told<'_, T> {
    /// When the source said so.
    pub(crate) const fn at(&self) -> jiff::Timestamp {
        self.current.version.at
    }

    /// When an event told the state that counts; `None` where only reads and exports show it, whose time says nothing of when
    /// it came about.
    pub(crate) fn came_at(&self) -> Option<jiff::Timestamp> {
        let event = self.fact.event.as_ref()?;
        (event.hash == self.current.version.hash).then_some(event.at)
    }
}

/// The facts of one record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ledger<'a> {
    facts: &'a BTreeMap<Key, Fact>,
}

impl<'a> Ledger<'a> {
    /// A view of these facts.
    pub(crate) const fn new(facts: &'a BTreeMap<Key, Fact>) -> Self {
        Self { facts }
    }

    /// All objects of one kind, in the order of their keys.
    pub(crate) fn all<T: State + 'a>(self) -> impl Iterator<Item = Told<'a, T>> {
        self.facts
            .iter()
            .filter(|(key, _)| key.kind == T::KIND)
            .filter_map(|(key, fact)| Self::told(key, fact))
    }

    /// One object.
    pub(crate) fn get<T: State>(self, source: &SourceId, id: &str) -> Option<Told<'a, T>> {
        let (key, fact) = self.facts.get_key_value(&Key::new(source, T::KIND, id))?;
        Self::told(key, fact)
    }

    fn told<T: State>(key: &'a Key, fact: &'a Fact) -> Option<Told<'a, T>> {
        let current = fact.current();
        T::of(&current.version.body).map(|state| Told { key, fact, current, state })
    }
}
