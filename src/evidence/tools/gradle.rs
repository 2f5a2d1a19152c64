//! The JVM's builds themselves: what Maven and Gradle say of resolution, plugins, configuration.
//!
//! Not for what their tasks say, which has rules of its own: a task that only repeats its tool is a
//! consequence.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, between, extent};

pub(super) static MAVEN: Tool = Tool {
    name: "maven",
    about: "Maven's own errors: resolution, projects that it cannot read, goals that fail.",
    example: "\
         [ERROR] Failed to execute goal on project cart: Could not resolve dependencies for \
         project shop:cart:jar:1.0: Could not find artifact shop:core:jar:9.9 -> [Help 1]",
    rules: &[
        Rule::new(
            K::Dependency,
            &[
                "Could not resolve dependencies",
                "Could not find artifact",
                "Non-resolvable ",
                "could not be resolved",
                "Could not transfer artifact",
                "Failed to collect dependencies",
                "Failure to find ",
            ],
            concat!(
                r"^\[(?:ERROR|FATAL)\] (?:\[(?:ERROR|FATAL)\] )?",
                r"(?:Failed to execute goal .*?: )?(?P<message>.*?",
                r"(?:Could not resolve dependencies for project|Could not find artifact",
                r"|Non-resolvable (?:parent|import) POM|could not be resolved",
                r"|Could not transfer artifact|Failed to collect dependencies",
                r"|Failure to find ).*?)(?: -> \[Help [0-9]+\])?$",
            ),
        )
        .reading(resolution),
        Rule::new(
            K::Config,
            &[", column "],
            concat!(
                r"^\[(?:ERROR|FATAL)\]\s+(?:\[ERROR\] )?(?P<message>\S.* @ (?:[^,]*, )?line ",
                r"(?P<line>[0-9]+), column (?P<column>[0-9]+))$",
            ),
        )
        .reading(project_model),
        Rule::new(
            K::Config,
            &[
                "Malformed POM",
                "Unknown lifecycle phase",
                "No plugin found for prefix",
                "Non-parseable POM",
                "there is no POM in this directory",
                "The goal you specified requires a project",
            ],
            concat!(
                r"^\[ERROR\] (?:\[FATAL\] )?(?P<message>.*(?:Malformed POM",
                r"|Unknown lifecycle phase|No plugin found for prefix|Non-parseable POM",
                r"|there is no POM in this directory",
                r"|The goal you specified requires a project).*?)(?: -> \[Help [0-9]+\])?$",
            ),
        ),
        Rule::new(
            K::Config,
            &["failed with message:"],
            r"^\[ERROR\] (?P<message>Rule [0-9]+: (?P<code>\S+) failed with message:)$",
        )
        .reading(enforcer),
        Rule::new(
            K::Unknown,
            &["Failed to execute goal "],
            r"^\[ERROR\] (?P<message>Failed to execute goal .+?)(?: -> \[Help [0-9]+\])?$",
        )
        .weighing(Weight::Sign)
        .reading(goal),
        Rule::new(
            K::Unknown,
            &["BUILD FAILURE"],
            r"^(?:\[(?:INFO|ERROR)\] )?(?P<message>BUILD FAILURE.*)$",
        )
        .weighing(Weight::Consequence),
    ],
};

/// What broke on the way to a repository is the network's fault, not the project's.
fn resolution(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const NETWORK: [&str; 7] = [
        "Connection timed out",
        "Connection reset",
        "Connection refused",
        "Read timed out",
        "Remote host terminated the handshake",
        "status code: 5",
        "Temporary failure in name resolution",
    ];
    if NETWORK.iter().any(|words| draft.failure.message.contains(words)) {
        draft.failure.kind = K::Infrastructure;
    }
    extent::while_below(at, &mut draft, |line| {
        line.strip_prefix("[ERROR]").is_some_and(|rest| rest.starts_with("  "))
    });
    found.push(draft);
}

/// The project that the mistake is in stands above: `The project a:b:1 (/x/pom.xml) has 1 error`.
fn project_model(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let file = at.lines_above(40).find_map(|(_, line)| {
        let rest = line.split_once("The project ")?.1;
        between(rest, "(", ") has ")
    });
    draft.path = file.map(str::to_owned);
    if draft.path.is_none() {
        // The first list of the mistakes does not say whose they are; the second does.
        draft.weight = Weight::Sign;
    }
    found.push(draft);
}

