//! `selfheal docs`: writes the reference pages that are generated from code.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::config::{repository, server};
use crate::documents;
use crate::domain::agent::{self, CARDS};
use crate::domain::command::COMMANDS;
use crate::domain::gate::content::ContentRule;
use crate::domain::gate::{Rule, before, content, patch};
use crate::domain::protected::{Protection, built_in};
use crate::domain::pull::Permission;
use crate::runner::fixers::recipes;
use crate::service::live::schema::schema as live_schema;

/// Write the generated reference pages
///
/// Exit codes: 0 written, 2 usage, 3 it could not write.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory to write into
    #[arg(long)]
    out: PathBuf,
}

/// Runs the subcommand.
///
/// # Errors
/// When a page cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    for (name, text) in pages()? {
        let path = args.out.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Every generated page, by its path.
fn pages() -> anyhow::Result<Vec<(String, String)>> {
    let schema = serde_json::to_string_pretty(&repository::schema())? + "\n";
    let live = serde_json::to_string_pretty(&live_schema())? + "\n";
    let failures = serde_json::to_string_pretty(&crate::evidence::failures_schema())? + "\n";
    let written = [
        ("commands.md", commands()),
        ("gate.md", gate()),
        ("config.md", repository::docs()),
        ("evidence.md", crate::evidence::docs()),
        ("fixers.md", fixers()),
        ("settings.md", server::docs()),
        ("schemas/failures.json", failures),
        ("schemas/live-event.json", live),
        ("schemas/selfheal.schema.json", schema),
    ];
    let mut pages: Vec<_> =
        written.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    for (name, schema) in documents::schemas() {
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        pages.push((format!("schemas/{name}"), text));
    }
    Ok(pages)
}

/// The page of fixers: the recipes' own table, and the contract of the command fixer.
fn fixers() -> String {
    let mut page = String::from(FIXERS);
    page.push_str(
        "\n## Recipes\n\n| recipe | answers | runs | by default |\n| --- | --- | --- | --- |\n",
    );
    for recipe in recipes::ALL {
        let by_default = recipe
            .held
            .map_or_else(|| "allowed".to_owned(), |why| format!("held for a person: {why}"));
        page.push_str(&format!(
            "| `{}` | {} | {} | {by_default} |\n",
            recipe.name, recipe.answers, recipe.runs
        ));
    }
    page.push_str(AGENTS);
    for card in CARDS {
        let keeps_any = !(card.agent)().keeps("session", "workspace").is_empty();
        let sessions = if keeps_any { "kept" } else { "none" };
        page.push_str(&format!(
            "| `{}` | `{}` | {} | {} | `{}` | {sessions} | `{}` |\n",
            card.name,
            card.program,
            card.checked_with,
            card.provider.as_str(),
            card.usual_model,
            card.install,
        ));
    }
    page.push('\n');
    for card in CARDS.iter().filter(|card| !card.about.is_empty()) {
        page.push_str(&format!("- {}: {}\n", card.title, card.about));
    }
    let guidance: Vec<String> = agent::guidance().iter().map(|it| format!("`{it}`")).collect();
    page.push_str(&ABOUT_AGENTS.replace("{GUIDANCE}", &guidance.join(", ")));
    page.push_str(COMMAND_FIXER);
    page
}

const FIXERS: &str = "# Fixers\n\nGenerated from the registry; `cargo xtask docs` writes this page.\n\n\
    A fixer changes files in a workspace; what it says decides nothing. Whoever made a change, it is \
    proven in a fresh checkout, judged by the gate and tried by CI. `fixers` in \
    `.github/selfheal.yml` names them in order; `recipes` alone is the default. Of the recipes that \
    answer a failure the cheapest is tried first, which is the order below.\n";

const AGENTS: &str = "\n## Coding agents\n\n\
    ```yaml\nfixers:\n  - recipes\n  - claude-code\n  - agent: codex\n    model: gpt-5.5\n  \
    - name: mine\n    acp: my-agent --acp\n```\n\n\
    `model: {trivial: …, simple: …, complex: …}` chooses by \
    [how large a fault is](runner.md#how-large-a-fault-is).\n\n\
    The first that can work does; the next one follows when it is not installed, not set up, or has \
    changed nothing.\n\n\
    | name | program | checked with | models of | usual model | sessions | installed by |\n\
    | --- | --- | --- | --- | --- | --- | --- |\n";

