//! The sandbox as its users see it: a world driven directly, and a few exchanges over real HTTP.

// `cfg(test)` marks the helpers too as a test's, so that they may unwrap.
#[cfg(test)]
mod contract;
#[cfg(test)]
mod http;
#[cfg(test)]
mod purchases;
#[cfg(test)]
mod tools;
