//! JavaScript's package managers and the Node runtime: npm, pnpm, yarn, uncaught errors.

use super::extent::while_below;
use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent, frame_in, is_own, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "npm",
    about: "npm, pnpm and yarn: lock files out of step, resolution, registry faults.",
    example: "\
         npm error code ERESOLVE\nnpm error ERESOLVE unable to resolve dependency tree\n\
         npm error\nnpm error Found: react@19.0.0",
    rules: &[
        Rule::new(
            K::Dependency,
            &["npm ERR! code ", "npm error code "],
            r"^npm (?:ERR!|error) code (?P<code>\S+)$",
        )
        .reading(npm),
        Rule::new(
            K::Dependency,
            &["ERR_PNPM_"],
            // Thin spaces stand around the code.
            concat!(
                r"^(?:\s|\xE2\x80\x89)*(?:ERROR\s+|\[?)?(?P<code>ERR_PNPM_[A-Z_0-9]+)\]?",
                r"(?:\s|\xE2\x80\x89)+(?P<message>.+)$",
            ),
        )
        .reading(pnpm),
        Rule::new(K::Dependency, &["ERR_PNPM_"], r"^Error: (?P<code>ERR_PNPM_[A-Z_0-9]+)$")
            .reading(pnpm_report),
        Rule::new(
            K::Dependency,
            &["YN00"],
            concat!(
                r"^(?:➤ )?(?P<code>YN00(?:0[1-9]|[1-9][0-9])): .*?(?:│|\|) ",
                r"(?P<message>.*(?:would have been|forbidden|couldn't|could not|not found",
                r"|No candidates|isn't|doesn't|failed|[Ee]rror|[Rr]eturned).*)$",
            ),
        )
        .reading(yarn_error),
        Rule::new(
            K::Dependency,
            &[
                "error Your lockfile",
                "error Couldn't find",
                "error Integrity check",
                "error An unexpected error",
                "error The engine",
                "error Found incompatible",
            ],
            concat!(
                r"^error (?P<message>(?:Your lockfile|Couldn't find|Integrity check",
                r"|An unexpected error|The engine|Found incompatible).*)$",
            ),
        )
        .reading(yarn_error),
        Rule::new(
            K::Dependency,
            &[
                "lockfile had changes, but lockfile is frozen",
                "Required package ",
                "lockfile is frozen",
            ],
            concat!(
                r"^\s*(?:error: |- )?(?P<message>lockfile had changes, but lockfile is ",
                r"frozen.*|Required package .* is not (?:present|in) .*)$",
            ),
        ),
        Rule::new(
            K::Unknown,
            &["Lifecycle script", "ELIFECYCLE", "error Command failed"],
            concat!(
                r"^\s*(?:npm (?:ERR!|error) )?(?P<message>(?:Lifecycle script|\[?ELIFECYCLE",
                r"|error Command failed).*)$",
            ),
        )
        .weighing(Weight::Consequence),
        Rule::new(
            K::Config,
            &["Missing script: ", "Couldn't find a script named "],
            concat!(
                r"^(?:npm (?:ERR!|error) |Usage Error: )(?P<message>Missing script: .+",
                r"|Couldn't find a script named .+)$",
            ),
        ),
        Rule::new(
            K::Config,
            &["error Command \""],
            r"^error (?P<message>Command \x22[^\x22]+\x22 not found\.)$",
        ),
        Rule::new(
            K::Config,
            &["Internal Error: ", "Syntax Error: "],
            concat!(
                r"^(?P<message>Internal Error: \S+@\S+: .+",
                r"|Syntax Error: .+ \(when parsing (?P<file>[^()]+)\))$",
            ),
        ),
    ],
};

/// Codes with which npm only repeats that a script failed.
const CONSEQUENCES: [&str; 5] = ["ELIFECYCLE", "1", "2", "127", "ERR_SCRIPT_FAILED"];

/// Codes with which npm says that it lacks a login, or a right.
const NPM_REFUSALS: [&str; 4] = ["E401", "E403", "ENEEDAUTH", "EOTP"];

