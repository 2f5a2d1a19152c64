//! The command line: what was asked.

use crate::faults;
use crate::resume;
use crate::score::Order;
use crate::simulate::Seeds;
use crate::steps::{MORE_STEPS, STEPS, Step};

/// What was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Say what can be asked.
    Help,
    /// Run these steps, in their own order; those of CI when none is named.
    Test(Vec<&'static str>),
    /// Run every step, those that CI has no time for as well.
    TestAll,
    /// Score the reading of labelled logs.
    Score(Order),
    /// Run the benchmarks, with words of theirs.
    Bench(Vec<String>),
    /// Carry out simulated histories.
    Simulate(Seeds),
    /// Kill the built program again and again.
    Faults(faults::Order),
    /// Kill runners again and again.
    Resume(resume::Order),
    /// Install what the demo needs.
    DemoTools,
    /// Write the generated pages.
    WriteDocs,
    /// See that the generated pages are what would be written.
    CheckDocs,
}

/// Read the words after `cargo xtask`.
///
/// # Errors
/// When a word means nothing here; the error says which and what is allowed.
pub(crate) fn parse(words: &[String]) -> anyhow::Result<Asked> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        []
        | ["help" | "--help" | "-h", ..]
        | [
            "test" | "score" | "bench" | "simulate" | "faults" | "resume" | "docs",
            "--help" | "-h",
        ] => Ok(Asked::Help),
        ["test", "--all"] => Ok(Asked::TestAll),
        ["test", rest @ ..] => Ok(Asked::Test(only(rest)?)),
        ["score", rest @ ..] => Ok(Asked::Score(Order::parse(rest)?)),
        ["bench", rest @ ..] => {
            Ok(Asked::Bench(rest.iter().map(|word| (*word).to_owned()).collect()))
        }
        ["simulate", rest @ ..] => Ok(Asked::Simulate(Seeds::parse(rest)?)),
        ["faults", rest @ ..] => Ok(Asked::Faults(faults::Order::parse(rest)?)),
        ["resume", rest @ ..] => Ok(Asked::Resume(resume::Order::parse(rest)?)),
        ["demo-tools"] => Ok(Asked::DemoTools),
        ["demo-tools", word, ..] => anyhow::bail!("`demo-tools` knows no `{word}`"),
        ["docs"] => Ok(Asked::WriteDocs),
        ["docs", "--check"] => Ok(Asked::CheckDocs),
        ["docs", word, ..] => anyhow::bail!("`docs` knows `--check`, not `{word}`"),
        [word, ..] => anyhow::bail!("there is no `{word}`"),
    }
}

fn only(mut words: &[&str]) -> anyhow::Result<Vec<&'static str>> {
    let mut named = Vec::new();
    while let [first, rest @ ..] = words {
        let (name, rest) = match (first.strip_prefix("--only="), first, rest) {
            (Some(name), _, rest) => (name, rest),
            (None, &"--only", [name, rest @ ..]) => (*name, rest),
            (None, &"--only", []) => anyhow::bail!("`--only` wants the name of a step"),
            (None, word, _) => anyhow::bail!("`test` knows `--only STEP` or `--all`, not `{word}`"),
        };
        named.push(step(name)?.name);
        words = rest;
    }
    Ok(named)
}

fn step(name: &str) -> anyhow::Result<&'static Step> {
    let steps = || STEPS.iter().chain(MORE_STEPS);
    steps().find(|step| step.name == name).ok_or_else(|| {
        let names: Vec<&str> = steps().map(|step| step.name).collect();
        anyhow::anyhow!("there is no step `{name}`; there are: {}", names.join(", "))
    })
}

