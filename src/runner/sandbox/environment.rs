//! The environment of a command: made up from nothing, never inherited.

use std::env;

use super::toolchain::Toolchain;
use super::{CommandSpec, HOME, Isolation, Place};

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
    if let Some(rustup) = tools.rustup_home.as_ref().and_then(|dir| dir.to_str()) {
        env.push(("RUSTUP_HOME".to_owned(), rustup.to_owned()));
    }
    for (name, value) in &spec.env {
        env.retain(|(known, _)| known != name);
        env.push((name.clone(), value.clone()));
    }
    env
}
