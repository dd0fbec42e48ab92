//! The sandbox as its users see it: a world driven directly, and a few exchanges over real HTTP.

mod http;
mod purchases;
mod tools;
