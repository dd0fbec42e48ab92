//! Runs the binary in a folder and an environment of its own, and lays out what it said.

use std::path::PathBuf;
use std::process::{Command, Output};

/// A folder that is removed at the end of the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// `name` is that of the test: tests run side by side.
    pub(crate) fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the test folder of the target is ours");
        Self(path)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).expect("the folder was just made");
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// The binary, about to run here with nothing in its environment.
    pub(crate) fn frontdesk(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
        command.current_dir(&self.0).env_clear().envs(environment.iter().copied()).args(arguments);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> String {
        laid_out(&self.frontdesk(arguments, environment).output().expect("cargo built the binary"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind hurts nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Exit code, stdout and stderr in one text.
pub(crate) fn laid_out(output: &Output) -> String {
    let code = output.status.code().map_or_else(|| "killed".to_owned(), |code| code.to_string());
    let (data, talk) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("exit {code}\n--- stdout\n{data}--- stderr\n{talk}")
}