fn npm(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let code = draft.failure.code.clone().unwrap_or_default();
    if CONSEQUENCES.contains(&code.as_str()) || code.bytes().all(|b| b.is_ascii_digit()) {
        draft.weight = Weight::Consequence;
    }
    if is_network_code(&code) {
        draft.failure.kind = K::Infrastructure;
    }
    if code == "ENOENT" || code == "EJSONPARSE" || NPM_REFUSALS.contains(&code.as_str()) {
        draft.failure.kind = K::Config;
    }
    if code == "EJSONPARSE" {
        draft.place("package.json", None, None);
    }
    if code == "ENOSPC" {
        // The machine's own words for it stand below.
        draft.weight = Weight::Consequence;
    }
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(12) {
        let Some(told) = line.strip_prefix("npm ERR!").or_else(|| line.strip_prefix("npm error"))
        else {
            break;
        };
        let told = told.trim();
        let told = told.strip_prefix(code.as_str()).map_or(told, str::trim);
        if told.is_empty()
            || ["errno", "syscall", "path", "command", "network"]
                .iter()
                .any(|word| told.starts_with(word))
        {
            continue;
        }
        draft.say(told);
        draft.last = draft.first + distance;
        if distance > 6 {
            break;
        }
    }
    if draft.failure.message.is_empty() {
        draft.failure.message = code;
    }
    found.push(draft);
}

fn is_network_code(code: &str) -> bool {
    [
        "ETIMEDOUT",
        "ECONNRESET",
        "ECONNREFUSED",
        "EAI_AGAIN",
        "ENOTFOUND",
        "E429",
        "E500",
        "E502",
        "E503",
        "E504",
        "ERR_SOCKET_TIMEOUT",
    ]
    .contains(&code)
}

fn pnpm(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let code = draft.failure.code.clone().unwrap_or_default();
    if code.starts_with("ERR_PNPM_RECURSIVE")
        || code.contains("LIFECYCLE")
        || code.starts_with("ERR_PNPM_FETCH_FIRST")
    {
        draft.weight = Weight::Consequence;
        draft.failure.kind = K::Unknown;
    }
    if ["ERR_PNPM_META_FETCH_FAIL", "ERR_PNPM_TARBALL_FETCH"]
        .iter()
        .any(|start| code.starts_with(start))
        || code.starts_with("ERR_PNPM_FETCH_5")
    {
        draft.failure.kind = K::Infrastructure;
    }
    if code == "ERR_PNPM_NO_SCRIPT"
        || code == "ERR_PNPM_UNSUPPORTED_ENGINE"
        || code == "ERR_PNPM_NO_PKG_MANIFEST"
        || code == "ERR_PNPM_FETCH_401"
        || code == "ERR_PNPM_FETCH_403"
    {
        draft.failure.kind = K::Config;
    }
    found.push(draft);
}

/// pnpm's newer reports draw a chain of causes below the code.
fn pnpm_report(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const REPORT_LINES_MAX: usize = 30;
    let mut causes = String::new();
    let mut helps = false;
    for (distance, line) in at.lines_below(REPORT_LINES_MAX) {
        let told = line.trim();
        if let Some(help) = told.strip_prefix("help: ") {
            draft.failure.suggestion = Some(help.to_owned());
            helps = true;
        } else if !told.is_empty() && !line.starts_with("  ") {
            break;
        } else if told.starts_with("╰─▶") || told.starts_with("├─▶") {
            // The last cause says most; those before repeat it within their own words.
            causes.clear();
        }
        let told = told.trim_start_matches(['│', '╰', '├', '─', '▶', '×', ' ']);
        if !helps && !told.is_empty() {
            if !causes.is_empty() {
                causes.push(' ');
            }
            causes.push_str(told);
            draft.last = draft.first + distance;
        }
    }
    if !causes.is_empty() {
        draft.failure.message = causes;
    }
    pnpm(at, draft, found);
}

/// What Yarn's faults say where the network or the registry is at fault.
const YARN_NETWORK: [&str; 9] = [
    "RequestError",
    "ECONNRE",
    "ETIMEDOUT",
    "ESOCKETTIMEDOUT",
    "EAI_AGAIN",
    "ENOTFOUND",
    "Response code 5",
    "TimeoutError",
    "Request failed \\\"5",
];

fn yarn_error(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    // YN0000 carries everything; YN0013 is a fetch count.
    // Of packages that only want others beside them it warns.
    if ["YN0002", "YN0013", "YN0060"].iter().any(|code| draft.failure.code.as_deref() == Some(code))
    {
        return;
    }
    if YARN_NETWORK.iter().any(|word| draft.failure.message.contains(word)) {
        draft.failure.kind = K::Infrastructure;
    }
    extent::stack(at, &mut draft);
    found.push(draft);
}