fn enforcer(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let code = draft.failure.code.take().unwrap_or_default();
    draft.failure.code = code.rsplit('.').next().map(str::to_owned);
    if let Some(line) = at.below(1) {
        let told = line.strip_prefix("[ERROR]").unwrap_or(line).trim();
        if !told.is_empty() {
            told.clone_into(&mut draft.failure.message);
            draft.last += 1;
        }
    }
    found.push(draft);
}

/// What Maven's goals say when they only repeat what was read above.
fn goal(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = &draft.failure.message;
    let said = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if said(&[
        "There are test failures",
        "Compilation failure",
        "There was a timeout",
        "format violations",
        "Some Enforcer rules have failed",
        "Command execution failed",
    ]) {
        draft.weight = Weight::Consequence;
    } else if said(&["checkstyle", "spotbugs", "pmd", "spotless", "enforcer", "detekt", "ktlint"]) {
        draft.failure.kind = K::Lint;
    } else {
        draft.failure.kind = K::Config;
    }
    draft.failure.task = between(&draft.failure.message, "on project ", ":").map(str::to_owned);
    extent::while_below(at, &mut draft, |line| {
        line.starts_with("[ERROR] ") && !line.contains("[Help ") && !line.contains("To see the ")
    });
    found.push(draft);
}

pub(super) static GRADLE: Tool = Tool {
    name: "gradle",
    about: "Gradle's own errors: what went wrong, where, and with which task.",
    example: "\
         * What went wrong:\nExecution failed for task ':cart:generateLint'.\n\
         > unable to find project exploded aar for :cart\n",
    rules: &[
        Rule::new(K::Config, &["* What went wrong:"], r"^\* (?P<message>What went wrong:)$")
            .weighing(Weight::Sign)
            .reading(went_wrong),
        Rule::new(
            K::Unknown,
            &["BUILD FAILED", "FAILURE: Build "],
            concat!(
                r"^(?P<message>BUILD FAILED(?: in .*)?",
                r"|FAILURE: Build (?:failed|completed) with .*)$",
            ),
        )
        .weighing(Weight::Consequence),
        Rule::new(
            K::Infrastructure,
            &["daemon disappeared unexpectedly", "Timeout waiting to lock"],
            concat!(
                r"^(?P<message>.*(?:Gradle build daemon disappeared unexpectedly",
                r"|Timeout waiting to lock ).*)$",
            ),
        )
        .weighing(Weight::Sign),
    ],
};

/// How many lines Gradle takes to say what went wrong; the list of the places that it searched for
/// a dependency can be longer.
const WRONG_LINES_MAX: usize = 16;

fn went_wrong(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(WRONG_LINES_MAX) {
        let told = line.trim();
        if told.is_empty() && !draft.failure.message.is_empty() || told.starts_with("* ") {
            break;
        }
        draft.say(told);
        draft.last = draft.first + distance;
    }
    if draft.failure.message.is_empty() {
        return;
    }
    let message = draft.failure.message.clone();
    draft.failure.task = between(&message, "task '", "'").map(str::to_owned);
    where_it_is(at, &mut draft);
    weigh(&message, &mut draft);
    found.push(draft);
}

/// The script that `* Where:` names just above.
fn where_it_is(at: &At<'_>, draft: &mut Draft) {
    const WHERE_LINES: usize = 3;
    for (distance, line) in at.lines_above(WHERE_LINES) {
        let told = line.trim();
        let quoted = ["Build file '", "Settings file '", "Script '", "Initialization script '"]
            .iter()
            .find_map(|word| told.strip_prefix(word))
            .and_then(|rest| rest.split_once('\''));
        if let Some((file, rest)) = quoted {
            let row = rest.trim().strip_prefix("line: ").and_then(|row| row.trim().parse().ok());
            draft.place(file, row, None);
            draft.first = at.index - distance;
        }
    }
}

