//! `frontdesk drift`: the plan without a credential of any provider in the process, by what was last seen or by exports
//! alone.
//!
//! Exports are taken into a database of the moment, which goes with the command: a first look needs neither keys nor an
//! installation.

use super::desk::{self, Desk, Question};
use super::import::exports::{self, Checked, PassedOver};
use super::import::statuses::{Statuses, Unknown};
use super::instant::exported_at;
use super::plan;
use super::reach::Reach;
use super::roster::{self, Met};
use super::sync::target;
use crate::assemble::{self, store_failed};
use crate::cli::{self, Context};
use crate::config::{Config, Store};
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Args;
use frontdesk_core::email::Email;
use frontdesk_core::sweep::{List, Listed, Scan};
use frontdesk_core::target::{Item, Target};
use frontdesk_engine::Ports;
use frontdesk_engine::plan::By;
use frontdesk_providers::roster::Listed as Row;
use frontdesk_providers::secret::Secret;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What it takes.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// At this target alone: circle or kit
    #[arg(long, value_name = "TARGET", value_parser = target)]
    target: Option<Target>,
    /// Exports of Stripe's dashboard: customers, subscriptions, payments. With them, nothing else is looked at
    #[arg(long, value_name = "FILE", num_args = 1..)]
    stripe: Vec<PathBuf>,
    /// Exports of Circle's members; of those who have one item, as in group:4012=FILE or space:7=FILE
    #[arg(long, value_name = "[ITEM=]FILE", num_args = 1.., requires = "stripe")]
    circle: Vec<String>,
    /// Exports of Kit's subscribers; of those who have one tag, as in tag:member=FILE
    #[arg(long, value_name = "[ITEM=]FILE", num_args = 1.., requires = "stripe")]
    kit: Vec<String>,
    /// When Stripe's files were exported, as in 2026-11-24T09:00:00Z, `2026-11-24 09:00` or 3d; without it, when each was last written
    #[arg(long, value_name = "TIME", requires = "stripe")]
    exported_at: Option<String>,
}

/// Says what differs.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let config = context.config_without_credentials()?;
    cli::runtime().block_on(async {
        if arguments.stripe.is_empty() {
            let question = Question::Plan(plan::Arguments::without_keys(arguments.target));
            return desk::ask(&question, &bare(config), context).await;
        }
        let folder = Folder::new()?;
        let config = Config { store: Store::Sqlite(folder.path.join("frontdesk.db")), ..bare(config) };
        by_exports(arguments, &config, &mut context.printer).await
    })
}

/// The configuration as an engine takes it that asks nobody.
fn bare(mut config: Config) -> Config {
    let stripe = &mut config.sources.stripe;
    stripe.api_key = Some(Secret::new("sources.stripe.api_key", "rk_withheld-from-this-process".to_owned()));
    // Only events say whether they are of live mode, and there are none.
    stripe.livemode = stripe.livemode.or(Some(true));
    config
}