pub(super) static NODE: Tool = Tool {
    name: "node",
    about: "Errors that nobody caught, with their first own stack frame.",
    example: "\
         Error: ENOENT: no such file or directory, scandir '.changeset'\n\
         \x20   at Object.readdirSync (node:fs:1501:26)\n\
         \x20   at main (/home/runner/work/shop/shop/scripts/check.js:12:3)",
    rules: &[Rule::new(
        K::Unknown,
        &["Error: ", "Error [", "Exception: ", "Exception ["],
        concat!(
            r"^\s*(?:Uncaught |node:internal\S* )?(?P<message>(?:[A-Z][A-Za-z]*)?",
            r"(?:Error|Exception)(?: \[(?P<code>[A-Z_0-9]+)\])?: .+)$",
        ),
    )
    .weighing(Weight::Sign)
    .reading(uncaught)],
};

fn uncaught(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut framed = false;
    for (distance, line) in at.lines_below(14) {
        let told = line.trim();
        if let Some((path, line, column)) = frame_in(told) {
            framed = true;
            if is_own(path) {
                draft.place(path, line, column);
                draft.last = draft.first + distance;
                break;
            }
        } else if framed || distance > 6 {
            break;
        }
    }
    if !framed {
        return;
    }
    let message = &draft.failure.message;
    let errno = message.split_once(": ").and_then(|(_, rest)| {
        let word = rest.split([':', ' ']).next()?;
        let is_errno =
            word.len() > 3 && word.starts_with('E') && word.bytes().all(|b| b.is_ascii_uppercase());
        is_errno.then(|| word.to_owned())
    });
    if message.contains("Cannot find module") || message.contains("Cannot find package") {
        draft.failure.kind = K::Dependency;
    } else if message.starts_with("SyntaxError") {
        draft.failure.kind = K::CompileError;
    } else if errno.as_deref().is_some_and(is_network_code) {
        draft.failure.kind = K::Infrastructure;
    } else if errno.is_some() {
        draft.failure.kind = K::Config;
    }
    draft.failure.code = draft.failure.code.take().or(errno);
    while_below(at, &mut draft, |line| frame_in(line).is_some() || line.starts_with("    "));
    // Node shows where it threw above the error: a place, the code, a caret and a blank line.
    if at.above(1).is_some_and(|line| line.trim().is_empty())
        && at.above(2).is_some_and(|line| line.trim_start().starts_with('^'))
        && at.above(4).is_some()
    {
        draft.first -= 4;
        // Of what it could not parse or find, no frame tells the place.
        let shown = at.above(4).and_then(place_in).filter(|(path, ..)| is_own(path));
        if let (None, Some((path, line, column))) = (&draft.path, shown) {
            draft.place(path, line, column);
        }
    }
    if draft.path.is_none()
        && let Some((_, importer)) = draft.failure.message.clone().rsplit_once(" imported from ")
    {
        draft.place(importer, None, None);
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed, check_lines};

    #[test]
    fn pnpm_sets_its_codes_off_with_thin_spaces() {
        check_failed(
            "\u{2009}ERR_PNPM_LOCKFILE_CONFIG_MISMATCH\u{2009} Cannot proceed with the frozen \
             installation.",
            "dependency [ERR_PNPM_LOCKFILE_CONFIG_MISMATCH] Cannot proceed with the frozen \
             installation.",
        );
    }

    #[test]
    fn package_managers_say_what_does_not_fit() {
        check(
            "npm ERR! code EUSAGE\nnpm ERR! \n\
             npm ERR! `npm ci` can only install packages when your package.json and \
             package-lock.json are in sync.",
            "dependency [EUSAGE] `npm ci` can only install packages when your package.json \
             and package-lock.json are in sync.",
        );
        check(
            " ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\"",
            "dependency [ERR_PNPM_OUTDATED_LOCKFILE] Cannot install with \"frozen-lockfile\"",
        );
        check(
            "➤ YN0028: │ The lockfile would have been modified by this install, which is \
             explicitly forbidden.",
            "dependency [YN0028] The lockfile would have been modified by this install, which \
             is explicitly forbidden.",
        );
        check(
            "npm error code EJSONPARSE\nnpm error JSON.parse Invalid package.json: JSONParseError: x\n",
            "config package.json [EJSONPARSE] JSON.parse Invalid package.json: JSONParseError: x",
        );
        check(
            "npm error code E503\nnpm error 503 Service Unavailable",
            "infrastructure [E503] 503 Service Unavailable",
        );
        check(
            "error: lockfile had changes, but lockfile is frozen",
            "dependency lockfile had changes, but lockfile is frozen",
        );
    }

    #[test]
    fn pnpm_draws_its_newer_reports() {
        let log = "Error: ERR_PNPM_OUTDATED_LOCKFILE\n\n  × installing dependencies\n\
             \x20 ╰─▶ Cannot install with \"frozen-lockfile\" because pnpm-lock.yaml is not up\n\
             \x20     to date with package.json.\n      \n        Failure reason:\n\
             \x20 help: Regenerate the lockfile with `pnpm install --lockfile-only`\n\nnext";
        check(
            log,
            "dependency [ERR_PNPM_OUTDATED_LOCKFILE] Cannot install with \"frozen-lockfile\" \
             because pnpm-lock.yaml is not up to date with package.json. Failure reason:",
        );
        check_lines(log, &[(1, 7)]);
        check(
            "Error: ERR_PNPM_NO_SCRIPT\n\n  × Missing script: nope\n  help: Command \"nope\" not \
             found.\n",
            "config [ERR_PNPM_NO_SCRIPT] Missing script: nope",
        );
        check_failed(
            "$ eslint nope\n[ELIFECYCLE] Command failed with exit code 3.\n",
            "unknown [ELIFECYCLE] Command failed with exit code 3.",
        );
    }

    #[test]
    fn scripts_and_files_that_are_wrong_are_configuration() {
        check(
            "npm error Missing script: \"lnit\"\nnpm error\n\
             npm error To see a list of scripts, run:\nnpm error   npm run\n",
            "config Missing script: \"lnit\"",
        );
        check(
            "Usage Error: Couldn't find a script named \"lnit\".\n",
            "config Couldn't find a script named \"lnit\".",
        );
        check("error Command \"lnit\" not found.\n", "config Command \"lnit\" not found.");
        check(
            "Syntax Error: Expected property name or '}' in JSON at position 1 (when parsing \
             /home/runner/work/a/a/package.json)\n",
            "config package.json Syntax Error: Expected property name or '}' in JSON at position 1 \
             (when parsing package.json)",
        );
    }

    #[test]
    fn yarn_tells_the_network_from_the_packages() {
        check(
            "➤ YN0000: ┌ Resolution step\n\
             ➤ YN0001: │ RequestError: connect ECONNREFUSED 127.0.0.1:1\n\
             \x20   at ClientRequest.<anonymous> (/w/.yarn/releases/yarn-4.1.0.cjs:148:14258)\n\
             ➤ YN0000: └ Completed in 7s 215ms\n➤ YN0000: · Failed with errors in 7s 228ms\n",
            "infrastructure [YN0001] RequestError: connect ECONNREFUSED 127.0.0.1:1",
        );
        check(
            "➤ YN0035: │ nope@npm:^1: Package not found\n➤ YN0035: │   Response Code: 404 (Not \
             Found)\n",
            "dependency [YN0035] nope@npm:^1: Package not found",
        );
        check(
            "➤ YN0000: ┌ Fetch step\n➤ YN0013: │ 2 packages were already cached, 1 had to be \
             fetched\n➤ YN0002: │ a@workspace:. doesn't provide b, requested by c\n\
             ➤ YN0000: Done with warnings in 0s 231ms\n",
            "",
        );
    }

    #[test]
    fn a_failed_script_is_only_a_consequence() {
        check(
            "src/a.ts(1,2): error TS1: x\nnpm ERR! code ELIFECYCLE\nnpm ERR! errno 2",
            "type_error src/a.ts:1:2 [TS1] x",
        );
    }

    #[test]
    fn an_uncaught_error_has_its_first_own_frame() {
        check(
            "Error: ENOENT: no such file, open 'x'\n    at open (node:fs:1:2)\n\
             \x20   at main (/home/runner/work/a/a/s.js:3:4)",
            "config s.js:3:4 [ENOENT] Error: ENOENT: no such file, open 'x'",
        );
        check("Error: printed by a passing test", "");
        check(
            "/home/runner/work/a/a/s.js:2\nfunction f( { return a }\n                     ^\n\n\
             SyntaxError: Unexpected identifier 'a'\n    at wrapSafe (node:internal/loader:1:18)\n",
            "compile_error s.js:2 SyntaxError: Unexpected identifier 'a'",
        );
        check(
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/home/runner/work/a/a/b.js' imported \
             from /home/runner/work/a/a/m.mjs\n    at finalizeResolution (node:internal/esm:1:11)\n",
            "dependency m.mjs [ERR_MODULE_NOT_FOUND] Error [ERR_MODULE_NOT_FOUND]: Cannot find module \
             '/home/runner/work/a/a/b.js' imported from m.mjs",
        );
    }
}
