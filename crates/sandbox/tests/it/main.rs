//! The sandbox as its users see it: a world driven directly, and a few exchanges over real HTTP.

// `cfg(test)` marks the helpers too as a test's, so that they may unwrap.
#[cfg(test)]
mod contract;
#[cfg(test)]
mod deliveries;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod http;
#[cfg(test)]
mod journeys;
#[cfg(test)]
mod life;
#[cfg(test)]
mod purchases;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod tools;