async fn by_exports(arguments: &Arguments, config: &Config, printer: &mut Printer) -> Result<Exit, Failure> {
    let ports = assemble::ports(config).await?;
    let now = ports.now_wall();
    // Everything is looked through before anything is taken in.
    let exported_at = exported_at(arguments.exported_at.as_deref(), &config.site.zone, now)?;
    let (files, mut reports) = match exports::check(&arguments.stripe, exported_at, now) {
        Ok(files) => (files, Vec::new()),
        Err(flawed) => (Vec::new(), flawed.reports),
    };
    for file in &files {
        file.passed_over.tell(printer);
    }
    if reports.is_empty() && !files.iter().any(Checked::has_addresses) {
        printer.warning(
            &Report::warning(Code::ExportFlawed, "no file has Stripe's customers, so no address of a payer is known")
                .hint("export Customers from the dashboard with the columns `id` and `Email`, and name that file after `--stripe` too"),
        );
    }
    let mut unknown: Vec<Unknown> = files.iter().flat_map(|file| file.unknown.clone()).collect();
    let managed = config.catalogue();
    let mut scans = BTreeMap::new();
    for (target, files) in [(Target::Circle, &arguments.circle), (Target::Kit, &arguments.kit)] {
        if files.is_empty() {
            continue;
        }
        match scan(target, files, &managed.managed(target), now, &mut unknown, printer) {
            Ok(scan) => {
                scans.insert(target, scan);
            }
            Err(flawed) => reports.extend(flawed.reports),
        }
    }
    if !reports.is_empty() {
        return Err(Failure { reports });
    }
    let store = assemble::store(config, &ports).await?;
    let engine = assemble::engine(config, ports, store).await?;
    let desk = Desk { engine: engine.clone(), site: config.site.clone(), is_served: false, reloader: None };
    exports::take_in_all(&files, &mut Reach::here(config, desk.clone()), printer).await?;
    while engine.apply_due().await.map_err(|error| store_failed(&error))?.is_some_and(|at| at <= desk.now()) {
    }
    let planned = engine.plan(arguments.target, &By::Given(scans)).await;
    let mut planned = planned.map_err(|error| store_failed(&error))?;
    // Ids that only this look gave are nobody's business.
    planned.lines.iter_mut().for_each(|line| line.members.retain(|_, id| *id < OWN_IDS));
    plan::show(&planned, plan::Reads::Exports(&unknown), &desk, printer).await?;
    printer.note("one-time purchases are in no export of Stripe's; who made only those seems not to pay");
    Ok(if planned.is_clear() && unknown.is_empty() { Exit::Done } else { Exit::Found })
}

/// The lists of a target, as its exports have them.
fn scan(
    target: Target,
    files: &[String],
    managed: &BTreeSet<Item>,
    now: Timestamp,
    unknown: &mut Vec<Unknown>,
    printer: &mut Printer,
) -> Result<Scan, Failure> {
    let mut scan = Scan::new(target, now);
    for item in managed {
        scan.add(&List::In(item.clone()), []);
    }
    let named: Vec<_> = files.iter().map(|file| named(target, file, managed)).collect::<Result<_, _>>()?;
    // A file of everybody says nothing of groups: where no other does, whoever is in it counts as having all of them.
    let is_vague = target == Target::Circle && named.iter().all(|(item, _)| item.is_none());
    if is_vague {
        printer.note(
            "Circle: no file says who has which group, so whoever is a member counts as having all of them; export the \
             members of each group and give them as group:ID=FILE to be exact",
        );
    }
    let mut people = People::default();
    let mut reports = Vec::new();
    for (item, path) in named {
        let all = if is_vague { managed.clone() } else { item.into_iter().collect() };
        match people.read(target, path, &all, unknown) {
            Ok(passed_over) => passed_over.tell(printer),
            Err(flaws) => reports.extend(flaws),
        }
    }
    if !reports.is_empty() {
        return Err(Failure { reports });
    }
    for (listed, has) in people.with_ids() {
        scan.add(&List::Everyone, [listed.clone()]);
        for item in has.iter().filter(|item| managed.contains(*item)) {
            scan.add(&List::In(item.clone()), [listed.clone()]);
        }
    }
    Ok(scan)
}

/// A file, and what everybody in it has, as in `group:4012=members.csv`.
fn named<'a>(
    target: Target,
    typed: &'a str,
    managed: &BTreeSet<Item>,
) -> Result<(Option<Item>, &'a Path), Failure> {
    let Some((item, file)) = typed.split_once('=').filter(|_| !Path::new(typed).exists()) else {
        return Ok((None, Path::new(typed)));
    };
    let known = roster::managed(target, item, "=FILE", managed)?;
    Ok((Some(known), Path::new(file)))
}

/// The people of all files of one target.
#[derive(Default)]
struct People {
    rows: Vec<Row>,
    met: Met,
}

/// Where ids begin that no provider gave.
const OWN_IDS: u64 = u64::MAX / 2;