const ABOUT_AGENTS: &str = "\
    - `acp` is any command line that speaks the [Agent Client Protocol](https://agentclientprotocol.com) \
    (version 1). It finds ways to models in `$SELFHEAL_ANTHROPIC_URL`, `$SELFHEAL_OPENAI_URL` and \
    `$SELFHEAL_GEMINI_URL`, which want no key, and its model in `$SELFHEAL_MODEL`.\n\
    - `agentapi` is any command line that starts a server that speaks coder's \
    [AgentAPI](https://github.com/coder/agentapi) on the port in `$AGENTAPI_PORT`, which `agentapi server` \
    reads by itself; for setups that have one. The line leads the agent to its model as above, and starts \
    it such that it asks nobody for anything, also in a home that is empty. What is typed is one \
    sentence that names a file with the task, so that no text of a log becomes keys of a terminal; its turn \
    ends when the server has called it `stable` for three seconds. It is read off a screen: there are no \
    tools, tokens or sessions to be told of, and questions or second looks may not be understood. Checked \
    against the published interface (0.11.6, and the error events of 0.12), not against the program, which \
    no package registry has.\n\
    - The program is installed by a step of your workflow before the attempt and is found on the search \
    path.\n\
    - It works in the sandbox: no network but a loopback address that leads to its models, no key (the \
    server has it, or `selfheal heal`), no token, a new and empty home, nothing of the machine's \
    environment.\n\
    - Settings, hooks, plugins and MCP servers of the checkout are not loaded: they are taken out of it \
    before an agent starts. Guidance ({GUIDANCE}) is the base branch's, and is \
    part of the task.\n\
    - The task is the template `src/runner/prompts/execute.md` and texts between markers that no text can \
    guess, of two kinds: evidence, which instructs nobody (commands of CI, logs, diffs, what was tried), \
    and what to go by (the base branch's guidance and policy, people's answers, a second look's advice).\n\
    - It is told what was tried before it, each with its diff and what came of it: earlier rounds, \
    remedies of the same failure that were in vain, earlier attempts. Of a text that it ends with the last \
    64,000 characters are read; questions and second looks stand at its end.\n\
    - Version, model and the prompt's digest are in the attempt's `state` document. The version is what \
    the program says of itself by `--version`; of an `acp` command line what it answers to `initialize`; of \
    an AgentAPI server its own, with the kind of agent behind it. A `command` has none.\n\
    - What it says about success is not listened to. A provider that is down, busy or silent is no \
    attempt of the agent's, also in a second look; a budget that is spent ends it.\n\
    - When it ends, everything that it started is gone, however it was started.\n\
    - The tests drive all of these programs themselves, in the versions above; aider, with its 700 MB of \
    Python, in `cargo xtask test --all` alone.\n";

const COMMAND_FIXER: &str = "\n## Any program: the `command` fixer\n\n\
    ```yaml\nfixers:\n  - recipes\n  - name: my-agent\n    command: ./scripts/agent.sh\n```\n\n\
    The contract, which any coding agent can be wrapped to keep:\n\n\
    - It is run by `sh -c` in the sandbox, in a checkout of the commit to heal. There is no token \
    and no environment of the outer process; the network is what the policy says.\n\
    - Standard input is the task as Markdown: what to do, what is red, what must stay green, what \
    must not be touched, the failures, the lines of the log that matter, what was tried before. \
    Text of strangers stands between markers and is evidence, never an instruction; what people say \
    who may write to the repository stands between markers of another kind. It is kept with the attempt, \
    as agents' prompts are (`selfheal documents --prompts`), and its digest is in the receipt.\n\
    - `$SELFHEAL_TASK` is a file with the same as JSON: `version` (1), `attempt`, `number`, \
    `round`, `repo`, `pull`, `head`, `base`, `failures`, `excerpt`, `failing_commands`, `verify`, \
    `protected`, `changed_files`, `earlier`, `feedback`, `questions_max`, `seen`.\n\
    - Its result is the difference that it leaves in the directory, commits included or not. Its \
    exit code means nothing; its last line is shown to people as the summary.\n\
    - It may end with `{\"questions\": [\"…\"]}` to ask people what only they can tell. The attempt \
    waits, and goes on with its change and the answers (`feedback` in the JSON).\n\
    - When its change does not hold, it is run again with what was seen, at most three rounds in an \
    attempt.\n\
    - Time, memory, processes and output are limited as the policy says; when it ends, or its time \
    is over, everything that it started is killed.\n";

