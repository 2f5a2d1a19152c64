//! The keys of the repository file: one table that checks, documents and describes them.
//!
//! A row says what a key is called, what may stand there, what it means and where it goes in the
//! policy. The reader ([`super::checked`]), the reference page and the schema
//! ([`super::reference`]) all walk this table; a key that is not in it does not exist.

mod asides;

use super::forms::{
    CLEAR_VERIFY, FILES, LABEL, PATTERN, TOKENS, USD, cap, kind, label, name, names, narrow,
    push_verify,
};
use super::shape::{Key, Shape, group, key, number, texts};
use super::trust;
use crate::domain::brief::{Network, RunLimits};
use crate::domain::failure::FailureKind;
use crate::domain::ids::Login;
use crate::domain::ledger::Scope;
use crate::domain::policy::{ATTEMPTS_MAX, Drafts, FileGlob, Forks};

/// The most items of one list: beyond that the file is generated, and so could be the policy.
pub(super) const ITEMS_MAX: usize = 100;
/// The most characters of one text: a command of several lines fits.
pub(super) const TEXT_CHARS_MAX: usize = 2_000;
/// Attempts of one repository in a day: one every minute and a half, around the clock.
const ATTEMPTS_PER_DAY_MAX: u64 = 1_000;
/// Attempts of one repository at the same time: the concurrent jobs of a large plan.
const ATTEMPTS_AT_ONCE_MAX: u64 = 50;
/// A hosted job ends after six hours; ten minutes are left to report.
const MINUTES_PER_ATTEMPT_MAX: u64 = 350;
/// Files of one patch: what the forge lists for a comparison.
const FILES_MAX: u64 = 300;
/// Lines of one patch: beyond that nobody reviews it.
const LINES_MAX: u64 = 20_000;
/// Bytes of one patch: what travels to the server in one request.
const BYTES_MAX: u64 = 10 * 1024 * 1024;
/// A day: CI that starts later than that does not start.
const CI_START_MINUTES_MAX: u64 = 24 * 60;

/// The keys directly inside a group; the empty path is the top of the file.
pub(super) fn keys_of(group: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.group() == group)
}

/// The names of all kinds of failure.
const KINDS: [&str; FailureKind::ALL.len()] = {
    let mut names = [""; FailureKind::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = FailureKind::ALL[at].as_str();
        at += 1;
    }
    names
};