impl People {
    /// Reads one file. `all`: what everybody in it has.
    fn read(
        &mut self,
        target: Target,
        path: &Path,
        all: &BTreeSet<Item>,
        unknown: &mut Vec<Unknown>,
    ) -> Result<PassedOver, Vec<Report>> {
        let mut statuses = Statuses::of_target(target);
        let rows = &mut self.rows;
        let whole = roster::read(target, path, &mut self.met, |line, mut listed| {
            listed.unknown_status.iter().for_each(|word| statuses.note(word, line));
            // Who was put out is still listed, and has nothing.
            if !listed.is_out {
                listed.has.extend(all.iter().cloned());
                rows.push(listed);
            }
        })?;
        unknown.extend(statuses.end(path));
        Ok(whole.passed_over)
    }

    /// Everybody, and what the files say that they have. Who has no id in one file has the one of another, whichever was
    /// named first; who has none in any gets one of the address.
    fn with_ids(self) -> impl Iterator<Item = (Listed, BTreeSet<Item>)> {
        let known = self.rows.iter().filter_map(|row| Some((row.address.clone(), row.id?)));
        let mut ids: BTreeMap<Email, u64> = known.collect();
        self.rows.into_iter().map(move |row| {
            let next = OWN_IDS + ids.len() as u64;
            let id = *ids.entry(row.address.clone()).or_insert(next);
            (Listed { id, address: Some(row.address), standing: row.standing, name: None }, row.has)
        })
    }
}

/// How the folders of this command are called.
const FOLDER: &str = "frontdesk-drift-";

/// A folder that goes with the command. It is locked while the command runs, so that one that a killed process left
/// behind is known by not being so.
struct Folder {
    path: PathBuf,
    /// Holds the lock.
    _opened: File,
}

impl Folder {
    /// Makes one in the folder for temporary files, and takes away what killed processes left there.
    fn new() -> Result<Self, Failure> {
        let parent = std::env::temp_dir();
        Self::in_folder(&parent).map_err(|error| {
            Report::error(Code::StoreRefused, format!("could not make a folder in `{}`", parent.display()))
                .because(&error)
                .hint("name a folder that you can write to in the variable TMPDIR")
                .into()
        })
    }

    fn in_folder(parent: &Path) -> io::Result<Self> {
        take_away_leftovers(parent);
        for nth in 0.. {
            let path = parent.join(format!("{FOLDER}{}-{nth}", std::process::id()));
            // It holds the people of the exports: nobody else on this machine may look.
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            // Before it is locked it looks left behind, and another process may take it away.
            let Ok(opened) = File::open(&path) else { continue };
            if opened.try_lock().is_ok() && path.exists() {
                return Ok(Self { path, _opened: opened });
            }
        }
        unreachable!("there are more numbers than folders")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is in a folder for temporary files, and the next run takes it away.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Removes the folders of processes that were killed before they could. Those of others of this machine's users stay: they
/// cannot be opened.
fn take_away_leftovers(parent: &Path) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(FOLDER)) {
        let is_folder = entry.file_type().is_ok_and(|of| of.is_dir());
        if let Some(opened) = is_folder.then(|| File::open(entry.path()).ok()).flatten()
            && opened.try_lock().is_ok()
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_goes_with_the_next_run_and_what_runs_stays() {
        let parent = std::env::temp_dir().join(format!("frontdesk-leftovers-{}", std::process::id()));
        std::fs::create_dir_all(&parent).unwrap();
        let left = parent.join(format!("{FOLDER}1"));
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("frontdesk.db"), "people").unwrap();
        let other = parent.join("somebody-elses");
        std::fs::create_dir(&other).unwrap();
        let running = Folder::in_folder(&parent).unwrap();
        assert!(!left.exists() && other.exists());
        let next = Folder::in_folder(&parent).unwrap();
        assert!(running.path.exists() && next.path != running.path);
        drop(running);
        assert!(next.path.exists());
        drop(next);
        assert_eq!(std::fs::read_dir(&parent).unwrap().count(), 1);
        std::fs::remove_dir_all(&parent).unwrap();
    }
}
