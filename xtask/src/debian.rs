//! What the tests need from the operating system: bubblewrap, PostgreSQL, git, npm, Python, Ruby.
//!
//! On Debian and Ubuntu what is missing is installed with `apt-get`, as root or through a `sudo`
//! that asks nothing. Anywhere else the run ends and says what to install.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::{run, say};

/// A need and the package that meets it.
struct Need {
    package: &'static str,
    what_for: &'static str,
    met: fn() -> bool,
}

/// All needs; tests of a promise may take them for granted.
const NEEDS: &[Need] = &[
    Need { package: "git", what_for: "repositories of the tests", met: || on_path("git") },
    Need { package: "bubblewrap", what_for: "the sandbox", met: || on_path("bwrap") },
    Need {
        package: "postgresql",
        what_for: "the store's tests on PostgreSQL",
        met: postgres_is_here,
    },
    Need { package: "npm", what_for: "the coding agents of the tests", met: || on_path("npm") },
    Need { package: "ruby", what_for: "replayed cases in Ruby", met: || on_path("ruby") },
    Need { package: "python3-venv", what_for: "the linters", met: python_has_venv },
];

/// Install what is missing, and see that a sandbox can be made.
///
/// # Errors
/// When something is missing that we may not install; the error is the command to type.
pub(crate) fn install() -> anyhow::Result<()> {
    of(|_| true)
}

/// Install what the demo needs.
///
/// # Errors
/// As [`install`].
pub(crate) fn install_for_demo() -> anyhow::Result<()> {
    of(|need| !matches!(need.package, "postgresql" | "npm" | "ruby"))
}

fn of(wanted: fn(&Need) -> bool) -> anyhow::Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| wanted(need) && !(need.met)()).collect();
    if !missing.is_empty() {
        with_apt(&missing)?;
    }
    sandbox_can_be_made()
}

fn with_apt(missing: &[&Need]) -> anyhow::Result<()> {
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let by_hand = advice(missing);
    anyhow::ensure!(on_path("apt-get"), "{by_hand}");
    let words: &[&str] = if run::works(Command::new("test").args(["-w", "/var/lib/dpkg"])) {
        &["env"]
    } else if run::works(Command::new("sudo").args(["-n", "true"])) {
        &["sudo", "-n", "env"]
    } else {
        anyhow::bail!("{by_hand}");
    };
    say::line(&format!("installing from Debian: {}", packages.join(", ")));
    let apt = || {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]);
        command
    };
    run::succeed(apt().arg("update")).context(by_hand.clone())?;
    run::succeed(apt().args(["install", "-y", "--no-install-recommends"]).args(&packages))
        .context(by_hand.clone())?;
    let still: Vec<&str> =
        missing.iter().filter(|need| !(need.met)()).map(|need| need.package).collect();
    anyhow::ensure!(still.is_empty(), "installed, but still not usable: {}", still.join(", "));
    Ok(())
}

fn advice(missing: &[&Need]) -> String {
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let why: Vec<String> =
        missing.iter().map(|need| format!("{} (for {})", need.package, need.what_for)).collect();
    format!(
        "missing: {}. On Debian and Ubuntu: `sudo apt-get install --no-install-recommends {}`; \
         elsewhere the packages of the same purpose",
        why.join(", "),
        packages.join(" ")
    )
}

fn sandbox_can_be_made() -> anyhow::Result<()> {
    anyhow::ensure!(
        run::works(Command::new("bwrap").args([
            "--unshare-all",
            "--ro-bind",
            "/",
            "/",
            "--",
            "true"
        ])),
        "bubblewrap is here but may not make namespaces. On Ubuntu 24.04 and later: \
         `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`; in a container: \
         start it with user namespaces allowed"
    );
    Ok(())
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Debian keeps the server's programs away from `PATH`, one folder a version.
fn postgres_is_here() -> bool {
    on_path("initdb")
        || fs::read_dir("/usr/lib/postgresql").is_ok_and(|versions| {
            versions.flatten().any(|version| is_server(&version.path().join("bin")))
        })
}

fn is_server(bin: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|program| bin.join(program).is_file())
}

fn python_has_venv() -> bool {
    run::works(Command::new("python3").args(["-c", "import venv, ensurepip"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_the_command_to_type() {
        let needs: Vec<&Need> = NEEDS.iter().filter(|need| need.package == "bubblewrap").collect();
        assert_eq!(
            advice(&needs),
            "missing: bubblewrap (for the sandbox). On Debian and Ubuntu: `sudo apt-get install \
             --no-install-recommends bubblewrap`; elsewhere the packages of the same purpose"
        );
    }
}
