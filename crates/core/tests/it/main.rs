//! The rules of the core as tables, and its laws as properties.

mod checkouts;
mod diff;
mod explained;
mod facts;
mod forecast;
mod hints;
mod laws;
mod outlook;
mod rows;
mod rulings;
mod shop;
mod subscriptions;
mod sweep;
mod whatif;
