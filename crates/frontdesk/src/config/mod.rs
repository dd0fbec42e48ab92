//! The configuration: one `frontdesk.toml`, checked as a whole before anything starts.
//!
//! [`load`] answers with a [`Config`] in which every value has been checked, or with everything that is wrong, each
//! with its line and what would be right. The defaults are `defaults.toml`, compiled in. Secrets come from the
//! environment or from files, never from `frontdesk.toml` itself. The environment is a parameter.

mod catalogue;
mod checks;
mod environment;
mod reader;
mod secrets;
mod site;
mod source;
mod target;
mod tree;
mod values;
mod written;

#[cfg(test)]
mod tests;

pub use environment::Environment;
pub use secrets::{Origin, SecretKind, SecretUse};
pub use site::LANGUAGES;
pub use values::{BaseUrl, duration};
pub use written::{Lines, Written, load_catalogue};

use crate::errors::{Code, Failure, Place, Report};
use frontdesk_core::catalogue::{Catalogue, Good, Meaning, NewSubscribers, Plan};
use frontdesk_core::id::EntitlementId;
use frontdesk_providers::secret::Secret;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use reader::{Reader, Section};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tree::Table;

/// The name of the file that is read when none is named.
pub const FILE: &str = "frontdesk.toml";

/// The defaults, as text with comments. This is what `init` writes from and what `docs/configuration.md` shows.
pub const DEFAULTS: &str = include_str!("../../defaults.toml");

/// Largest configuration file, in bytes. Thousands of plans fit.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Everything that the operator decided, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The site that customers see.
    pub site: Site,
    /// Where the journal and the record are kept.
    pub store: Store,
    /// Who sends events.
    pub sources: Sources,
    /// Where the desired state is made true.
    pub targets: Targets,
    /// What is sold, in the order of the file.
    pub plans: Vec<Plan>,
    /// What each entitlement means.
    pub entitlements: BTreeMap<EntitlementId, Meaning>,
    /// What is sold and does nothing.
    pub ignore: BTreeSet<Good>,
    /// On which lines the catalogue stands.
    pub lines: Lines,
    /// The sandbox's clock, followed instead of the machine's: scheme, host, port and path of the page that tells its
    /// offset. Only where every provider is on this machine.
    pub dev_clock: Option<String>,
    /// What each secret came from, in the order of the keys.
    pub secrets: Vec<SecretUse>,
}

/// The site that customers see.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Where customers reach this Frontdesk; links are built from it.
    pub url: BaseUrl,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where members sign in to the community.
    pub community_url: Option<String>,
    /// Where people can write to.
    pub help_email: Option<String>,
    /// The time zone of dates that people read.
    pub zone: TimeZone,
    /// The language of pages when the customer's is not known: one of [`LANGUAGES`].
    pub language: String,
}

/// Where the journal and the record are kept.
#[derive(Clone, Debug)]
pub enum Store {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server; the URL may hold a password.
    Postgres(Secret),
}

/// Who sends events.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The Stripe account.
    pub stripe: Stripe,
}

/// The Stripe account.
#[derive(Clone, Debug)]
pub struct Stripe {
    /// The secrets of its webhook endpoints, one or more; any of them verifies.
    pub signing_secrets: Vec<Secret>,
    /// The key with which it is read. `serve` needs one; `drift` over CSV exports does not.
    pub api_key: Option<Secret>,
    /// The bare host of its API.
    pub base_url: BaseUrl,
    /// The path of the webhook endpoint here, with a slash in front.
    pub path: String,
    /// Whether events of live mode or of test mode count: as pinned, else from the key's prefix. `None` where neither
    /// says.
    pub livemode: Option<bool>,
    /// The account id, `acct_…`, where it is pinned.
    pub account: Option<String>,
    /// How often recent events are listed.
    pub poll_every: SignedDuration,
}

/// Where the desired state is made true. Each is optional: a community without a newsletter has no Kit.
#[derive(Clone, Debug)]
pub struct Targets {
    /// Access.
    pub circle: Option<Circle>,
    /// Marketing.
    pub kit: Option<Kit>,
}

/// Whether a target is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything but writes.
    Shadow,
    /// Writes.
    Live,
}