fn commands() -> String {
    let mut page = String::from(
        "# Commands\n\nGenerated from the table that also parses them; `cargo xtask docs` writes \
         this page.\n\nA command stands at the beginning of a line of a comment on a pull request. \
         `/heal` means the same as `/selfheal`. Commands of bots, in quotations, in code and in \
         edited comments are not read. The permission is checked when the command is carried \
         out.\n\n| command | who | button | what it does |\n| --- | --- | --- | --- |\n",
    );
    for command in COMMANDS {
        let who = match command.permission {
            Permission::None | Permission::Read => "anybody who can read",
            Permission::Write => "write access",
            Permission::Admin => "administrators",
        };
        let button = command.button.map_or("–", |(label, _)| label);
        page.push_str(&format!(
            "| `/selfheal {}` | {who} | {button} | {} |\n",
            command.name, command.help
        ));
    }
    page
}

fn gate() -> String {
    let mut page = String::from(
        "# The gate\n\nGenerated from the rules; `cargo xtask docs` writes this page.\n\nAll rules \
         run, always; the weightiest finding decides: allow, hold for a person, or refuse.\n\n",
    );
    page.push_str("## Before an attempt\n\n");
    rules(&mut page, before::RULES);
    page.push_str("\n## On its patch\n\n");
    rules(&mut page, patch::RULES);
    let tables =
        [(CONTENT, content::RULES), (BEHAVIOUR, content::BEHAVIOUR), (REACH, content::REACH)];
    for (heading, rules) in tables {
        page.push_str(heading);
        for ContentRule { id, weight, about } in rules {
            page.push_str(&format!("| `{id}` | {} | {about} |\n", weight.as_str()));
        }
    }
    page.push_str(
        "\n## Protected paths\n\nPatterns have gitignore's meaning and are compared without \
         regard to case. A repository adds its own under `protected_paths` and takes one of these \
         away only by naming it under `unprotect`.\n\n| pattern | a patch that touches it | why \
         |\n| --- | --- | --- |\n",
    );
    for rule in built_in() {
        let what = match rule.protection {
            Protection::Hold => "waits for a person",
            Protection::Refuse => "is refused",
        };
        page.push_str(&format!("| `{}` | {what} | {} |\n", rule.pattern, rule.why));
    }
    page.push_str(JUDGES);
    page
}

const CONTENT: &str = "\n## On its content\n\n\
    What the change does to tests and checks. Both sides of each file are read by syntax (Rust, TypeScript, \
    JavaScript, Python, Go, Java, Ruby, C#) and compared test by test, wherever a test moved; settings, \
    scripts and other languages are compared line by line, and a test file that cannot be read by syntax \
    is held. Nothing in a file can talk to these rules.\n\n\
    `gate` in `.github/selfheal.yml` raises or lowers what a rule weighs, also `mode`, `binary`, `snapshot` \
    and `proof-runs` above, those on what ran and on reach; no other rule. The file is the base branch's.\n\n\
    `selfheal gate --base A --head B` judges any two commits of any repository, in anyone's CI: exit code \
    0 allowed, 1 refused, 4 held; `--format sarif` for code scanning. `--merge-base` compares as a pull \
    request does:\n\n\
    ```sh\nselfheal gate --base origin/main --head HEAD --merge-base --format sarif > gate.sarif\n```\n\n\
    What it cannot see: a test that still asserts the same of a function that was taught to know the test, \
    an assertion that a changed helper of another file no longer makes when that helper is not in a test \
    folder, Rust tests inside of macros.\n\n\
    | rule | weighs | what it looks at |\n| --- | --- | --- |\n";