/// What Gradle's words make of it: most tasks only repeat what their tool said above.
fn weigh(message: &str, draft: &mut Draft) {
    let said = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if said(&[
        "Compilation failed",
        "Compilation error",
        "There were failing tests",
        "finished with non-zero exit value",
        "Script compilation error",
        "format violations",
        "No tests found matching",
    ]) {
        draft.weight = Weight::Consequence;
    } else if said(&["Could not GET 'http", "Could not HEAD 'http", "Read timed out"]) {
        draft.failure.kind = K::Infrastructure;
    } else if said(&[
        "Could not resolve",
        "Could not find ",
        "was not found in any of",
        "Could not download",
        "Dependency verification failed",
    ]) && !message.contains("Could not find method")
    {
        draft.failure.kind = K::Dependency;
    } else if said(&["formatting violations"]) {
        draft.failure.kind = K::Format;
    } else if said(&[
        "Checkstyle",
        "detekt",
        "ktlint",
        "lint found errors",
        "Lint found",
        "SpotBugs",
        "PMD ",
        "Analysis failed with",
    ]) {
        draft.failure.kind = K::Lint;
    } else if said(&["OutOfMemoryError", "Java heap space", "daemon disappeared unexpectedly"]) {
        draft.failure.kind = K::Oom;
    } else if said(&["Rule violated for", "coverage"]) {
        draft.failure.kind = K::TestFailure;
    }
    if message.contains("No tests found matching") {
        draft.failure.kind = K::Config;
        draft.weight = Weight::Sign;
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed, check_lines};

    #[test]
    fn maven_says_what_is_missing() {
        check(
            "[ERROR] Failed to execute goal on project a: Could not resolve dependencies for \
             project x:a:jar:1: Could not find artifact y -> [Help 1]",
            "dependency Could not resolve dependencies for project x:a:jar:1: Could not find \
             artifact y",
        );
        check(
            "[ERROR] Failed to execute goal on project a: Could not resolve dependencies for \
             project x:a:jar:1: Could not transfer artifact y:z:pom:1 from/to central \
             (https://repo): Connection reset -> [Help 1]",
            "infrastructure Could not resolve dependencies for project x:a:jar:1: Could not \
             transfer artifact y:z:pom:1 from/to central (https://repo): Connection reset",
        );
        check(
            "[WARNING] Could not transfer metadata x from/to snapshots: Connection timed out\n\
             [INFO] BUILD SUCCESS",
            "",
        );
    }

    #[test]
    fn maven_s_mistakes_in_a_project_have_their_place() {
        check(
            "[ERROR] [ERROR] Some problems were encountered while processing the POMs:\n\
             [ERROR] 'dependencies.dependency.version' for a:b:jar is missing. @ line 14, column \
             21\n\
             [ERROR] The build could not read 1 project -> [Help 1]\n[ERROR]   \n\
             [ERROR]   The project shop:cart:1 (/home/runner/work/a/a/pom.xml) has 1 error\n\
             [ERROR]     'dependencies.dependency.version' for a:b:jar is missing. @ line 14, \
             column 21\n",
            "config pom.xml:14:21 'dependencies.dependency.version' for a:b:jar is missing. @ \
             line 14, column 21",
        );
        check(
            "[ERROR] Rule 0: org.apache.maven.enforcer.rules.version.RequireJavaVersion failed \
             with message:\n[ERROR] Detected JDK version 1.8 is not in the allowed range [17,).\n\
             [ERROR] Failed to execute goal x:enforce (e) on project a: Some Enforcer rules have \
             failed. Look above for specific messages explaining why the rule failed. -> [Help 1]",
            "config [RequireJavaVersion] Detected JDK version 1.8 is not in the allowed range \
             [17,).",
        );
    }

    #[test]
    fn gradle_says_what_went_wrong_and_where() {
        check(
            "FAILURE: Build failed with an exception.\n\n* What went wrong:\n\
             Could not determine java version from '17'.\n\n* Try:\n\
             > Run with --stacktrace option to get the stack trace.\n\nBUILD FAILED in 1s\n",
            "config Could not determine java version from '17'.",
        );
        let log = "FAILURE: Build failed with an exception.\n\n* Where:\n\
             Build file '/home/runner/work/a/a/app/build.gradle' line: 12\n\n* What went wrong:\n\
             A problem occurred evaluating project ':app'.\n\
             > Could not find method foo() for arguments [1] on project ':app'.\n\n* Try:\n";
        check(log, "config app/build.gradle:12 A problem occurred evaluating project ':app'.");
        check_lines(log, &[(4, 8)]);
        check(
            "* What went wrong:\nExecution failed for task ':app:compileDebug'.\n\
             > Could not resolve all files for configuration ':app:debugCompileClasspath'.\n\
             \x20  > Could not find com.acme:core:1.0.\n     Searched in the following locations:\n\
             \x20      - https://repo/core-1.0.pom\n     Required by:\n         project :app\n\n",
            "dependency Execution failed for task ':app:compileDebug'.",
        );
    }

    #[test]
    fn a_build_that_only_repeats_its_tools_is_a_consequence() {
        check_failed(
            "* What went wrong:\nExecution failed for task ':test'.\n\
             > There were failing tests. See the report at: file:///x/index.html\n",
            "config Execution failed for task ':test'.",
        );
        check(
            "A.java:3: error: no\n* What went wrong:\nExecution failed for task ':c'.\n\
             > Compilation failed; see the compiler error output for details.\n",
            "compile_error A.java:3 no",
        );
    }
}