/// The word before Circle's token in the `Authorization` header.
///
/// Source: the OpenAPI document of Circle's Admin API v2 says `Token`, its quick start `Bearer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Token …`.
    Token,
    /// `Authorization: Bearer …`.
    Bearer,
}

/// The Circle community.
#[derive(Clone, Debug)]
pub struct Circle {
    /// The Admin API token.
    pub token: Secret,
    /// How the token is sent.
    pub scheme: Scheme,
    /// The bare host of its API.
    pub base_url: BaseUrl,
    /// Whether it is written to.
    pub mode: Mode,
    /// How many calls its plan allows.
    pub quota: Quota,
    /// How often group lists are compared with the record.
    pub sweep_every: SignedDuration,
    /// After how long an unaccepted invitation counts as expired.
    pub invite_stale_after: SignedDuration,
    /// What calls of the community's workflows carry; none: they are not listened to.
    pub hook_secret: Option<Secret>,
}

/// A monthly allowance of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Calls a month.
    pub monthly: u32,
    /// The day of the month, 1–31, on which it counts from zero; the last day of a shorter month.
    pub renews_day: i8,
}

/// The Kit account.
#[derive(Clone, Debug)]
pub struct Kit {
    /// The v4 API key.
    pub api_key: Secret,
    /// The bare host of its API.
    pub base_url: BaseUrl,
    /// Whether it is written to.
    pub mode: Mode,
    /// What becomes of buyers whom it does not know.
    pub new_subscribers: NewSubscribers,
    /// The secrets that may sign its webhooks; none: they are not listened to.
    pub signing_secrets: Vec<Secret>,
    /// Where the secret of the webhook endpoint is kept that Frontdesk makes itself; `None`: it makes none.
    pub endpoint_secret_file: Option<PathBuf>,
}

/// A configuration that can be used, and what should be looked at in it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Report>,
}

impl Config {
    /// Whether every provider is on this machine, so that nothing leaves it: work with the sandbox.
    pub fn is_sandboxed(&self) -> bool {
        let circle = self.targets.circle.as_ref().map(|circle| &circle.base_url);
        let kit = self.targets.kit.as_ref().map(|kit| &kit.base_url);
        [Some(&self.sources.stripe.base_url), circle, kit].into_iter().flatten().all(BaseUrl::is_loopback)
    }

    /// The catalogue: what is sold, what it grants, and what that means in each target. Earlier versions are not part
    /// of the file; the journal has them.
    pub fn catalogue(&self) -> Catalogue {
        Catalogue {
            plans: self.plans.clone(),
            entitlements: self.entitlements.clone(),
            ignore: self.ignore.clone(),
            new_subscribers: self
                .targets
                .kit
                .as_ref()
                .map_or_else(NewSubscribers::default, |kit| kit.new_subscribers),
            ..Catalogue::default()
        }
    }
}

impl Config {
    /// The catalogue with the lines on which it stands.
    pub fn written(&self) -> Written {
        Written { catalogue: self.catalogue(), lines: self.lines.clone() }
    }
}

/// Reads and checks the file at `path`. Relative paths in it start at its folder.
///
/// # Errors
///
/// Everything that is wrong, in the order of the file, warnings among it.
pub fn load(path: &Path, environment: &Environment) -> Result<Loaded, Failure> {
    load_with(path, environment, false)
}

/// The same without the credentials of any provider: they are not read, and what stands in their place opens nothing.
///
/// # Errors
///
/// As [`load`], but for what concerns those credentials.
pub fn load_without_credentials(path: &Path, environment: &Environment) -> Result<Loaded, Failure> {
    load_with(path, environment, true)
}

fn load_with(path: &Path, environment: &Environment, withheld: bool) -> Result<Loaded, Failure> {
    let text = text_of(path)?;
    check_with(&text, &path.display().to_string(), folder_of(path), environment, withheld)
}

/// The database that the file at `path` names, whatever else is wrong with it; `None` where that cannot be told.
pub fn store_alone(path: &Path, environment: &Environment) -> Option<Store> {
    let text = text_of(path).ok()?;
    let (given, syntax) = tree::parse(&text);
    let (defaults, _) = tree::parse(DEFAULTS);
    let mut root = Section::root(&given, &defaults);
    if !syntax.is_empty() && !root.gives("store") {
        // It may be what could not be read.
        return None;
    }
    let mut reader = Reader::new(path.display().to_string(), folder_of(path), environment, true);
    reader.store(&mut root)
}

