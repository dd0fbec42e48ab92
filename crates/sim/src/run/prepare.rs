//! What is there before a run begins: a database, what every process is told, how the providers behave.

use super::{Profile, Run, SECRET};
use crate::customers::address;
use crate::fault::{Fault, Plan};
use crate::hooks;
use crate::rng::Rng;
use frontdesk_core::budget::{Limits, Monthly};
use frontdesk_core::id::SourceId;
use frontdesk_core::target::Target;
use frontdesk_engine::settings::{Connection, Mode, Settings, Source, TargetSettings};
use frontdesk_providers::call::Base;
use frontdesk_providers::secret::Secret;
use frontdesk_providers::{circle, kit, stripe};
use jiff::SignedDuration;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Calls a month of a plan of Circle's.
pub(crate) const LARGE_MONTH: u32 = 5000;

/// A directory of a run's own, gone when the run ends. On a memory file system where there is one: what a simulated
/// power loss does to a disk is not this run's business, and a sync of a real one would take most of its time.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn new(seed: u64) -> std::io::Result<Self> {
        static NTH: AtomicU64 = AtomicU64::new(0);
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("frontdesk-sim-{}-{seed:x}-{nth}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is in a directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn settings(knobs: &mut Rng, nodes: usize) -> Settings {
    let key = Secret::new("sources.stripe.api_key", "rk_live_sandbox_frontdesk".to_owned());
    let api = stripe::read::Account::new("https://api.stripe.com", key).expect("a good address and key");
    let circle = circle::Account {
        base: Base::parse("https://app.circle.so").expect("a good address"),
        token: Secret::new("targets.circle.token", "circle_sandbox_token".to_owned()),
        scheme: circle::Scheme::Token,
    };
    let kit = kit::Account {
        base: Base::parse("https://api.kit.com").expect("a good address"),
        credential: kit::Credential::ApiKey(Secret::new("targets.kit.api_key", "kit_sandbox_key".to_owned())),
    };
    let limits = |calls, seconds| Limits { calls, window: SignedDuration::from_secs(seconds), monthly: None };
    let sweep_every = Some(SignedDuration::from_hours(*knobs.pick(&[3, 6, 12])));
    let poll_every = Some(SignedDuration::from_mins(*knobs.pick(&[5, 10, 15])));
    let target = |connection, limits, hook_secret: &str| TargetSettings {
        mode: Mode::Live,
        connection,
        limits,
        hook_secrets: vec![Secret::new("targets.hook_secret", hook_secret.to_owned())],
        sweep_every,
    };
    let monthly = Some(month(LARGE_MONTH));
    Settings {
        node: String::new(),
        source: Source {
            id: SourceId::new("stripe"),
            signing_secrets: vec![Secret::new("sources.stripe.signing_secrets[0]", SECRET.to_owned())],
            livemode: true,
            account: None,
            api,
            limits: limits(15, 1),
            poll_every,
        },
        targets: [
            (
                Target::Circle,
                target(
                    Connection::Circle(circle),
                    Limits { monthly, ..limits(1500, 300) },
                    hooks::CIRCLE_SECRET,
                ),
            ),
            (Target::Kit, target(Connection::Kit(kit), limits(100, 60), hooks::KIT_SECRET)),
        ]
        .into(),
        catalogue: Run::catalogue(),
        lease: SignedDuration::from_secs(i64::try_from(knobs.between(45, 120)).expect("seconds fit")),
        look_every: SignedDuration::from_secs(if nodes > 1 { *knobs.pick(&[60, 150, 300]) } else { 600 }),
    }
}

const fn month(calls: u32) -> Monthly {
    Monthly { calls, renews_day: 14 }
}

/// Has Circle allow so many calls a month.
pub(crate) fn have_month_of(settings: &mut Settings, calls: u32) -> Monthly {
    let monthly = month(calls);
    if let Some(circle) = settings.targets.get_mut(&Target::Circle) {
        circle.limits.monthly = Some(monthly);
    }
    monthly
}

/// What is there before anybody buys: the endpoint, members and subscribers of old, how the providers behave.
pub(super) fn prepare(run: &Run, plan: &Plan, knobs: &mut Rng, people: usize, profile: Profile) {
    let endpoint = json!({ "url": "https://members.northwind.example/webhooks/stripe", "secret": SECRET, "enabled_events": ["*"] });
    run.stage.control("stripe/endpoint", &endpoint);
    for person in 0..people {
        let email = address(person);
        match knobs.below(3) {
            0 if !run.is_member(&email) => {
                let body = json!({ "email": email, "name": "Of old", "state": "active" });
                run.stage.control("circle/member", &body);
            }
            1 if !run.is_subscriber(&email) => {
                run.stage.control("kit/subscriber", &json!({ "email": email, "state": "active" }));
            }
            _ => {}
        }
    }
    let switch = |provider: &str, name: &str, value: serde_json::Value| {
        run.stage.control("faults", &json!({ "provider": provider, "switch": name, "value": value }));
    };
    switch("circle", "existing_post", json!(knobs.pick(&["201", "409", "422"])));
    switch("circle", "repeat_add", json!(knobs.pick(&["201", "200", "422", "unknown_2xx"])));
    switch("circle", "id_at_top_level", json!(knobs.hits(300)));
    switch("circle", "over_allowance", json!("serve"));
    switch("kit", "untag_absent", json!(knobs.pick(&["204", "404"])));
    if plan.has(Fault::StaleReads) {
        switch("circle", "read_lag_s", json!(knobs.between(1, 30)));
        switch("kit", "list_lag_s", json!(knobs.between(1, 300)));
        run.stage.with(|shared| shared.marks.hit(Fault::StaleReads));
    }
    if plan.has(Fault::ChangingList) {
        // Short pages, so that lists have several; not so short that sweeps use up the month.
        switch("circle", "per_page_max", json!(if profile == Profile::Short { 2 } else { 10 }));
    }
    for target in Target::ALL {
        // Half of all communities let a target say by itself what changes there.
        if knobs.hits(500) {
            let (action, body) = hooks::listening(target);
            run.stage.control(&format!("{target}/{action}"), &body);
        }
    }
    if plan.has(Fault::SameSecond) {
        // Every purchase of the sandbox tells several states within one second.
        run.stage.with(|shared| shared.marks.hit(Fault::SameSecond));
    }
}