/// All keys, in the order of the reference page; a group stands before its keys.
pub(super) const KEYS: &[Key] = &[
    key("$schema", Shape::Text { form: "the address of a JSON Schema", accept: |_, _| Ok(()) })
        .means("Lets editors check the file while it is written; selfheal ignores it.")
        .like("./selfheal.schema.json"),
    number("version", "", (1, 1), |_, _| {}).means("The version of this file's form.").like("1"),
    key("enabled", Shape::Flag(|d, on| d.policy.enabled = on))
        .means("Whether selfheal works in this repository at all.")
        .like("false"),
    number("attempts", "attempts", (1, ATTEMPTS_MAX as u64), |d, n| {
        d.policy.attempts_max = narrow(n);
    })
    .means("How often selfheal tries to heal one red pull request before it leaves it to people.")
    .like("2"),
    key("fixers", Shape::Fixers)
        .means(
            "Who changes code, in the order in which they are tried: `recipes` (deterministic \
             fixes, narrowed by `recipes: [name, …]`), a coding agent that is installed on the \
             runner (with a `model` of your choice, or one each for what \
             triage finds `trivial`, `simple` or `complex`), any that speaks the Agent Client Protocol \
             (`acp`) or stands behind an AgentAPI server (`agentapi`), or a program of your own (`command`): it gets the task on standard input.",
        )
        .like("[recipes, {agent: claude-code, model: claude-sonnet-5-5}, codex]"),
    key("verify", texts("a command of at most 2000 characters", 0, CLEAR_VERIFY, push_verify))
        .means(
            "Commands that must be green after a fix, beside the one that failed. Each is run by \
             `sh -c` at the root of a fresh checkout.",
        )
        .like("[cargo test --workspace]"),
    group(
        "protected_paths",
        None,
        "Paths that a fix may not touch, or only with a person's word, by gitignore's rules and \
         without regard to case. They are added to the built-in ones: CI, agent configuration and \
         owners are refused, dependency manifests and lock files are held.",
    ),
    key(
        "protected_paths.refuse",
        texts(
            PATTERN,
            0,
            |d| d.additions.refuse.clear(),
            |d, text| {
                d.additions.refuse.push(text.to_owned());
                Ok(())
            },
        ),
    )
    .means("A fix that touches one of these is refused.")
    .like("[/db/migrations/]"),
    key(
        "protected_paths.hold",
        texts(
            PATTERN,
            0,
            |d| d.additions.hold.clear(),
            |d, text| {
                d.additions.hold.push(text.to_owned());
                Ok(())
            },
        ),
    )
    .means("A fix that touches one of these waits for a person's approval.")
    .like("[\"*.snap\"]"),
    key(
        "protected_paths.unprotect",
        texts(
            PATTERN,
            0,
            |d| d.additions.unprotect.clear(),
            |d, t| {
                d.additions.unprotect.push(t.to_owned());
                Ok(())
            },
        ),
    )
    .means("Built-in patterns that shall not protect here, written exactly as built in.")
    .like("[Cargo.lock]"),
    group("labels", None, "Labels on pull requests that matter to selfheal."),
    key(
        "labels.involved",
        Shape::Text {
            form: LABEL,
            accept: |d, text| label(text).map(|label| d.policy.labels.involved = label),
        },
    )
    .means("Set while selfheal works on a pull request, and taken off again.")
    .like("selfheal"),
    key(
        "labels.stop",
        texts(
            LABEL,
            1,
            |d| d.policy.labels.stop.clear(),
            |d, text| label(text).map(|label| d.policy.labels.stop.push(label)),
        ),
    )
    .means("Any of these, set by a person, means hands off. `selfheal:stop` always does.")
    .like("[\"selfheal:stop\", do-not-touch]"),
    key(
        "labels.require",
        Shape::Text {
            form: LABEL,
            accept: |d, text| label(text).map(|label| d.policy.labels.require = Some(label)),
        },
    )
    .means("When given, only pull requests with this label are healed.")
    .like("heal-me"),
    key(
        "labels.hold_updates",
        Shape::Text {
            form: LABEL,
            accept: |d, text| label(text).map(|label| d.policy.labels.hold_updates = label),
        },
    )
    .means(
        "Set while selfheal works on an update bot's pull request, so that the bot leaves the \
         branch alone; taken off again.",
    )
    .like("stop-updating"),
    key(
        "update_bots",
        texts(
            "a login",
            0,
            |d| d.policy.labels.update_bots.clear(),
            |d, text| {
                Login::parse(text).map_err(|error| error.to_string())?;
                d.policy.labels.update_bots.push(text.to_owned());
                Ok(())
            },
        ),
    )
    .means("Logins of bots that keep dependencies up to date.")
    .like("[\"renovate[bot]\"]"),
    group("budget", None, "What may be spent in this repository."),
    number("budget.attempts_per_day", "attempts", (1, ATTEMPTS_PER_DAY_MAX), |d, n| {
        d.policy.budget.attempts_per_day = narrow(n);
    })
    .means("Attempts within 24 hours, all pull requests together.")
    .like("20"),
    number("budget.attempts_at_once", "attempts", (1, ATTEMPTS_AT_ONCE_MAX), |d, n| {
        d.policy.budget.attempts_at_once = narrow(n);
    })
    .means("Attempts at the same time; further ones wait.")
    .like("2"),
    number("budget.minutes_per_attempt", "minutes", (1, MINUTES_PER_ATTEMPT_MAX), |d, n| {
        let usual = RunLimits::default();
        d.policy.limits.attempt_secs = n * 60;
        d.policy.limits.command_secs = usual.command_secs.min(n * 60);
    })
    .means("Time of one attempt from its start to its proof; after that it is ended.")
    .like("45"),
    cap("budget.usd_per_attempt", USD, |d, n| d.cap_usd(Scope::Attempt, n))
        .means("What the models of one attempt may cost; it lowers the server's cap.")
        .like("2"),
    cap("budget.usd_per_case", USD, |d, n| d.cap_usd(Scope::Case, n))
        .means("The same of all attempts at one red pull request.")
        .like("5"),
    cap("budget.usd_per_pull", USD, |d, n| d.cap_usd(Scope::Pull, n))
        .means("The same of one pull request, as long as it is there.")
        .like("10"),
    cap("budget.usd_per_day", USD, |d, n| d.cap_usd(Scope::Repository, n))
        .means("The same of this repository within a day.")
        .like("25"),
    cap("budget.tokens_per_attempt", TOKENS, |d, n| d.cap_tokens(Scope::Attempt, n))
        .means("Tokens of one attempt's models, cached ones included.")
        .like("5000000"),
    cap("budget.tokens_per_day", TOKENS, |d, n| d.cap_tokens(Scope::Repository, n))
        .means("The same of this repository within a day.")
        .like("50000000"),
    group("size", None, "How large a fix may be; a larger one is refused."),
    number("size.files", "files", (1, FILES_MAX), |d, n| d.policy.size.files_max = narrow(n))
        .means("Files touched.")
        .like("10"),
    number("size.lines", "lines", (1, LINES_MAX), |d, n| d.policy.size.lines_max = narrow(n))
        .means("Lines added and removed together.")
        .like("200"),
    number("size.bytes", "bytes", (1, BYTES_MAX), |d, n| d.policy.size.bytes_max = n)
        .means("Bytes of new content.")
        .like("65536"),
    group(
        "workflows",
        Some("workflows.include"),
        "Which workflows (and other checks) are healed, by name; `*` stands for any characters. A \
         plain list stands for `include`.",
    ),
    key(
        "workflows.include",
        names(
            |d| d.policy.workflows.include.clear(),
            |d, text| name(text).map(|name| d.policy.workflows.include.push(name)),
        ),
    )
    .means("Only these; an empty list means all.")
    .like("[CI, \"test-*\"]"),
    key(
        "workflows.exclude",
        names(
            |d| d.policy.workflows.exclude.clear(),
            |d, text| name(text).map(|name| d.policy.workflows.exclude.push(name)),
        ),
    )
    .means("Never these, also when included.")
    .like("[\"nightly*\"]"),
    group(
        "branches",
        Some("branches.include"),
        "Which base branches are healed, by name; `*` stands for any characters, also `/`. A plain \
         list stands for `include`.",
    ),
    key(
        "branches.include",
        names(
            |d| d.policy.branches.include.clear(),
            |d, text| name(text).map(|name| d.policy.branches.include.push(name)),
        ),
    )
    .means("Only pull requests into these; an empty list means all.")
    .like("[main, \"release/*\"]"),
    key(
        "branches.exclude",
        names(
            |d| d.policy.branches.exclude.clear(),
            |d, text| name(text).map(|name| d.policy.branches.exclude.push(name)),
        ),
    )
    .means("Never pull requests into these, also when included.")
    .like("[\"experiment/*\"]"),
    key(
        "drafts",
        Shape::Choice(&[
            ("wait", |d| d.policy.drafts = Drafts::Wait),
            ("heal", |d| d.policy.drafts = Drafts::Heal),
        ]),
    )
    .means("Draft pull requests wait until they are ready, or are healed like any other.")
    .like("heal"),
    key(
        "forks",
        Shape::Choice(&[
            ("ignore", |d| d.policy.forks = Forks::Ignore),
            ("explain", |d| d.policy.forks = Forks::Explain),
        ]),
    )
    .means(
        "Pull requests from forks, whose branches selfheal cannot write, are left alone, or their \
         failure is explained in the check run.",
    )
    .like("ignore"),
    key("gate", Shape::Weights)
        .means(
            "What rules of [the gate](gate.md) weigh here, by their ids: `note` lets a fix pass, \
             `hold` lets it wait for a person, `refuse` refuses it. Proof, protected paths, links \
             and submodules are not among them.",
        )
        .like("{test-skipped: hold, mock-added: refuse}"),
    group("evidence", None, "How failed runs are read."),
    key(
        "evidence.matchers",
        texts(
            FILES,
            0,
            |d| d.policy.matchers.clear(),
            |d, text| {
                let files = FileGlob::parse(text).ok_or_else(|| format!("allowed is {FILES}"))?;
                d.policy.matchers.push(files);
                Ok(())
            },
        ),
    )
    .means(
        "Files of problem matchers, in the form that GitHub's runner knows, on the base branch: \
         what they find in a log counts before what selfheal's own rules find.",
    )
    .like("[tools/lint-matcher.json, \"ci/matchers/*.json\"]"),
    key("kinds", Shape::Words { words: &KINDS, clear: |d| d.policy.kinds.clear(), accept: kind })
        .means("Kinds of failure that are worth an attempt.")
        .like("[format, lint, compile_error]"),
    key(
        "network",
        Shape::Choice(&[
            ("closed", |d| d.policy.network = Network::Closed),
            ("open", |d| d.policy.network = Network::Open),
        ]),
    )
    .means(
        "What fixers and this repository's own code may reach while selfheal works: nothing, or \
         what the machine can reach (for builds that fetch dependencies).",
    )
    .like("open"),
    number("ci_start_minutes", "minutes", (1, CI_START_MINUTES_MAX), |d, n| {
        d.policy.ci_start_minutes_max = narrow(n);
    })
    .means("How long CI may take to start on a fix before selfheal says that it does not.")
    .like("30"),
    trust::QUESTIONS,
    trust::QUESTIONS_MOST,
    trust::QUESTIONS_HOURS,
    asides::RERUNS,
    asides::RERUNS_FLAKY,
    asides::RERUNS_INFRASTRUCTURE,
    asides::BASE,
    asides::BASE_HEAL,
    asides::BASE_WHEN_MENDED,
    trust::REMEDIES,
    trust::AUTONOMY,
    trust::AUTONOMY_START,
    trust::AUTONOMY_LEAST,
    trust::AUTONOMY_MOST,
];
