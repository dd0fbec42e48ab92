//! Commands about the record: each looks at it, or changes one thing in it, and ends.
//!
//! A [`Question`] is such a command as a value. It is answered at a [`Desk`]: an engine over the store. Where `serve`
//! has the SQLite file open, the question goes to that process through its [`door`] and is answered there, by the same
//! code.

use super::{
    audit, case, customer, event, explain, freeze, go_live, import, plan, rebuild, reload, settle, sync,
};
use crate::assemble;
use crate::cli::{self, Context};
use crate::config::{self, Config, Environment, Site, Store};
use crate::door;
use crate::errors::{Code, Failure, Report};
use crate::exit::{Exit, FAILED};
use crate::live::LivePorts;
use crate::printer::{Printer, Verbosity};
use crate::reload::Reloader;
use anstream::ColorChoice;
use clap::Subcommand;
use frontdesk_engine::{Engine, Ports};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A command about the record.
#[derive(Clone, Debug, Subcommand, Serialize, Deserialize)]
pub enum Question {
    /// Say what would be done about everyone, and why: who pays without access, who has access without paying
    Plan(plan::Arguments),
    /// Let go what a target collected in shadow mode; shows first what would be done
    GoLive(go_live::Arguments),
    /// Say what a customer may use, why, what is pending, and what would change it
    Explain(explain::Arguments),
    /// Show a customer, make a link to their status page, grant or revoke by hand
    #[command(subcommand)]
    Customer(customer::Action),
    /// Look at the events that came in, or apply one anew
    #[command(subcommand)]
    Event(event::Action),
    /// Look at what each target is owed, try again, release a brake
    #[command(subcommand)]
    Sync(sync::Action),
    /// Hold back what would be written: marketing, a target, a plan or a person; without anything, list what is held
    Freeze(freeze::Arguments),
    /// Let go what is held back; only the final state is applied
    Thaw(freeze::Thaw),
    /// Look at support cases, or close one
    #[command(subcommand)]
    Case(case::Action),
    /// Read the configuration again and take it up; shows first whom its catalogue would take something from
    Reload(reload::Arguments),
    /// Verify the audit log, the journal and the record
    #[command(subcommand)]
    Audit(audit::Action),
    /// Derive the record again from the journal
    Rebuild(rebuild::Arguments),
    /// One turn of an import
    #[command(skip)]
    Import(import::Ask),
    /// Who may be whom, and a person's word for it
    #[command(skip)]
    Pairs(plan::sheet::Ask),
    /// Who has access without paying, and what becomes of them
    #[command(skip)]
    Settle(settle::Ask),
}

/// Where questions are answered.
#[derive(Clone)]
pub struct Desk {
    /// The engine over the store. Its loops need not run.
    pub engine: Engine<LivePorts>,
    /// The site, for its address and its zone.
    pub site: Site,
    /// Whether the engine's loops run in this process. Where they do not, whoever needs something applied does it.
    pub is_served: bool,
    /// Reads the configuration again; `None` where there is no file, as in the demo.
    pub reloader: Option<Arc<Reloader>>,
}

impl Desk {
    /// The instant.
    pub fn now(&self) -> Timestamp {
        self.engine.ports().now_wall()
    }

    /// A day as people read it: `24 Nov`, with the year where it is another one.
    pub fn day(&self, at: Timestamp) -> String {
        let zoned = at.to_zoned_datetime(self.site.zone.clone());
        let is_this_year = zoned.year() == self.now().to_zoned_datetime(self.site.zone.clone()).year();
        zoned.strftime(if is_this_year { "%-d %b" } else { "%-d %b %Y" }).to_string()
    }

    /// An instant as people read it: `24 Nov, 08:37:07`, with the year where it is another one.
    pub fn when(&self, at: Timestamp) -> String {
        let zoned = at.to_zoned_datetime(self.site.zone.clone());
        let is_this_year = zoned.year() == self.now().to_zoned_datetime(self.site.zone.clone()).year();
        let form = if is_this_year { "%-d %b, %H:%M:%S" } else { "%-d %b %Y, %H:%M:%S" };
        zoned.strftime(form).to_string()
    }

    /// The same for an instant that may be unknown.
    pub fn when_known(&self, at: Option<Timestamp>) -> String {
        at.map_or_else(|| "–".to_owned(), |at| self.when(at))
    }
}

/// A question on its way through the door, with how its answer is to be printed.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    question: Question,
    json: bool,
    verbosity: Verbosity,
    colour: (bool, bool),
}

/// Asks, here or at the door. What deserves a second look is shown first, and asked about.
pub fn run(question: &Question, context: &mut Context) -> Result<Exit, Failure> {
    let config = match context.config() {
        Ok(config) => config,
        Err(failure) => return run_without_file(question, failure, context),
    };
    let question = question.clone().with_files(&config, context)?.signed(&context.environment);
    cli::runtime().block_on(async {
        if let Question::Plan(arguments) = &question
            && let Some(sheet) = &arguments.pairs
        {
            return plan::sheet::run(arguments, sheet, &config, context).await;
        }
        with_second_look(&question, context, async |question, context| ask(question, &config, context).await)
            .await
    })
}

