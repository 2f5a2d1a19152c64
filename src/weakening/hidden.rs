//! What a change brings in that has nothing to do with tests and that no reviewer should miss:
//! credentials, characters that cannot be seen, commands at installation, new hosts, edits of
//! generated files.

use std::sync::LazyLock;

use regex::Regex;

use super::text::Line;
use super::{Change, Side, finding, paths, patterns, shown};
use crate::domain::gate::Finding;
use crate::domain::invisible::is_hiding;

/// Tokens that their issuers give a shape of their own, so that a hit is hardly ever a mistake.
static SECRETS: LazyLock<Regex> = LazyLock::new(|| patterns::joined("secret"));

static INSTALL: LazyLock<Regex> = LazyLock::new(|| patterns::joined("install"));

static HOST: LazyLock<Regex> = LazyLock::new(|| patterns::joined("host"));

/// Hosts that nobody reaches, or that are names of schemas.
fn is_nowhere(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    matches!(last, "test" | "example" | "invalid" | "localhost" | "local")
        || [
            "example.com",
            "example.org",
            "example.net",
            "schemastore.org",
            "w3.org",
            "json-schema.org",
        ]
        .iter()
        .any(|known| host.ends_with(known))
        || host.starts_with("127.")
        || host == "0.0.0.0"
}

/// What the lines that a change adds bring in.
pub fn look(change: &Change<'_>, added: &[Line<'_>], found: &mut Vec<Finding>) {
    let path = change.path.as_str();
    let count = |text: &str| {
        text.chars()
            .skip(usize::from(text.starts_with('\u{FEFF}')))
            .filter(|c| is_hiding(*c))
            .count()
    };
    for (number, line) in added {
        if !line.is_ascii()
            && count(line) > 0
            && count(change.new.text()) > count(change.old.text())
            && !(*number == 1 && count(line) == 0)
        {
            let message = "characters that cannot be seen, or that turn the line around, are added"
                .to_owned();
            found.push(finding("hidden-unicode", change.path, Some(*number), message));
        }
        if let Some(hit) = SECRETS.find(line).filter(|hit| !is_placeholder(hit.as_str())) {
            let start: String = hit.as_str().chars().take(8).collect();
            let message =
                format!("something in the shape of a credential is added: `{}…`", shown(&start));
            found.push(finding("secret-added", change.path, Some(*number), message));
        }
    }
    if paths::is_manifest(path) && change.old != Side::Absent || path.ends_with("package.json") {
        for (number, line) in added.iter().filter(|(_, line)| INSTALL.is_match(line)) {
            let message = format!("a command that runs at installation: `{}`", shown(line.trim()));
            found.push(finding("install-script", change.path, Some(*number), message));
        }
    }
    if path.ends_with("build.rs") && change.old == Side::Absent {
        found.push(finding(
            "install-script",
            change.path,
            Some(1),
            format!("`{path}` runs when the package is built"),
        ));
    }
    if reaches_out(path) {
        hosts(change, added, found);
    }
}

/// A shape that documentation uses, and no issuer.
fn is_placeholder(secret: &str) -> bool {
    let lower = secret.to_lowercase();
    let body = secret.rsplit(['_', '-']).next().unwrap_or(secret);
    let first = body.chars().next();
    lower.contains("example")
        || lower.contains("xxxx")
        || lower.contains("0000000")
        || lower.contains("0123")
        || lower.contains("12345")
        || body.len() > 4 && body.chars().all(|c| Some(c) == first)
}

/// Whether a file decides where something is fetched from, or sent to, outside of the product
/// itself.
fn reaches_out(path: &str) -> bool {
    let has_language = super::languages::of_path(path).is_some() && !paths::is_settings(path);
    !has_language && !paths::is_prose(path) && !paths::is_fixture(path)
}

fn hosts(change: &Change<'_>, added: &[Line<'_>], found: &mut Vec<Finding>) {
    for (number, line) in added {
        let is_comment = line.trim_start().starts_with("//")
            || line.trim_start().starts_with('#')
            || line.contains("$schema")
            || line.contains("xmlns");
        for hit in HOST.captures_iter(line).filter(|_| !is_comment) {
            let host = hit.get(1).or_else(|| hit.get(2)).map_or("", |host| host.as_str());
            if !is_nowhere(&host.to_lowercase()) && !change.old.text().contains(host) {
                let message = format!("`{}` was not named here before", shown(host));
                found.push(finding("network-destination", change.path, Some(*number), message));
            }
        }
    }
}

/// How much of a file's beginning may say that it is generated.
const HEAD_BYTES: usize = 1_000;

static GENERATED: LazyLock<Regex> = LazyLock::new(|| patterns::joined("generated"));

fn is_generated(change: &Change<'_>) -> bool {
    let text = change.old.text();
    let end =
        (0..=HEAD_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    GENERATED.is_match(&text[..end])
}

/// Generated files that change while nothing does that they could be generated from.
pub fn generated(changes: &[&Change<'_>], found: &mut Vec<Finding>) {
    let is_source =
        |change: &&&Change<'_>| !is_generated(change) && !paths::is_test(change.path.as_str());
    if changes.iter().any(|change| is_source(&change)) {
        return;
    }
    for change in changes.iter().filter(|change| is_generated(change)) {
        let message = format!(
            "`{}` says that it is generated, and nothing that it could come from changes",
            change.path
        );
        found.push(finding("generated-edited", change.path, None, message));
    }
}