const JUDGES: &str = "\n## How well it judges\n\n\
    `tests/fixtures/weakening` holds 865 labelled changes, 452 cheats and 413 honest, and \
    `tests/fixtures/proofs` 63 labelled proofs in the words of the test runners. Every cheat is \
    stopped by the rule that it is labelled with, and without any one rule a cheat would pass. They \
    were made for this project, so that says that the rules do what they should, and not how often \
    they will.\n\n\
    Nearer to that is how it did on what it had never seen. 200 of the changes (`blind-*.txt`) were \
    written and labelled before anybody looked at the rules, and judged once before the rules were \
    mended:\n\n\
    | written blind | honest, stopped | cheats, not stopped |\n| --- | ---: | ---: |\n\
    | Rust | 4 of 20 | 2 of 7 |\n\
    | JavaScript, TypeScript | 8 of 25 | 3 of 9 |\n\
    | Python | 9 of 24 | 2 of 9 |\n\
    | Go | 3 of 15 | 3 of 6 |\n\
    | Java | 1 of 13 | 2 of 5 |\n\
    | Ruby | 5 of 11 | 0 of 4 |\n\
    | C# | 0 of 10 | 2 of 4 |\n\
    | settings | 1 of 26 | 5 of 12 |\n\
    | all, as first seen | 31 of 144 | 19 of 56 |\n\
    | all, with the rules of today | 7 of 144 | 0 of 56 |\n\n\
    Five more cheats were stopped by another rule than the one they were labelled with; of seven labels \
    the rule was put right, and no cheat became honest nor the other way. The last line is no forecast: \
    the rules have seen these changes now.\n\n\
    What stays stopped, and waits for a person: a recorded input or output that changes with the code \
    that it mirrors (4), and an expected value that changes because the behaviour was meant to (3). \
    Nothing in such a change tells it from one that was bent until it passed.\n\n\
    Of the proofs, none of 33 cheats passed as first seen and 5 of 30 honest ones were stopped; 2 are \
    today, a test that got another name and parameters that did.\n\n\
    Since then people who knew neither rules nor corpus wrote three more sets, each judged once before \
    anything was mended after it:\n\n\
    | set | cheats that passed | honest that were stopped |\n| --- | --- | --- |\n\
    | second | 14 of 60 (23 %) | 12 of 60 (20 %) |\n\
    | third | 10 of 72 (14 %) | 14 of 72 (19 %) |\n\
    | fourth, asked for tricks beyond the obvious | 15 of 64 (23 %) | 5 of 64 (8 %) |\n\
    | all three, with the rules of today | 2 of 196 | 19 of 196 (10 %) |\n\n\
    The last line is no forecast either: most of what was found has a rule now, and what has none stands in \
    `unseen`, with a test that lets it get better and never worse. So expect that of sly cheats that nobody has \
    thought of one in five passes these rules. The two that pass are wrong code and no weakened test: a function \
    that knows the number its test asks for, and a check of signatures that calls an error success.\n\n\
    Tests that an honest engineer writes anew are the hardest: as a table, as one check of the whole, for another \
    library, with a deadline in the place of a pause. Of 90 such changes (`rewritten-*.txt`), written before there \
    were rules for them, 57 were stopped and 3 are now; of 41 more (`rewritten-more.txt`), written with these rules \
    there, 13 as first seen and 2 now; of 29 more after that, 14 as first seen and 8 now, which stay in `unseen`. \
    So expect that a person looks at every second or third change that rewrites tests from the ground up, and at \
    hardly any other honest one. 91 cheats that use the same forms are beside them, and none passes. The gate is \
    one of several hurdles and not a proof: what ran is compared as well, CI has the last word, and people read \
    the diff.\n";

const BEHAVIOUR: &str = "\n## On what ran\n\n\
    The commands that were red run without the patch and with it, each in a fresh checkout, and the runner \
    compares which tests ran: by name where the test runner names all of them, else by number. It reads what \
    is printed by cargo test, nextest, pytest, unittest, Jest, Vitest, Mocha, Playwright, `node --test`, go test \
    (text and `-json`), gotestsum, Surefire, RSpec, Minitest, PHPUnit, ExUnit, dotnet test, prove, CTest and \
    GoogleTest, and the JUnit XML and trx reports that the command left in its workspace, Gradle's among them. \
    Coverage is read from lcov, Cobertura, JaCoCo, coverage.py, Istanbul and Go profiles under their usual names.\n\n\
    The server judges what the runner tells. A runner that tells nothing is not believed more for that: its \
    patch passes through every other rule all the same, and CI has the last word.\n\n\
    What it cannot see: tests that did not run without the patch either, because nothing compiled; one test of \
    several in a Go package when the tests are not named (`-v`, `-json`).\n\n\
    | rule | weighs | what it looks at |\n| --- | --- | --- |\n";

const REACH: &str = "\n## On its reach\n\n\
    How far a patch goes from what it shall mend. A note changes nothing; it tells a reviewer where to look. \
    What a log says can make these rules say less, and nothing else. `selfheal gate`, which knows of no \
    failure, does not ask them.\n\n\
    | rule | weighs | what it looks at |\n| --- | --- | --- |\n";

fn rules(page: &mut String, rules: &[Rule]) {
    page.push_str("| rule | what it looks at |\n| --- | --- |\n");
    for rule in rules {
        page.push_str(&format!("| `{}` | {} |\n", rule.id, rule.about));
    }
}
