//! Seeds that once broke a promise, each with its cause. They run before all others.

use crate::run::Profile;
use serde::Deserialize;

/// One such seed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Regression {
    /// The seed.
    pub seed: u64,
    profile: String,
    /// The promise that it broke.
    pub promise: String,
    /// Why, and what was done about it.
    pub cause: String,
}

impl Regression {
    /// How long its run is.
    pub fn profile(&self) -> Profile {
        Profile::parse(&self.profile).expect("the file is tested")
    }
}

#[derive(Deserialize)]
struct File {
    regression: Vec<Regression>,
}

/// All of them, the oldest first.
pub fn all() -> Vec<Regression> {
    let file: File = toml::from_str(include_str!("../regressions.toml")).expect("the file is tested");
    file.regression
}
