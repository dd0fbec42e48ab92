//! The commands, what they share, and the way from arguments to an exit code.
//!
//! A command is one file in [`commands`]: its arguments, and `run`, which gets them with a [`Context`]. Here it is one
//! variant and one line.

use crate::commands;
use crate::config::{self, Config, Environment};
use crate::errors::Failure;
use crate::exit::{Exit, FAILED};
use crate::live::machine_clock;
use crate::log::{self, Log};
use crate::printer::{Printer, Verbosity};
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The front desk of a paid online community: sees who paid, lets them in, and tells everyone who needs to know.
#[derive(Debug, Parser)]
#[command(name = "frontdesk", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "Exit codes: 0 done and nothing to report, 1 could not do it, \
                          2 done and found something (differences, failed checks, violations).";

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The configuration file
    #[arg(long, global = true, value_name = "PATH", default_value = config::FILE)]
    pub config: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Print errors and data alone
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print details as well
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// How log lines are written
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t)]
    pub log: log::Format,
    /// What is logged: a level, and levels of single modules, as in `info,frontdesk_engine=debug`
    #[arg(long, global = true, value_name = "FILTER", default_value = "info", value_parser = parse_filter)]
    pub log_filter: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask, check every key, propose a catalogue and write frontdesk.toml
    Init(commands::init::Arguments),
    /// Run Frontdesk until it is stopped
    Serve(commands::serve::Arguments),
    /// Play a morning of a community on this machine, with fakes of all providers
    Demo(commands::demo::Arguments),
    /// Ask a running Frontdesk as a forger and as Stripe would, and judge its answers
    Probe(commands::probe::Arguments),
    #[command(flatten)]
    Desk(commands::desk::Question),
    /// Take in what happened before Frontdesk: customers, payments, members, tags
    Import(commands::import::Arguments),
    /// Say what differs without a credential of any provider: by what was last seen, or by exports alone
    Drift(commands::drift::Arguments),
    /// Keep or remove, in bulk, who has access that no payment gives
    Settle(commands::settle::Arguments),
    /// Look at the secrets that the configuration names
    Secret(commands::secret::Arguments),
    /// Run a fake of Stripe, Circle and Kit on this machine
    Sandbox(commands::sandbox::Arguments),
    /// Play scenarios in virtual time: lost webhooks, outages, people changed by hand
    Scenarios(commands::scenarios::Arguments),
    /// Run the engine under simulated faults, and check its promises
    Simulate(commands::simulate::Arguments),
    /// Print completions for a shell
    Completions(commands::completions::Arguments),
}

/// What a command works with.
pub struct Context {
    /// What every command takes.
    pub global: Global,
    /// The environment.
    pub environment: Environment,
    /// The way out for everything that is said.
    pub printer: Printer,
}

impl Context {
    /// Reads and checks the configuration; its warnings are told at once.
    pub fn config(&mut self) -> Result<Config, Failure> {
        let loaded = config::load(&self.global.config, &self.environment)?;
        for warning in &loaded.warnings {
            self.printer.warning(warning);
        }
        Ok(loaded.config)
    }

    /// The same without the credentials of any provider.
    pub fn config_without_credentials(&mut self) -> Result<Config, Failure> {
        let loaded = config::load_without_credentials(&self.global.config, &self.environment)?;
        for warning in &loaded.warnings {
            self.printer.warning(warning);
        }
        Ok(loaded.config)
    }

    /// Sends the log to stderr from here on. For commands that go on until they are stopped; call it once, and
    /// [`Log::flush`] before the end.
    pub fn start_log(&self) -> Log {
        let (format, filter) = (self.global.log, &self.global.log_filter);
        let (subscriber, log) = log::subscriber(
            format,
            filter,
            Arc::new(machine_clock),
            Box::new(std::io::stderr()),
        )
        .expect(
            "the filter was read when the arguments were, and a process that starts has room for a thread",
        );
        // In a process that set one before (tests), the earlier one stays.
        let _ = tracing::subscriber::set_global_default(subscriber);
        log
    }
}

/// An async runtime, for commands that wait for something.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a process that starts has room for the runtime's threads")
}

/// Does what the arguments say. Bad usage exits with [`FAILED`], so that a typo never reads as a finding.
pub fn main(arguments: impl IntoIterator<Item = OsString>, environment: Environment) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let is_wrong = error.use_stderr();
            // When the message cannot be written there is nobody left to tell.
            let _ = error.print();
            return if is_wrong { ExitCode::from(FAILED) } else { Exit::Done.into() };
        }
    };
    let verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    };
    let printer = Printer::of_process(verbosity, cli.global.json);
    let mut context = Context { global: cli.global, environment, printer };
    match run(cli.command, &mut context) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            context.printer.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command, context: &mut Context) -> Result<Exit, Failure> {
    match command {
        Command::Init(arguments) => commands::init::run(&arguments, context),
        Command::Serve(arguments) => commands::serve::run(&arguments, context),
        Command::Demo(arguments) => commands::demo::run(&arguments, context),
        Command::Probe(arguments) => commands::probe::run(&arguments, context),
        Command::Desk(question) => commands::desk::run(&question, context),
        Command::Import(arguments) => commands::import::run(&arguments, context),
        Command::Drift(arguments) => commands::drift::run(&arguments, context),
        Command::Settle(arguments) => commands::settle::run(&arguments, context),
        Command::Secret(arguments) => commands::secret::run(&arguments, context),
        Command::Sandbox(arguments) => commands::sandbox::run(&arguments, context),
        Command::Scenarios(arguments) => commands::scenarios::run(&arguments, context),
        Command::Simulate(arguments) => commands::simulate::run(&arguments, context),
        Command::Completions(arguments) => commands::completions::run(&arguments, context),
    }
}

fn parse_filter(text: &str) -> Result<String, String> {
    tracing_subscriber::EnvFilter::builder()
        .parse(text)
        .map(|_| text.to_owned())
        .map_err(|_| "write a level (error, warn, info, debug), or `info,frontdesk_engine=debug`".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn the_arguments_fit_together() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn a_reason_is_given_by_one_word_everywhere_and_by_the_other_as_well() {
        for command in [
            "freeze circle --by Ada",
            "case close FD-1001 --by Ada",
            "customer grant ada@example.com community --by Ada",
            "customer revoke ada@example.com community --by Ada",
            "customer unpair ada@example.com --by Ada",
            "settle sheet.csv --by Ada",
        ] {
            for flag in ["--reason", "--why"] {
                let words = ["frontdesk"].into_iter().chain(command.split(' ')).chain([flag, "groups"]);
                let parsed = super::Cli::try_parse_from(words);
                assert!(parsed.is_ok(), "{command} {flag}: {}", parsed.unwrap_err());
            }
        }
    }
}