/// A file that cannot be used keeps nobody from a Frontdesk that runs: it goes on by what it read before, and answers.
fn run_without_file(question: &Question, failure: Failure, context: &mut Context) -> Result<Exit, Failure> {
    let store = config::store_alone(&context.global.config, &context.environment);
    let (Some(Store::Sqlite(path)), false) = (store, question.reads_files()) else { return Err(failure) };
    let question = question.signed(&context.environment);
    let mut unusable = Some(failure);
    cli::runtime().block_on(with_second_look(&question, context, async |question, context| {
        let Some(answer) = knock(&path, question, &context.printer).await? else {
            return Err(unusable.take().unwrap_or_else(|| no_answer(&io::ErrorKind::NotConnected.into())));
        };
        if let Some(failure) = unusable.take() {
            context.printer.warning(&stands_in(&failure, &context.global.config));
        }
        print(&answer, &mut context.printer)
    }))
}

/// That the running process answers, although the file cannot be used.
fn stands_in(failure: &Failure, file: &Path) -> Report {
    let errors: Vec<_> = failure.reports.iter().filter(|report| report.is_error()).collect();
    let first = errors.first().map_or("it cannot be used", |report| report.message.as_str());
    let more = match errors.len() {
        0 | 1 => String::new(),
        many => format!(", and {} more", many - 1),
    };
    let message = format!(
        "`{}` cannot be used as it is ({first}{more}): the running Frontdesk answers by what it read before",
        file.display()
    );
    let code = errors.first().map_or(Code::ConfigUnreadable, |report| report.code);
    Report::warning(code, message).hint("`frontdesk reload` says everything that is wrong with it")
}

/// Asks, and where that deserves a second look and showed something, asks whoever sits here before it is done.
async fn with_second_look(
    question: &Question,
    context: &mut Context,
    mut ask: impl AsyncFnMut(&Question, &mut Context) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let exit = ask(question, context).await?;
    let Some(confirmed) = question.confirmed() else { return Ok(exit) };
    if exit == Exit::Done {
        // There was nothing to confirm.
        return Ok(exit);
    }
    confirm()?;
    ask(&confirmed, context).await
}

/// Asks whoever sits at the terminal.
pub(super) fn confirm() -> Result<(), Failure> {
    let not_confirmed = |message: &str| {
        Report::error(Code::NotConfirmed, message)
            .hint("read what it would do, then run it again with `--yes`")
    };
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(not_confirmed("nobody is here to be asked, so nothing was done").into());
    }
    match inquire::Confirm::new("Do this?").with_default(false).prompt() {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(not_confirmed("nothing was done").into()),
    }
}

/// A question as it goes through the door.
pub(super) fn asked(question: &Question, printer: &Printer) -> impl Serialize + use<> {
    Asked {
        question: question.clone(),
        json: printer.is_json(),
        verbosity: printer.verbosity(),
        colour: (colours(&io::stdout()), colours(&io::stderr())),
    }
}

pub(super) async fn ask(
    question: &Question,
    config: &Config,
    context: &mut Context,
) -> Result<Exit, Failure> {
    if let Store::Sqlite(path) = &config.store {
        if let Some(answer) = knock(path, question, &context.printer).await? {
            return print(&answer, &mut context.printer);
        }
        exists(path)?;
    }
    let mut desk = sit_down(config).await?;
    let (path, environment) = (context.global.config.clone(), context.environment.clone());
    let reloader = Reloader::new(path, environment, config.clone(), desk.engine.clone());
    desk.reloader = Some(Arc::new(reloader));
    question.answer(&desk, &mut context.printer).await
}

/// Asks the process that holds the database; `None` where none does.
async fn knock(
    database: &Path,
    question: &Question,
    printer: &Printer,
) -> Result<Option<door::Answer>, Failure> {
    door::ask(database, &asked(question, printer)).await.map_err(|error| no_answer(&error))
}

/// Prints what another process answered, and ends as it would have.
fn print(answer: &door::Answer, printer: &mut Printer) -> Result<Exit, Failure> {
    printer.bytes(answer.stdout.as_bytes())?;
    printer.side(&answer.stderr);
    match answer.code {
        0 => Ok(Exit::Done),
        FAILED => Err(Failure { reports: Vec::new() }),
        _ => Ok(Exit::Found),
    }
}

fn colours(stream: &impl anstream::stream::RawStream) -> bool {
    anstream::AutoStream::choice(stream) != ColorChoice::Never
}

/// Looking must not make a database.
fn exists(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    let report = Report::error(Code::NotFound, format!("there is no database at `{}` yet", path.display()));
    Err(report
        .hint("`frontdesk serve` makes it; or name the right configuration with `--config PATH`")
        .into())
}

fn no_answer(error: &io::Error) -> Failure {
    Report::error(Code::StoreFailed, "the running Frontdesk did not answer")
        .because(error)
        .hint("look whether `frontdesk serve` still runs, then ask again")
        .into()
}

