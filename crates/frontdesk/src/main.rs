//! `frontdesk`: see [`frontdesk::cli`].

use frontdesk::cli;
use frontdesk::config::Environment;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(std::env::args_os(), Environment::of_process())
}
