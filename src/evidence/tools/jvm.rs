//! The JVM: javac, Maven, Gradle, kotlinc, scalac, their checkers.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight};

pub(super) static COMPILER: Tool = Tool {
    name: "javac",
    about: "\
         javac (bare, under Maven, under Gradle), kotlinc, scalac, Checkstyle, detekt and \
         ktlint.",
    example: "\
         [ERROR] /home/runner/work/shop/shop/src/main/java/shop/Cart.java:[12,5] cannot find \
         symbol\n[ERROR]   symbol:   variable total",
    rules: &[
        Rule::new(
            K::CompileError,
            &[":[", ": ["],
            concat!(
                r"^\[ERROR\] (?P<file>\S.*?\.(?:java|kt|groovy",
                r"|scala)): ?\[(?P<line>[0-9]+),(?P<column>[0-9]+)\] (?:error: )?",
                r"(?P<message>.+)$",
            ),
        )
        .reading(maven_compiler),
        Rule::new(
            K::CompileError,
            &[".java:"],
            r"^(?P<file>\S.*?\.java):(?P<line>[0-9]+): error: (?P<message>.+)$",
        ),
        Rule::new(
            K::CompileError,
            &["e: "],
            concat!(
                r"^e: (?:file://)?(?P<file>\S.*?\.kts?): ?\(?(?P<line>[0-9]+)(?:, ",
                r"|:)(?P<column>[0-9]+)\)?:? (?P<message>.+)$",
            ),
        ),
        Rule::new(K::CompileError, &["Line "], r"^\s*(?P<message>Line (?P<line>[0-9]+): .+)$")
            .reading(gradle_script),
        Rule::new(
            K::CompileError,
            &["[error] "],
            concat!(
                r"^\[error\] (?P<file>\S.*?\.(?:scala|java",
                r"|sbt)):(?P<line>[0-9]+):(?:(?P<column>[0-9]+):)? (?P<message>.+)$",
            ),
        ),
        Rule::new(
            K::CompileError,
            &["[error] -- "],
            concat!(
                r"^\[error\] -- (?:\[(?P<code>E[0-9]+)\] )?.*?Error: (?P<file>\S+?):",
                r"(?P<line>[0-9]+):(?P<column>[0-9]+) -*$",
            ),
        )
        .reading(scala3),
        Rule::new(
            K::Lint,
            &["[ERROR] ", "[error] "],
            concat!(
                r"^(?:\[ant:checkstyle\] )?\[(?:ERROR|error)\] (?P<file>\S.*?\.(?:java|kt",
                r"|xml|properties)):(?P<line>[0-9]+)(?::(?P<column>[0-9]+))?: ",
                r"(?P<message>.+?)(?: \[(?P<code>[A-Za-z]+)\])?$",
            ),
        ),
        Rule::new(
            K::Lint,
            &[".kt:", ".kts:"],
            concat!(
                r"^(?P<file>\S+\.kts?):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"(?P<message>.+?) (?:\[(?P<code>[A-Za-z]+)\]",
                r"|\((?:[a-z-]+:)?(?P<rule>[a-z-]+)\))$",
            ),
        ),
    ],
};

fn maven_compiler(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    for (distance, line) in at.lines_below(3) {
        let Some(detail) = line.strip_prefix("[ERROR]   ").or_else(|| line.strip_prefix("  "))
        else {
            break;
        };
        draft.say(detail.trim());
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

/// Gradle's script compiler: `Script compilation errors:` or `Build file 'PATH'` above `Line 2:
/// code`, `^ message` below.
fn gradle_script(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(file) = at.lines_above(60).find_map(|(_, line)| {
        let rest = line
            .trim()
            .strip_prefix("Build file '")
            .or_else(|| line.trim().strip_prefix("Settings file '"))?;
        rest.split('\'').next()
    }) else {
        return;
    };
    let error = at.lines_below(3).find_map(|(distance, line)| {
        let message = line.trim().strip_prefix("^ ")?;
        Some((distance, message))
    });
    let Some((distance, message)) = error else { return };
    message.clone_into(&mut draft.failure.message);
    draft.path = Some(file.to_owned());
    draft.last = draft.first + distance;
    found.push(draft);
}

fn scala3(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(8) {
        let told = line.trim_start_matches("[error]").trim();
        let Some(rest) = told.strip_prefix('|') else { continue };
        let rest = rest.trim();
        if !rest.is_empty() && !rest.starts_with('^') {
            draft.say(rest);
            draft.last = draft.first + distance;
        }
    }
    found.push(draft);
}

pub(super) static EXCEPTIONS: Tool = Tool {
    name: "java",
    about: "Exceptions that ended a program on the JVM.",
    example: "\
         Exception in thread \"main\" java.lang.IllegalStateException: no cart\n\
         \tat shop.Main.main(Main.java:12)",
    rules: &[Rule::new(
        K::Unknown,
        &["Exception in thread \""],
        r#"^\s*Exception in thread "[^"]*" (?P<message>\S.*)$"#,
    )
    .weighing(Weight::Sign)
    .reading(frames)],
};

fn frames(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let frames = at.lines_below(20).take_while(|(_, line)| line.trim_start().starts_with("at "));
    draft.last = draft.first + frames.count();
    found.push(draft);
}

pub(super) static BUILD: Tool = Tool {
    name: "gradle",
    about: "Maven's and Gradle's own errors: resolution, plugins, configuration.",
    example: "\
         * What went wrong:\nExecution failed for task ':cart:generateLint'.\n\
         > unable to find project exploded aar for :cart\n",
    rules: &[
        Rule::new(
            K::Dependency,
            &[
                "Could not resolve dependencies",
                "Could not find artifact",
                "Non-resolvable ",
                "could not be resolved",
                "Could not transfer artifact",
            ],
            concat!(
                r"^\[ERROR\] (?:\[ERROR\] )?(?:Failed to execute goal .*?: )?(?P<message>.*?",
                r"(?:Could not resolve dependencies for project|Could not find artifact",
                r"|Non-resolvable (?:parent|import) POM|could not be resolved",
                r"|Could not transfer artifact).*?)(?: -> \[Help [0-9]+\])?$",
            ),
        ),
        Rule::new(
            K::Unknown,
            &["Failed to execute goal "],
            r"^\[ERROR\] (?P<message>Failed to execute goal .+?)(?: -> \[Help [0-9]+\])?$",
        )
        .weighing(Weight::Sign)
        .reading(goal),
        Rule::new(
            K::Config,
            &[
                "Malformed POM",
                "Unknown lifecycle phase",
                "No plugin found for prefix",
                "Non-parseable POM",
                "there is no POM in this directory",
            ],
            concat!(
                r"^\[ERROR\] (?:\[FATAL\] )?(?P<message>.*(?:Malformed POM",
                r"|Unknown lifecycle phase|No plugin found for prefix|Non-parseable POM",
                r"|there is no POM in this directory).*?)(?: -> \[Help [0-9]+\])?$",
            ),
        ),
        Rule::new(K::Config, &["* What went wrong:"], r"^\* (?P<message>What went wrong:)$")
            .weighing(Weight::Sign)
            .reading(went_wrong),
        Rule::new(
            K::Unknown,
            &["BUILD FAILED", "BUILD FAILURE", "FAILURE: Build failed"],
            concat!(
                r"^(?:\[(?:INFO|ERROR)\] )?(?P<message>(?:BUILD FAIL(?:ED|URE)",
                r"|FAILURE: Build failed).*)$",
            ),
        )
        .weighing(Weight::Consequence),
    ],
};

/// What Maven's goals say when they only repeat what was read above.
fn goal(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = &draft.failure.message;
    if ["There are test failures", "Compilation failure", "There was a timeout"]
        .iter()
        .any(|w| message.contains(w))
    {
        draft.weight = Weight::Consequence;
    } else if ["checkstyle", "spotbugs", "pmd", "spotless", "enforcer"]
        .iter()
        .any(|name| message.contains(name))
    {
        draft.failure.kind = K::Lint;
    } else {
        draft.failure.kind = K::Config;
    }
    found.push(draft);
}

fn went_wrong(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(16) {
        let told = line.trim();
        if told.is_empty() && !draft.failure.message.is_empty() || told.starts_with("* ") {
            break;
        }
        draft.say(told);
        draft.last = draft.first + distance;
    }
    let message = draft.failure.message.clone();
    draft.failure.task = super::between(&message, "task '", "'").map(str::to_owned);
    let said = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if said(&[
        "Compilation failed",
        "Compilation error",
        "There were failing tests",
        "finished with non-zero exit value",
        "Script compilation error",
    ]) {
        draft.weight = Weight::Consequence;
    } else if said(&[
        "Could not resolve",
        "Could not find ",
        "was not found in any of",
        "Could not download",
    ]) {
        draft.failure.kind = K::Dependency;
    } else if said(&["format violations", "formatting violations"]) {
        draft.failure.kind = K::Format;
    } else if said(&["Checkstyle", "detekt", "ktlint", "lint found errors", "Lint found"]) {
        draft.failure.kind = K::Lint;
    } else if said(&["OutOfMemoryError", "Java heap space"]) {
        draft.failure.kind = K::Oom;
    }
    if draft.failure.message.is_empty() {
        return;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn compilers_of_the_jvm_are_read() {
        check(
            "[ERROR] /home/runner/work/a/a/src/A.java:[3,4] cannot find symbol\n\
             [ERROR]   symbol: x\n[INFO] BUILD FAILURE\n\
             [ERROR] Failed to execute goal x:compile: Compilation failure -> [Help 1]",
            "compile_error src/A.java:3:4 cannot find symbol",
        );
        check(
            "/home/runner/work/a/a/A.java:3: error: ';' expected",
            "compile_error A.java:3 ';' expected",
        );
        check(
            "e: file:///home/runner/work/a/a/src/B.kt:12:5 Unresolved reference 'x'.\n\
             e: /home/runner/work/a/a/src/C.kt: (3, 4): Unresolved reference: y",
            "compile_error src/B.kt:12:5 Unresolved reference 'x'.\n\
             compile_error src/C.kt:3:4 Unresolved reference: y",
        );
        check(
            "* Where:\nBuild file '/home/runner/work/a/a/build.gradle.kts' line: 2\n\n\
             * What went wrong:\nScript compilation errors:\n\n  Line 2:   alias(libs.x)\n\
             \x20                 ^ Unresolved reference: libs\n",
            "compile_error build.gradle.kts:2 Unresolved reference: libs",
        );
        check(
            "[error] /home/travis/build/a/b/src/X.scala:10:25: not found: value y",
            "compile_error src/X.scala:10:25 not found: value y",
        );
        check(
            "[error] -- [E006] Not Found Error: src/X.scala:3:5 ------\n[error] 3 |  foo\n\
             [error]   |  ^^^\n[error]   |  Not found: foo",
            "compile_error src/X.scala:3:5 [E006] Not found: foo",
        );
    }

    #[test]
    fn builds_say_what_is_missing() {
        check(
            "[ERROR] Failed to execute goal on project a: Could not resolve dependencies for \
             project x:a:jar:1: Could not find artifact y -> [Help 1]",
            "dependency Could not resolve dependencies for project x:a:jar:1: Could not find \
             artifact y",
        );
        check(
            "* What went wrong:\nCould not determine java version from '17'.\n\n* Try:",
            "config Could not determine java version from '17'.",
        );
    }
}
