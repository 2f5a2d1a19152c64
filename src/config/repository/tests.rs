//! What a good file becomes, and what people read about a bad one.

use std::fmt::Write as _;

use super::keys::KEYS;
use super::shape::Shape;
use super::*;
use crate::config::tests::assert_current;
use crate::domain::agent::AgentName;
use crate::domain::brief::FixerSpec;
use crate::domain::failure::FailureKind;
use crate::domain::granularity::ModelChoice;
use crate::domain::ids::RepoPath;
use crate::domain::protected::Protection;

const EXAMPLE: &str = include_str!("../../../docs/selfheal.example.yml");

/// What people read about a bad file, one problem a line.
fn said(file: &str) -> String {
    let problems = check(file).expect_err("the file is good");
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn bad(file: &str, expected: &str) {
    assert_eq!(said(file).trim_end(), expected, "{file}");
}

#[track_caller]
fn good(file: &str) -> Policy {
    parse(file).expect("the file is bad")
}

#[test]
fn a_file_that_says_nothing_is_the_default_policy() {
    for file in ["", "\u{feff}", "# only a comment\n", "---\n", "{}", "version: 1\r\n"] {
        assert_eq!(good(file), Policy::default(), "{file:?}");
    }
}

#[test]
fn every_kind_of_value_reaches_the_policy() {
    let policy = good(EXAMPLE);
    assert_eq!(policy.fixers.len(), 2);
    assert_eq!(policy.verify[1], "cargo fmt --check\ncargo clippy -- -D warnings\n");
    assert_eq!(policy.size.files_max, 10);
    assert_eq!(policy.limits.attempt_secs, 45 * 60);
    assert_eq!(policy.branches.include, ["main", "release/*"]);
    assert_eq!(policy.kinds[0], FailureKind::Format);
    assert_eq!(policy.labels.require.map(|l| l.to_string()).as_deref(), Some("heal-me"));
    let guard = |path: &str| {
        policy.protected.guard_of(&RepoPath::parse(path).unwrap()).map(|guard| guard.protection)
    };
    assert_eq!(guard("db/migrations/1.sql"), Some(Protection::Refuse));
    assert_eq!(guard("a/b.snap"), Some(Protection::Hold));
    assert_eq!(guard("Cargo.lock"), None);
}

#[test]
fn the_example_uses_every_key() {
    for key in KEYS.iter().filter(|key| !matches!(key.shape, Shape::Group { .. })) {
        let name = key.name();
        let shortened = key.path.starts_with("branches.") || name == "$schema";
        assert!(shortened || EXAMPLE.contains(&format!("{name}:")), "{}", key.path);
    }
}

#[test]
fn every_key_means_something_and_its_example_is_good() {
    for key in KEYS {
        assert!(key.meaning.ends_with('.'), "{}", key.path);
        if matches!(key.shape, Shape::Group { .. }) {
            continue;
        }
        let file = match key.path.split_once('.') {
            Some((group, name)) => format!("{group}: {{{name}: {}}}", key.example),
            None => format!("{}: {}", key.path, key.example),
        };
        let changed = good(&file) != Policy::default();
        let same = ["$schema", "version", "labels.involved", "labels.hold_updates"];
        assert_eq!(changed, !same.contains(&key.path), "{file}");
    }
}

#[test]
fn a_policy_reads_back_from_the_text_that_it_is_printed_as() {
    for file in ["", EXAMPLE, "workflows: [a, 1.10]\nforks: ignore\nnetwork: open"] {
        let policy = good(file);
        assert_eq!(good(&effective_text(&policy)), policy, "{}", effective_text(&policy));
    }
}

#[test]
fn where_text_is_wanted_nothing_needs_quotes() {
    assert_eq!(good("branches: [1.10, on, 7]").branches.include, ["1.10", "on", "7"]);
    assert_eq!(good("verify: [true]").verify, ["true"]);
}

#[test]
fn aliases_and_merge_keys_work() {
    let policy = good("branches: &b {include: [main]}\nworkflows:\n  <<: *b\n  exclude: [x]\n");
    assert_eq!(policy.workflows.include, ["main"]);
    assert_eq!(policy.workflows.exclude, ["x"]);
}

#[test]
fn people_can_always_stop_it() {
    let stop: Vec<_> = good("labels: {stop: [mine]}").labels.stop;
    assert!(stop.iter().any(|label| label.is("selfheal:stop")), "{stop:?}");
}

#[test]
fn a_command_has_no_longer_than_its_attempt() {
    let limits = good("budget: {minutes_per_attempt: 2}").limits;
    assert_eq!((limits.attempt_secs, limits.command_secs), (120, 120));
}

#[test]
fn a_wrong_number_is_told_what_is_allowed() {
    bad("\n\n\n\n\n\nattempts: 9", "line 7, `attempts: 9`: allowed are 1 to 3");
    bad("attempts: 0", "line 1, `attempts: 0`: allowed are 1 to 3");
    bad("attempts: -1", "line 1, `attempts: -1`: allowed are 1 to 3");
    bad("attempts: 2.5", "line 1, `attempts: 2.5`: allowed are 1 to 3");
    bad("attempts: '2'", "line 1, `attempts: '2'`: allowed are 1 to 3");
    bad("attempts: two", "line 1, `attempts: two`: allowed are 1 to 3");
    bad("attempts:", "line 1, `attempts`: a value is missing; allowed are 1 to 3");
    bad("attempts: [1]", "line 1, `attempts`: a list was found; allowed are 1 to 3");
    bad("attempts: {a: 1}", "line 1, `attempts`: keys were found; allowed are 1 to 3");
    bad("version: 2", "line 1, `version: 2`: allowed is 1");
    bad("size:\n  bytes: 1e9", "line 2, `size.bytes: 1e9`: allowed are 1 to 10485760");
    bad(
        "attempts: 99999999999999999999999999999999999999999999",
        "line 1, `attempts: 99999999999999999999999999999999999999999999`: allowed are 1 to 3",
    );
    let both = said("b: 1\r\nattempts: 9\r\n");
    let (first, second) = both.split_once('\n').unwrap();
    assert!(first.starts_with("line 1, `b`: no such key; allowed are $schema, version"), "{first}");
    assert_eq!(second.trim_end(), "line 2, `attempts: 9`: allowed are 1 to 3");
}

#[test]
fn a_wrong_word_is_told_what_is_allowed() {
    bad("enabled: no", "line 1, `enabled: no`: allowed are true, false");
    bad("enabled: 'true'", "line 1, `enabled: 'true'`: allowed are true, false");
    bad("drafts: skip", "line 1, `drafts: skip`: allowed are wait, heal");
    bad("forks: true", "line 1, `forks: true`: allowed are ignore, explain");
    bad("network: [closed]", "line 1, `network`: a list was found; allowed are closed, open");
    bad(
        "kinds:\n  - formt",
        "line 2, `kinds[1]: formt`: did you mean `format`? Allowed are compile_error, type_error, \
         lint, format, test_failure, dependency, infrastructure, timeout, oom, config, unknown",
    );
    bad("kinds: []", "line 1, `kinds`: a list was found; allowed are lists of at least 1");
}

#[test]
fn a_misspelt_key_finds_its_neighbour() {
    bad("atempts: 2", "line 1, `atempts`: no such key; did you mean `attempts`?");
    bad("Attempts: 2", "line 1, `Attempts`: no such key; did you mean `attempts`?");
    bad(
        "budget:\n  attempts_a_day: 3",
        "line 2, `budget.attempts_a_day`: no such key; did you mean `attempts_per_day`?",
    );
    bad("size: {tokens: 1}", "line 1, `size.tokens`: no such key; allowed are files, lines, bytes");
    bad("size: 3", "line 1, `size: 3`: allowed are the keys files, lines, bytes");
    bad(
        "workflows: CI",
        "line 1, `workflows: CI`: allowed are the keys include, exclude, or a list",
    );
}

#[test]
fn a_wrong_list_or_text_is_told_what_is_allowed() {
    bad(
        "verify: cargo test",
        "line 1, `verify: cargo test`: allowed is a list, each a command of at most 2000 \
         characters, for example `[cargo test]`",
    );
    bad("verify: ['']", "line 1, `verify[1]: ''`: allowed is a command of at most 2000 characters");
    bad(
        "verify:\n- a\n- [b]",
        "line 3, `verify[2]`: a list was found; allowed is a command of at most 2000 characters",
    );
    bad(
        &format!("workflows: [{}]", "x,".repeat(101)),
        "line 1, `workflows`: 101 items; allowed are 100",
    );
    bad(
        &format!("labels: {{involved: {}}}", "x".repeat(51)),
        "line 1, `labels.involved: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`: \
         allowed is a label of at most 50 characters",
    );
    bad(
        "labels: {stop: []}",
        "line 1, `labels.stop`: a list was found; allowed are lists of at least 1",
    );
    bad("update_bots: ['a b']", "line 1, `update_bots[1]: 'a b'`: a login expected, got \"a b\"");
}

fn called(name: &str) -> AgentName {
    AgentName::parse(name).unwrap()
}

#[test]
fn a_wrong_fixer_is_told_what_is_allowed() {
    let agents = super::fixers::agents();
    assert!(agents.starts_with("`claude-code`, `codex`, "), "{agents}");
    let form = format!(
        "`recipes`, an agent ({agents}), `{{recipes: [name, …]}}`, `{{agent: name, model: …}}`, \
         `{{acp: \"…\", name: …, model: …}}`, `{{agentapi: \"…\", name: …, model: …}}` or \
         `{{command: \"…\", name: …}}`"
    );
    bad("fixers: [claude]", &format!("line 1, `fixers[1]: claude`: allowed is {form}"));
    bad("fixers:\n- {}", &format!("line 2, `fixers[1]`: keys were found; allowed is {form}"));
    bad(
        "fixers: []",
        "line 1, `fixers`: a list was found; allowed are lists of at least 1; to switch selfheal \
         off, write `enabled: false`",
    );
    bad(
        "fixers: [recipes, {recipes: [rustfmt]}]",
        "line 1, `fixers[2]`: keys were found; allowed is each fixer once; give commands a `name` \
         of their own",
    );
    bad("fixers:\n- comand: x", "line 2, `fixers[1].comand`: no such key; did you mean `command`?");
    bad(
        "fixers: [{recipes: ['a b']}]",
        "line 1, `fixers[1].recipes[1]: 'a b'`: allowed are at most 50 letters, digits, `-`, `_` \
         and `.`",
    );
    bad(
        "fixers: [{agent: claude}]",
        &format!("line 1, `fixers[1].agent: claude`: allowed are {agents}"),
    );
    bad(
        "fixers: [{agent: codex, model: -p}]",
        "line 1, `fixers[1].model: -p`: allowed are at most 200 letters, digits, `-`, `_`, `.`, `:`, \
         `/` and `@`, not beginning with `-`",
    );
    bad(
        "fixers: [codex, {agent: codex}]",
        "line 1, `fixers[2]`: keys were found; allowed is each fixer once; give commands a `name` of their own",
    );
    bad(
        "fixers: [{agent: codex, name: x}]",
        &format!("line 1, `fixers[1]`: keys were found; allowed is {form}"),
    );
    bad(
        "fixers: [{agentapi: a, acp: a}]",
        &format!("line 1, `fixers[1]`: keys were found; allowed is {form}"),
    );
    let policy = good("fixers: [{recipes: [rustfmt, ruff]}, {command: a.sh}]");
    let only = vec!["rustfmt".to_owned(), "ruff".to_owned()];
    let named = FixerSpec::Command { name: "command".into(), run: "a.sh".into() };
    assert_eq!(policy.fixers, [FixerSpec::Recipes { only }, named]);
    let policy = good("fixers: [codex, {agent: claude-code, model: m-1}, {acp: a --acp, name: a}]");
    let one = |model: &str| ModelChoice::One(model.to_owned());
    let agent = |agent, model: Option<&str>| FixerSpec::Agent { agent, model: model.map(one) };
    let acp = FixerSpec::Acp { name: "a".into(), run: "a --acp".into(), model: None };
    let expected = [agent(called("codex"), None), agent(called("claude-code"), Some("m-1")), acp];
    assert_eq!(policy.fixers, expected);
}

#[test]
fn a_model_may_be_one_for_each_granularity() {
    let one = |model: &str| ModelChoice::One(model.to_owned());
    let policy = good("fixers: [{agentapi: agentapi server -- claude, model: m-1}]");
    let (name, run) = ("agentapi".into(), "agentapi server -- claude".into());
    assert_eq!(policy.fixers, [FixerSpec::AgentApi { name, run, model: Some(one("m-1")) }]);
    let policy = good("fixers: [{agent: codex, model: {trivial: s, complex: l}}]");
    let each =
        ModelChoice::Each { trivial: Some("s".into()), simple: None, complex: Some("l".into()) };
    assert_eq!(policy.fixers, [FixerSpec::Agent { agent: called("codex"), model: Some(each) }]);
    bad(
        "fixers: [{agent: codex, model: {}}]",
        "line 1, `fixers[1].model`: keys were found; allowed is a name, or one for each of `trivial`, \
         `simple` and `complex`",
    );
    bad(
        "fixers: [{agent: codex, model: {simple: -p}}]",
        "line 1, `fixers[1].model.simple: -p`: allowed are at most 200 letters, digits, `-`, `_`, `.`, `:`, \
         `/` and `@`, not beginning with `-`",
    );
}

#[test]
fn a_pattern_that_cannot_protect_is_found_where_it_stands() {
    bad(
        "protected_paths:\n  refuse:\n    - /ok/\n    - '!src'\n  unprotect: [cargo.lock]\n",
        "line 4, `protected_paths.refuse: !src`: a protection cannot be negated; use `unprotect`\n\
         line 5, `protected_paths.unprotect: cargo.lock`: no built-in pattern is written like this",
    );
}

#[test]
fn labels_that_contradict_each_other_are_a_mistake() {
    bad(
        "labels: {involved: Stop-Updating}",
        "line 1, `labels.involved: Stop-Updating`: it is also a stop label; allowed is a label of \
         its own",
    );
    bad(
        "labels:\n  require: selfheal",
        "line 2, `labels.require: selfheal`: selfheal itself sets and removes this label; allowed \
         is a label of its own",
    );
    bad(
        "labels:\n  require: selfheal:stop",
        "line 2, `labels.require: selfheal:stop`: it is also a stop label; allowed is a label of \
         its own",
    );
}

#[test]
fn what_is_not_yaml_is_said_in_plain_words() {
    let mut told = String::new();
    for file in [
        "attempts: 1\nattempts: 2",
        "labels:\n\tstop: [a]",
        "verify: [a",
        "verify: 'a",
        "a: *nobody",
        "attempts: 1\n---\nattempts: 2",
        "attempts: !!python/object 1",
        "a: \u{1}",
    ] {
        let _ = writeln!(told, "{}", said(file).lines().next().unwrap_or_default());
    }
    insta::assert_snapshot!(told, @r"
    line 2, `attempts`: the key is given twice
    line 2: it cannot be read as YAML: tabs disallowed within this context (block indentation)
    line 1: it cannot be read as YAML: unclosed bracket '['
    line 1: it cannot be read as YAML: unclosed quote
    line 1: it cannot be read as YAML: reference to unknown value
    line 3: the file has more than one document (`---`); allowed is one
    line 1: it cannot be read as YAML: unsupported tag '!!python/object'
    line 1: it cannot be read as YAML: unexpected character: '\u{1}'
    ");
    for file in ["[1, 2]", "hello"] {
        assert!(said(file).starts_with("line 1: keys are expected: $schema, version"), "{file}");
    }
}

#[test]
fn a_file_is_bounded_before_it_is_read() {
    let large = format!("# {}", "x".repeat(70_000));
    bad(&large, "the file has 70002 bytes; allowed are 65536");
    let deep = "[".repeat(30_000);
    assert!(said(&deep).len() < 300, "{}", said(&deep));
    let many = format!("verify: [{}]", "a,".repeat(20_000));
    assert!(said(&many).contains("allowed are 4000 keys and values"), "{}", said(&many));
}

#[test]
fn no_more_is_told_than_people_read() {
    let file: String = (0..50).fold(String::new(), |file, n| format!("{file}key_{n}: 1\n"));
    assert_eq!(check(&file).unwrap_err().len(), PROBLEMS_MAX);
}

#[test]
fn a_hostile_value_cannot_leave_its_line() {
    bad("drafts: \"a\\nb`c\"", "line 1, `drafts: a b'c`: allowed are wait, heal");
}

#[test]
fn a_problem_names_its_parts() {
    let problem = parse("x: 1\nsize:\n  lines: 0").unwrap_err();
    assert_eq!((problem.line, problem.column), (Some(1), Some(1)));
    let problem = parse("size:\n  lines: 0").unwrap_err();
    assert_eq!((problem.line, problem.column), (Some(2), Some(10)));
    assert_eq!(problem.file, ".github/selfheal.yml");
    assert_eq!(problem.key.as_deref(), Some("size.lines"));
    assert_eq!(problem.value.as_deref(), Some("0"));
    assert_eq!(problem.allowed, "1 to 20000");
}

#[test]
fn the_schema_knows_every_key() {
    let schema = schema();
    for key in KEYS {
        let mut node = &schema;
        for name in key.path.split('.') {
            let object = if node["anyOf"].is_array() { &node["anyOf"][0] } else { node };
            node = &object["properties"][name];
        }
        assert_eq!(node["description"], key.meaning, "{}", key.path);
    }
}

#[test]
fn the_generated_files_are_current() {
    let schema = serde_json::to_string_pretty(&schema()).unwrap();
    assert_current("docs/schemas/selfheal.schema.json", &format!("{schema}\n"));
    assert_current("docs/config.md", &docs());
}
