//! What cargo's extensions check: semver-checks, machete, udeps.

use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "cargo-semver-checks",
    about: "cargo-semver-checks, cargo-machete and cargo-udeps: one failure a finding.",
    example: "\
         --- failure function_missing: pub fn removed or renamed ---\n\n\
         Failed in:\n  function shop::total, previously in file src/lib.rs:3",
    rules: &[
        Rule::new(
            K::Lint,
            &["--- failure "],
            r"^--- failure (?P<code>[a-z0-9_]+): (?P<message>.+) ---$",
        )
        .reading(semver),
        Rule::new(
            K::Lint,
            &["found the following unused dependencies"],
            r"^cargo-machete found the following unused dependencies in .+:$",
        )
        .reading(machete),
        Rule::new(K::Lint, &["unused dependencies:"], r"^unused dependencies:$").reading(udeps),
    ],
};

/// What is missing or changed stands below, a line each.
fn semver(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let what = std::mem::take(&mut draft.failure.message);
    let below = at.lines_below(LOOK_LINES_MAX).skip_while(|(_, line)| *line != "Failed in:");
    for (distance, line) in below.skip(1).take_while(|(_, line)| line.starts_with("  ")) {
        let mut finding = draft.clone();
        let line = line.trim();
        let (item, place) = line
            .split_once(", previously in file ")
            .or_else(|| line.split_once(" in file "))
            .unwrap_or((line, ""));
        if let Some((path, row, _)) = place_in(place).or_else(|| place_in(item.rsplit(' ').next()?))
        {
            finding.place(path, row, None);
        }
        finding.failure.message = format!("{what}: {item}");
        finding.last = draft.first + distance;
        found.push(finding);
    }
}

/// `NAME -- MANIFEST:`, and below it the dependencies.
fn machete(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let unused = unused(draft, "cargo-machete");
    let mut manifest = None;
    for (distance, line) in at.lines_below(LOOK_LINES_MAX) {
        if let Some((_, path)) = line.split_once(" -- ").filter(|_| line.ends_with(':')) {
            manifest = path.strip_suffix(':');
        } else if let (Some(name), Some(path)) = (line.strip_prefix('\t'), manifest) {
            found.push(unused(distance, path, name));
        } else {
            break;
        }
    }
}

/// A package with its folder, and below it a tree whose leaves are the dependencies.
fn udeps(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let unused = unused(draft, "cargo-udeps");
    let mut manifest = String::new();
    for (distance, line) in at.lines_below(LOOK_LINES_MAX) {
        if let Some((_, folder)) = line.strip_suffix(")`").and_then(|line| line.split_once(" (")) {
            manifest = format!("{folder}/Cargo.toml");
        } else if let Some((_, name)) = line.split_once("── \"") {
            let name = name.trim_end_matches('"');
            found.push(unused(distance, &manifest, name));
        } else if !line.contains("───") {
            break;
        }
    }
}

/// Dependencies that a manifest names and no code uses, by how far below the head they are told.
fn unused(draft: Draft, tool: &'static str) -> impl Fn(usize, &str, &str) -> Draft {
    move |distance, path, name| {
        let mut unused = draft.clone();
        unused.failure.tool = Some(tool.to_owned());
        unused.place(path, None, None);
        unused.failure.message = format!("unused dependency `{}`", name.trim());
        (unused.first, unused.last) = (draft.first + distance, draft.first + distance);
        unused
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn what_an_api_lost_is_told_item_by_item() {
        check(
            "     Checked [   0.094s] 196 checks: 195 pass, 1 fail, 0 warn, 49 skip\n\n\
             --- failure function_missing: pub fn removed or renamed ---\n\nDescription:\n\
             A publicly-visible function cannot be imported by its prior path.\n\
             \x20       ref: https://doc.rust-lang.org/cargo/reference/semver.html#item-remove\n\n\
             Failed in:\n\
             \x20 function shop::total, previously in file /home/runner/work/shop/shop/src/lib.rs:3\n\
             \x20 function shop::tax, previously in file /home/runner/work/shop/shop/src/tax.rs:9\n\n\
             \x20    Summary semver requires new major version: 1 major and 0 minor checks failed\n\
             error: semver checks failed\n",
            "lint src/lib.rs:3 [function_missing] pub fn removed or renamed: function shop::total\n\
             lint src/tax.rs:9 [function_missing] pub fn removed or renamed: function shop::tax",
        );
    }

    #[test]
    fn unused_dependencies_are_told_one_by_one() {
        check(
            "cargo-machete found the following unused dependencies in this directory:\n\
             shop -- ./crates/shop/Cargo.toml:\n\tserde\n\tlog\ncart -- ./cart/Cargo.toml:\n\trand\n\n\
             If you believe cargo-machete has detected an unused dependency incorrectly,\n",
            "lint crates/shop/Cargo.toml unused dependency `serde`\n\
             lint crates/shop/Cargo.toml unused dependency `log`\n\
             lint cart/Cargo.toml unused dependency `rand`",
        );
        check(
            "unused dependencies:\n`shop v0.1.0 (/home/runner/work/shop/shop/crates/shop)`\n\
             ├─── dependencies\n│    ├─── \"serde\"\n│    └─── \"log\"\n└─── dev-dependencies\n\
             \x20    └─── \"rand\"\nNote: They might be used by other targets.\n",
            "lint crates/shop/Cargo.toml unused dependency `serde`\n\
             lint crates/shop/Cargo.toml unused dependency `log`\n\
             lint crates/shop/Cargo.toml unused dependency `rand`",
        );
    }
}