/// The text of a configuration file.
fn text_of(path: &Path) -> Result<String, Failure> {
    let read = || {
        if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
            return Err(std::io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
        }
        std::fs::read_to_string(path)
    };
    let failed = |error| {
        Report::error(Code::ConfigUnreadable, format!("could not read `{}`", path.display()))
            .because(&error)
            .hint("run this in the folder of your frontdesk.toml, or name the file with `--config PATH`")
    };
    Ok(read().map_err(failed)?)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Checks the text of a configuration. `file` is its name in reports, `folder` where relative paths start.
///
/// # Errors
///
/// Everything that is wrong, in the order of the file, warnings among it.
pub fn check(text: &str, file: &str, folder: &Path, environment: &Environment) -> Result<Loaded, Failure> {
    check_with(text, file, folder, environment, false)
}

fn check_with(
    text: &str,
    file: &str,
    folder: &Path,
    environment: &Environment,
    withheld: bool,
) -> Result<Loaded, Failure> {
    let (given, defaults) = trees(text, file)?;
    let mut reader = Reader::new(file.to_owned(), folder, environment, withheld);
    let config = reader.config(&mut Section::root(&given, &defaults));
    let reports = in_order(reader.reports);
    match config {
        Some(config) if !reports.iter().any(Report::is_error) => Ok(Loaded { config, warnings: reports }),
        _ => {
            assert!(reports.iter().any(Report::is_error), "a configuration is refused for a reason");
            Err(Failure { reports })
        }
    }
}

/// The document and the defaults as trees.
fn trees(text: &str, file: &str) -> Result<(Table, Table), Failure> {
    let (given, syntax) = tree::parse(text);
    if !syntax.is_empty() {
        let reports = syntax.into_iter().map(|error| {
            let at = Place { file: file.to_owned(), line: error.line, key: String::new() };
            Report::error(Code::ConfigNotToml, format!("not TOML: {}", error.message))
                .at(at)
                .hint("text values stand in double quotes, and each key stands once")
        });
        return Err(Failure { reports: reports.collect() });
    }
    let (defaults, broken) = tree::parse(DEFAULTS);
    assert!(broken.is_empty(), "the compiled-in defaults are TOML: {broken:?}");
    Ok((given, defaults))
}

/// What is wrong, in the order of the file.
fn in_order(mut reports: Vec<Report>) -> Vec<Report> {
    reports.sort_by_key(|report| report.at.as_ref().and_then(|at| at.line).unwrap_or(usize::MAX));
    reports
}

impl Reader<'_> {
    /// The whole file. Each part reads all of its keys before it gives up, so that every problem is found at once.
    fn config(&mut self, root: &mut Section<'_>) -> Option<Config> {
        let site = self.site(root);
        let store = self.store(root);

        let mut sources = self.section(root, "sources");
        let stripe = self.stripe(&mut sources);
        self.finish(&sources);

        let mut targets = self.section(root, "targets");
        let circle = self.circle(&mut targets);
        let kit = self.kit(&mut targets);
        self.finish(&targets);

        let catalogue =
            self.catalogue(root, target::Configured { circle: circle.is_given(), kit: kit.is_given() });

        let mut dev = self.section(root, "dev");
        let clock = self.text(&mut dev, "clock");
        self.finish(&dev);
        self.finish(root);

        let bases = [
            stripe.as_ref().map(|stripe| &stripe.base_url),
            circle.value().map(|circle| &circle.base_url),
            kit.value().map(|kit| &kit.base_url),
        ];
        let dev_clock = clock.map(|clock| self.dev_clock(clock, bases.into_iter().flatten()));

        if circle.is_broken() || kit.is_broken() {
            return None;
        }
        Some(Config {
            site: site?,
            store: store?,
            sources: Sources { stripe: stripe? },
            targets: Targets { circle: circle.into_value(), kit: kit.into_value() },
            plans: catalogue.plans,
            entitlements: catalogue.entitlements,
            ignore: catalogue.ignore,
            lines: catalogue.lines,
            dev_clock,
            secrets: std::mem::take(&mut self.secrets),
        })
    }
}
