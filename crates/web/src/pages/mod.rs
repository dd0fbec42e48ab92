//! What customers see: Welcome, Status, and the plain pages for a link that is gone and for trouble.
//!
//! A page is a value: it is made from what a route already knows, asks nothing and reads no clock.
//! All sentences come from [`frontdesk_core::words`]; this module decides where they stand.
//!
//! # Live pages
//!
//! A page whose [`Visit::stream`] is set listens there for server-sent events. An event named like a
//! [`Region`] carries that region's new HTML ([`Status::regions`], [`Welcome::regions`]); an event
//! named [`LOOKED`] says that the server has looked and nothing changed. Send `icons` first, and
//! something at least every [`HEARTBEAT`]: after half a minute of silence the page says that it no
//! longer updates. The script never moves what stands in focus or under the pointer.
//!
//! # Rules of the markup
//!
//! No inline style or script, no address of another origin but in links that a person follows, no
//! full e-mail address of a customer. Text from outside is escaped by the templates, and a link from
//! outside is shown only if it is an `http` or `https` address.

mod answer;
mod assets;
mod customer;
mod frame;
mod have;
mod icon;
mod line;
mod plain;
mod steps;

pub use assets::{Asset, asset};
pub use customer::{HEARTBEAT, LOOKED, Region, Status, Welcome};
pub use frame::{Site, Visit};
pub use have::Holding;
pub use plain::{Failure, LinkGone, Trouble};
pub use steps::Milestones;

use frontdesk_core::{
    stage::{Stage, StageOf},
    words::{Places, Variant},
};

/// Where a customer stands, as the headline of a page needs it.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The most urgent of the customer's stages.
    pub stage: Stage,
    /// What tells it apart from others of the same stage.
    pub variant: Variant,
    /// The values of its sentences. The community's name comes from the [`Site`].
    pub places: Places<'a>,
    /// Where the failed or unpaid invoice can be paid, as the payment provider gave it.
    pub pay_url: Option<&'a str>,
    /// What has happened so far, and when.
    pub milestones: Milestones,
}

impl<'a> Situation<'a> {
    /// The situation of a stage. Whether an invitation has expired is for the caller to say, in
    /// [`Situation::variant`]: the target's settings know how long it lasts.
    pub fn of(of: &'a StageOf, milestones: Milestones) -> Self {
        Self {
            stage: of.stage,
            variant: of.detail.into(),
            places: Places::of(of),
            pay_url: of.pay_url.as_deref(),
            milestones,
        }
    }

    /// What an unknown or outdated checkout is answered with: the same for all of them.
    pub fn processing() -> Self {
        Self {
            stage: Stage::PaymentProcessing,
            variant: Variant::Plain,
            places: Places::default(),
            pay_url: None,
            milestones: Milestones::default(),
        }
    }

    /// The same as far as the holder of a weak key may see it.
    #[must_use]
    fn for_weak_key(self) -> Self {
        Self { places: self.places.for_weak_key(), pay_url: None, ..self }
    }
}