/// The help page.
pub(crate) fn help() -> String {
    let listed = |steps: &[Step]| {
        let lines = steps.iter().map(|step| format!("  {:<9} {}", step.name, step.what));
        lines.collect::<Vec<_>>().join("\n")
    };
    let (steps, more) = (listed(STEPS), listed(MORE_STEPS));
    format!(
        "cargo xtask test [--only STEP]…   every test and check, in this order\n\
         \x20   [--all]                       … and those that CI has no time for\n\
         cargo xtask score [DIR…]          how well labelled logs are read: those of the repository, or of DIR\n\
         \x20   [--details] [--worst N]       … with every mistake, and with the N logs that are read worst\n\
         \x20   [--release | --binary PATH]   … by a release build, or by the program at PATH\n\
         \x20   [--ratchet | --import]        … and raise the floors; or copy logs of DIR that licences let us keep\n\
         cargo xtask bench [WORD…]         the benchmarks, those whose name has WORD\n\
         cargo xtask simulate [--seeds N]  random histories of the core, with everything that can go wrong\n\
         \x20   [--seed N]                    … from that seed on; without `--seeds` only that one\n\
         cargo xtask faults [--kills N]    the built program, killed so often in a world that fails\n\
         \x20   [--seed N]                    … with that seed\n\
         cargo xtask resume [--kills N]    runners, machines and agents, killed so often in the middle of attempts\n\
         \x20   [--seed N]                    … with that seed\n\
         cargo xtask docs [--check]        write the generated pages of docs/, or see that they are current\n\
         cargo xtask demo-tools            install what `cargo run --example demo` needs, and no more\n\
         cargo xtask help                  this page\n\
         \n\
         Steps of `test`:\n\
         {steps}\n\
         \n\
         With `--all`, too:\n\
         {more}\n\
         \n\
         Tools go to target/tools, or where SELFHEAL_TOOLS_DIR says; CARGO_TARGET_DIR is honoured."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_what_was_asked() {
        check("", Ok(Asked::Help));
        check("help", Ok(Asked::Help));
        check("test --help", Ok(Asked::Help));
        check("test", Ok(Asked::Test(vec![])));
        check("test --all", Ok(Asked::TestAll));
        check("test --only aider", Ok(Asked::Test(vec!["aider"])));
        check("test --only fmt --only=docs", Ok(Asked::Test(vec!["fmt", "docs"])));
        check("demo-tools", Ok(Asked::DemoTools));
        check("score", Ok(Asked::Score(Order::default())));
        check("simulate --seed 7", Ok(Asked::Simulate(Seeds { first: 7, count: 1 })));
        check("simulate --seeds 9", Ok(Asked::Simulate(Seeds { first: 0, count: 9 })));
        let order = faults::Order { kills: 9, seed: 3 };
        check("faults --kills 9 --seed 3", Ok(Asked::Faults(order)));
        let order = resume::Order { kills: 100, seed: 3 };
        check("resume --seed 3", Ok(Asked::Resume(order)));
        check("bench read", Ok(Asked::Bench(vec!["read".into()])));
        check("docs", Ok(Asked::WriteDocs));
        check("docs --check", Ok(Asked::CheckDocs));
    }

    #[test]
    fn words_that_mean_nothing_are_named() {
        check("tset", Err("there is no `tset`"));
        check("test fast", Err("`test` knows `--only STEP` or `--all`, not `fast`"));
        check("test --only", Err("`--only` wants the name of a step"));
        check("score --fast", Err("`score` knows no `--fast`"));
        check("simulate --seed", Err("`--seed` wants a number"));
        check("simulate --seed x", Err("`x` is no number"));
        check("simulate x", Err("`simulate` knows `--seed N` and `--seeds N`, not `x`"));
        check("demo-tools fast", Err("`demo-tools` knows no `fast`"));
        check("docs --chek", Err("`docs` knows `--check`, not `--chek`"));
    }

    #[test]
    fn an_unknown_step_is_answered_with_those_that_there_are() {
        let why = parse(&["test".into(), "--only=lint".into()]).unwrap_err().to_string();
        assert!(why.starts_with("there is no step `lint`; there are: tools, fmt, clippy"), "{why}");
    }

    #[test]
    fn the_help_names_every_step() {
        let help = help();
        assert!(STEPS.iter().all(|step| help.contains(&format!("  {} ", step.name))), "{help}");
    }

    #[track_caller]
    fn check(words: &str, expected: Result<Asked, &str>) {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let expected = expected.map_err(str::to_owned);
        assert_eq!(parse(&words).map_err(|why| why.to_string()), expected);
    }
}
