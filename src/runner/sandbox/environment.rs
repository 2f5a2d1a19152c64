//! The environment of a command: made up from nothing, never inherited.

use std::env;
use std::io;
use std::os::unix::fs::symlink;

use super::toolchain::Toolchain;
use super::{CommandSpec, HOME, Isolation, Place};
use crate::domain::brief::Network;

/// Where a given file is inside.
pub(super) const GIVEN: &str = "/selfheal/given";

/// Variables of the outer process that only say where a toolchain or a certificate is.
const PASSED: [&str; 12] = [
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_AUTO_INSTALL",
    "RUNNER_TOOL_CACHE",
    "JAVA_HOME",
    "GOROOT",
    "DOTNET_ROOT",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "TZ",
];

/// Everything that a command finds in its environment.
pub(super) fn inside(
    isolation: Isolation,
    tools: &Toolchain,
    place: &Place,
    spec: &CommandSpec,
) -> Vec<(String, String)> {
    let (home, tmp) = match isolation {
        Isolation::Bubblewrap => (HOME.to_owned(), "/tmp".to_owned()),
        Isolation::None => (place.home().display().to_string(), place.tmp().display().to_string()),
    };
    let mut env: Vec<(String, String)> = PASSED
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), env::var(name).ok()?)))
        .collect();
    let fixed = [
        ("PATH", tools.search_path.clone()),
        ("CARGO_HOME", format!("{home}/.cargo")),
        ("HOME", home),
        ("TMPDIR", tmp),
        ("USER", "selfheal".to_owned()),
        ("LOGNAME", "selfheal".to_owned()),
        ("SHELL", "/bin/sh".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("TERM", "dumb".to_owned()),
        // As in CI: tools do not ask, do not watch and do not write snapshots.
        ("CI", "true".to_owned()),
        ("NO_COLOR", "1".to_owned()),
        ("CARGO_TERM_COLOR", "never".to_owned()),
        ("SELFHEAL", "1".to_owned()),
    ];
    env.extend(fixed.into_iter().map(|(name, value)| (name.to_owned(), value)));
    if let (Some(given), Some(path)) = (&spec.given, &place.given) {
        let path = match isolation {
            Isolation::Bubblewrap => GIVEN.to_owned(),
            Isolation::None => path.display().to_string(),
        };
        env.push((given.variable.to_owned(), path));
    }
    match spec.network {
        // So that cargo says what is missing instead of waiting for a server.
        Network::Closed => env.push(("CARGO_NET_OFFLINE".to_owned(), "true".to_owned())),
        Network::Open => {}
    }
    if let (Isolation::None, Some(cargo)) = (isolation, &spec.cargo_home) {
        env.retain(|(name, _)| name != "CARGO_HOME");
        env.push(("CARGO_HOME".to_owned(), cargo.display().to_string()));
    }
    if let Some(rustup) = tools.rustup_home.as_ref().and_then(|dir| dir.to_str()) {
        env.push(("RUSTUP_HOME".to_owned(), rustup.to_owned()));
    }
    for (name, value) in &spec.env {
        env.retain(|(known, _)| known != name);
        env.push((name.clone(), value.clone()));
    }
    env
}

/// Without mounts, what is lent to a workspace is linked into it.
pub(super) fn link(spec: &CommandSpec) -> io::Result<()> {
    for lent in spec.read_only.iter().filter(|lent| lent.to.is_relative()) {
        let place = spec.workspace.join(&lent.to);
        if place.symlink_metadata().is_err() && place.parent().is_some_and(std::path::Path::is_dir)
        {
            symlink(&lent.from, place)?;
        }
    }
    Ok(())
}
