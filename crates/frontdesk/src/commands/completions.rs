//! `frontdesk completions`: a script that lets a shell complete commands and options.

use crate::cli::{Cli, Context};
use crate::errors::Failure;
use crate::exit::Exit;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// What it takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script on stdout, for `source <(frontdesk completions bash)` or a file of the shell's.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "frontdesk", &mut script);
    context.printer.bytes(&script)?;
    Ok(Exit::Done)
}