/// Opens a desk of this process's own. The catalogue in force is the one last taken up: what was edited since comes
/// into force when `serve` starts, not because somebody looks.
pub(super) async fn sit_down(config: &Config) -> Result<Desk, Failure> {
    let ports = assemble::ports(config).await?;
    let store = assemble::store(config, &ports).await?;
    let engine = assemble::engine_in_force(config, ports, store).await?;
    Ok(Desk { engine, site: config.site.clone(), is_served: false, reloader: None })
}

impl Question {
    /// The same question with what its answer needs of the files on this side: the process behind the door may run
    /// elsewhere, or was started before they were edited.
    fn with_files(self, config: &Config, context: &mut Context) -> Result<Self, Failure> {
        Ok(match self {
            Self::Explain(arguments) => Self::Explain(arguments.with(config.written())),
            Self::Plan(arguments) => Self::Plan(arguments.with_catalogue(config, context)?),
            other => other,
        })
    }

    /// Whether it needs what a usable configuration says on this side.
    const fn reads_files(&self) -> bool {
        matches!(self, Self::Plan(arguments) if arguments.pairs.is_some() || arguments.catalogue.is_some())
    }

    /// The same question with its second look answered, for those that deserve one and were not told the answer. Such
    /// a question, asked as it is, shows what it would do and ends with [`Exit::Found`] if that is anything.
    fn confirmed(&self) -> Option<Self> {
        match self {
            Self::Sync(action) => action.confirmed().map(Self::Sync),
            Self::GoLive(arguments) => arguments.confirmed().map(Self::GoLive),
            Self::Customer(action) => action.confirmed().map(Self::Customer),
            Self::Reload(arguments) => arguments.confirmed().map(Self::Reload),
            _ => None,
        }
    }

    /// The same question, signed by whoever asks where it wants a name and was given none.
    fn signed(&self, environment: &Environment) -> Self {
        let name = || environment.get("USER").or_else(|| environment.get("LOGNAME"));
        match self {
            Self::Customer(action) => Self::Customer(action.signed(name())),
            Self::Reload(arguments) => Self::Reload(arguments.signed(name())),
            other => other.clone(),
        }
    }

    /// Answers at a desk.
    pub async fn answer(&self, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
        match self {
            Self::Plan(arguments) => plan::run(arguments, desk, printer).await,
            Self::GoLive(arguments) => go_live::run(arguments, desk, printer).await,
            Self::Explain(arguments) => explain::run(arguments, desk, printer).await,
            Self::Customer(action) => customer::run(action, desk, printer).await,
            Self::Event(action) => event::run(action, desk, printer).await,
            Self::Sync(action) => sync::run(action, desk, printer).await,
            Self::Freeze(arguments) => freeze::run(arguments, desk, printer).await,
            Self::Thaw(arguments) => freeze::thaw(arguments, desk, printer).await,
            Self::Case(action) => case::run(action, desk, printer).await,
            Self::Audit(action) => audit::run(action, desk, printer).await,
            Self::Rebuild(arguments) => rebuild::run(arguments, desk, printer).await,
            Self::Reload(arguments) => reload::run(arguments, desk, printer).await,
            Self::Import(ask) => ask.answer(desk, printer).await,
            Self::Pairs(ask) => ask.answer(desk, printer).await,
            Self::Settle(ask) => ask.answer(desk, printer).await,
        }
    }
}

/// Answers a question that came through the door.
pub async fn answer_at_door(desk: Desk, asked: Vec<u8>) -> door::Answer {
    let Ok(asked) = serde_json::from_slice::<Asked>(&asked) else {
        let stderr = "error: the running Frontdesk is of another version than this command\n".to_owned();
        return door::Answer { stdout: String::new(), stderr, code: FAILED };
    };
    answer_on_paper(&desk, &asked).await
}

/// Answers a question at a desk of this process's own, as it would be answered at the door.
pub(super) async fn answer_here(desk: &Desk, question: &Question, printer: &Printer) -> door::Answer {
    let colour = (colours(&io::stdout()), colours(&io::stderr()));
    let (json, verbosity) = (printer.is_json(), printer.verbosity());
    answer_on_paper(desk, &Asked { question: question.clone(), json, verbosity, colour }).await
}

async fn answer_on_paper(desk: &Desk, asked: &Asked) -> door::Answer {
    let (stdout, stderr) = (Sheet::default(), Sheet::default());
    let choice = |colours| if colours { ColorChoice::Always } else { ColorChoice::Never };
    let mut printer = Printer::new(
        (Box::new(stdout.clone()), choice(asked.colour.0)),
        (Box::new(stderr.clone()), choice(asked.colour.1)),
        asked.verbosity,
        asked.json,
    );
    let code = match asked.question.answer(desk, &mut printer).await {
        Ok(Exit::Done) => 0,
        Ok(Exit::Found) => 2,
        Err(failure) => {
            printer.failure(&failure);
            FAILED
        }
    };
    drop(printer);
    door::Answer { stdout: stdout.text(), stderr: stderr.text(), code }
}

/// Paper to print on.
#[derive(Clone, Debug, Default)]
struct Sheet(Arc<Mutex<Vec<u8>>>);

impl Sheet {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
