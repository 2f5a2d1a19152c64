//! Checkers of the JVM: Checkstyle, SpotBugs, PMD, detekt, ktlint, Android's lint, Spotless.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent, place_in};

pub(super) static JAVA: Tool = Tool {
    name: "checkstyle",
    about: "Checkstyle, SpotBugs and PMD under Maven, Gradle and Ant.",
    example: "\
         [ERROR] /home/runner/work/shop/shop/src/main/java/Cart.java:12:5: Missing a Javadoc \
         comment. [MissingJavadocMethod]",
    rules: &[
        Rule::new(
            K::Lint,
            &["[ERROR] ", "[error] "],
            concat!(
                r"^(?:\[ant:checkstyle\] )?\[(?:ERROR|error)\] (?P<file>\S.*?\.(?:java|kt",
                r"|xml|properties|groovy|scala)):(?P<line>[0-9]+)(?::(?P<column>[0-9]+))?: ",
                r"(?P<message>.+?)(?: \[(?P<code>[A-Za-z]+)\])?$",
            ),
        ),
        Rule::new(
            K::Lint,
            &["[ERROR] "],
            concat!(
                r"^\[ERROR\] (?P<file>\S.*?\.[a-z]+):\[(?P<line>[0-9]+)(?:,",
                r"(?P<column>[0-9]+))?\] \([a-z]+\) (?P<code>[A-Za-z]+): (?P<message>.+)$",
            ),
        ),
        Rule::new(
            K::Lint,
            &[":[line"],
            concat!(
                r"^(?:\[ERROR\] )?(?:High|Medium|Low|[HML] [A-Z] [A-Z]+): (?P<message>.+?)",
                r"(?: \[[\w.$, ]+\])? +(?:At|In|Dereferenced at|Field|Obligation.* at) ",
                r"(?P<file>[\w$./-]+):\[lines? ",
                r"(?P<line>[0-9]+)(?:-[0-9]+)?\](?:.*? (?P<code>[A-Z][A-Z0-9_]+))?$",
            ),
        ),
        Rule::new(
            K::Lint,
            &["PMD Failure: "],
            concat!(
                r"^\[[A-Z]+\] PMD Failure: (?P<test>[\w.$]+):(?P<line>[0-9]+) ",
                r"Rule:(?P<code>\w+) Priority:[0-9]+ (?P<message>.+)$",
            ),
        )
        .reading(pmd),
        Rule::new(
            K::Lint,
            &[".java:\0:"],
            concat!(
                r"^(?:\[ant:pmd\] )?(?P<file>\S+\.java):(?P<line>[0-9]+):\s+",
                r"(?P<code>[A-Z][a-z]+[A-Z]\w+):\s+(?P<message>.+)$",
            ),
        ),
    ],
};

/// PMD names the class and the line, Maven's way.
fn pmd(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let class = draft.failure.test.take().unwrap_or_default();
    let line = draft.failure.line.take();
    let path = format!("{}.java", class.split('$').next().unwrap_or(&class).replace('.', "/"));
    draft.place(&path, line, None);
    found.push(draft);
}

pub(super) static KOTLIN: Tool = Tool {
    name: "ktlint",
    about: "detekt, ktlint and Android's lint.",
    example: "\
         /home/runner/work/shop/shop/src/main/kotlin/Cart.kt:12:5: Unexpected indentation (4) \
         (should be 8) (standard:indent)",
    rules: &[
        Rule::new(
            K::Lint,
            &[".kt:\0:\0", ".kts:\0:\0"],
            concat!(
                r"^(?:e: |Lint error > )?(?:\[\S+\] )?(?P<file>\S.*?\.kts?):",
                r"(?P<line>[0-9]+):(?P<column>[0-9]+):? ",
                r"(?P<message>.+?) (?:\[(?P<code>[A-Za-z]+)\]",
                r"|\((?:[a-z-]+:)?(?P<suggestion>[a-z]+-[a-z-]+|indent|filename)\))$",
            ),
        )
        .reading(ktlint),
        Rule::new(
            K::Lint,
            &[".kt:\0:\0", ".kts:\0:\0"],
            concat!(
                r"^\s+(?P<code>[A-Z]\w+) - (?:[0-9]+/[0-9]+ - )?\[(?P<message>[^\]]+)\] at ",
                r"(?P<file>\S.*?\.kts?):(?P<line>[0-9]+):(?P<column>[0-9]+)",
                r"(?: - Signature=.*)?$",
            ),
        )
        .beside(&["] at "])
        .reading(ktlint),
        Rule::new(
            K::Lint,
            &[": Error: "],
            concat!(
                r"^\s*(?P<file>\S.*?\.(?:kts?|java|xml|gradle|toml|pro))",
                r"(?::(?P<line>[0-9]+))?: Error: (?P<message>.+) \[",
                r"(?P<code>[A-Z]\w+)(?: from [^\]]+)?\]$",
            ),
        )
        .reading(extent::with_frame),
    ],
};

/// ktlint's rule stands in round brackets; detekt's in square ones.
fn ktlint(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    match draft.failure.suggestion.take() {
        Some(rule) => draft.failure.code = Some(rule),
        None => draft.failure.tool = Some("detekt".to_owned()),
    }
    found.push(draft);
}

pub(super) static SPOTLESS: Tool = Tool {
    name: "spotless",
    about: "Spotless and google-java-format: the files that are not formatted.",
    example: "\
         > The following files had format violations:\n      src/main/java/Cart.java\n\
         \x20         @@ -1,3 +1,3 @@\n          -·int·total\n          +int·total\n\
         \x20 Run './gradlew :spotlessApply' to fix these violations.",
    rules: &[
        Rule::new(
            K::Format,
            &["files had format violations:"],
            r"^.*(?P<message>The following files had format violations):$",
        )
        .reading(violations),
        Rule::new(
            K::Format,
            &["is not formatted", "isn't formatted"],
            concat!(
                r"^\[(?:ERROR|error|warn)\] (?:Found non-?complying file: )?(?P<file>\S+\.",
                r"(?:java|kt|scala|sbt)) (?P<message>is(?: not|n't) formatted(?: properly)?[.!]?)$",
            ),
        ),
    ],
};

/// One path a line, each with its difference indented below.
fn violations(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    const LIST_LINES_MAX: usize = 400;
    let bare = |line: &str| {
        let line = line.strip_prefix("[ERROR]").unwrap_or(line);
        (line.len() - line.trim_start().len(), line.trim().to_owned())
    };
    let Some(depth) = at.below(1).map(|line| bare(line).0) else { return };
    let first = found.len();
    for (distance, line) in at.lines_below(LIST_LINES_MAX) {
        let (indent, told) = bare(line);
        if told.starts_with("Run '") || told.starts_with("Violations also present") {
            break;
        }
        let is_path = indent == depth && told.contains('.') && !told.contains(' ');
        if is_path {
            let mut one = draft.clone();
            one.path = Some(told);
            one.first = at.index + distance;
            one.last = one.first;
            found.push(one);
        } else if indent > depth
            && let Some(last) = found[first..].last_mut()
            && distance + at.index < last.first + extent::BLOCK_LINES_MAX
        {
            last.last = at.index + distance;
        } else if indent < depth {
            break;
        }
    }
    if found.len() == first {
        found.push(draft);
    }
}

pub(super) static SCALA: Tool = Tool {
    name: "sbt",
    about: "scalac under sbt, mill and scala-cli, sbt's resolution, scalafmt.",
    example: "\
         [error] /home/runner/work/shop/shop/src/main/scala/Cart.scala:12:5: not found: value \
         total\n[error]     total + 1\n[error]     ^\n[error] one error found",
    rules: &[
        Rule::new(
            K::CompileError,
            &["[error] -- "],
            concat!(
                r"^\[error\] -- (?:\[(?P<code>E[0-9]+)\] )?.*?(?:Error|Warning): ",
                r"(?P<file>\S+?):(?P<line>[0-9]+):(?P<column>[0-9]+) -*$",
            ),
        )
        .reading(scala3),
        Rule::new(
            K::CompileError,
            &["[error] "],
            concat!(
                r"^\[error\] (?P<file>\S.*?\.(?:scala|java",
                r"|sbt|sc)):(?P<line>[0-9]+):(?:(?P<column>[0-9]+):)? (?P<message>.+)$",
            ),
        )
        .reading(scala2),
        Rule::new(
            K::CompileError,
            &["[error] "],
            concat!(
                r"^\[error\] (?P<file>\S+\.(?:scala|sc|java)):(?P<line>[0-9]+):",
                r"(?P<column>[0-9]+)$",
            ),
        )
        .reading(scala_cli),
        Rule::new(
            K::CompileError,
            &[".scala:\0:"],
            concat!(
                r"^(?P<file>\S.*?\.scala):(?P<line>[0-9]+):(?:(?P<column>[0-9]+):)? error: ",
                r"(?P<message>.+)$",
            ),
        )
        .reading(extent::with_frame),
        Rule::new(
            K::Dependency,
            &["ResolveException", "Error downloading "],
            concat!(
                r"^\[error\] (?:\([^)]*\) )?(?P<message>(?:\S*ResolveException: .+",
                r"|Error downloading .+))$",
            ),
        )
        .reading(sbt_block),
        Rule::new(
            K::Format,
            &["isn't formatted properly", "error: --test failed"],
            concat!(
                r"^(?:\[(?:warn|error)\] )?(?:(?P<file>\S+\.(?:scala|sbt)) )?",
                r"(?P<message>isn't formatted properly!|error: --test failed)$",
            ),
        ),
        Rule::new(
            K::Unknown,
            &["Compilation failed", "TestsFailedException", "Tests unsuccessful"],
            concat!(
                r"^\[error\] (?P<message>\(.*(?:Compilation failed|TestsFailedException",
                r"|Tests unsuccessful).*)$",
            ),
        )
        .weighing(Weight::Consequence),
    ],
};

/// What stands behind sbt's level.
fn told(line: &str) -> Option<&str> {
    line.strip_prefix("[error]")
}

fn scala2(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_below(at, &mut draft, |line| {
        told(line).is_some_and(|rest| {
            rest.starts_with("  ") && !rest.trim().is_empty() && place_in(rest.trim()).is_none()
        })
    });
    found.push(draft);
}

fn sbt_block(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_below(at, &mut draft, |line| told(line).is_some_and(|r| r.starts_with("  ")));
    found.push(draft);
}

fn scala3(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const MESSAGE_LINES_MAX: usize = 6;
    draft.failure.message.clear();
    let mut said = 0;
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let Some(rest) = told(line) else { break };
        let rest = rest.trim();
        let code = rest.split('|').next().unwrap_or("").trim();
        if !rest.contains('|') || !code.bytes().all(|b| b.is_ascii_digit()) {
            break;
        }
        draft.last = draft.first + distance;
        let Some(more) = rest.strip_prefix('|') else { continue };
        let more = more.trim();
        if !more.is_empty() && !extent::is_pointer(more) && said < MESSAGE_LINES_MAX {
            draft.say(more);
            said += 1;
        }
    }
    found.push(draft);
}

/// scala-cli states the place first and the message below.
fn scala_cli(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(message) = at.below(1).and_then(told) else { return };
    message.trim().clone_into(&mut draft.failure.message);
    extent::while_below(at, &mut draft, |line| {
        told(line).is_some_and(|rest| place_in(rest.trim()).is_none())
    });
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn checkers_of_java_are_read() {
        check(
            "[INFO] There are 2 errors reported by Checkstyle 10.12 with sun_checks.xml ruleset.\n\
             [ERROR] src/main/java/A.java:[12,5] (indentation) Indentation: 'x' has incorrect \
             indentation level 8.\n\
             [ERROR] src/main/java/A.java:[1] (javadoc) JavadocPackage: Missing package-info.java \
             file.\n\
             [WARN] src/main/java/B.java:[2] (sizes) LineLength: too long\n",
            "lint src/main/java/A.java:12:5 [Indentation] 'x' has incorrect indentation level 8.\n\
             lint src/main/java/A.java:1 [JavadocPackage] Missing package-info.java file.",
        );
        check(
            "[ant:checkstyle] [ERROR] /home/runner/work/a/a/A.java:3:4: Missing. [FinalClass]",
            "lint A.java:3:4 [FinalClass] Missing.",
        );
        check(
            "[ERROR] High: Null pointer dereference of x in shop.Cart.total() [shop.Cart] \
             Dereferenced at Cart.java:[line 12] NP_ALWAYS_NULL",
            "lint Cart.java:12 [NP_ALWAYS_NULL] Null pointer dereference of x in \
             shop.Cart.total()",
        );
        check(
            "[ERROR] PMD Failure: shop.Cart:12 Rule:UnusedPrivateField Priority:3 Avoid unused \
             private fields such as 'x'..",
            "lint shop/Cart.java:12 [UnusedPrivateField] Avoid unused private fields such as \
             'x'..",
        );
    }

    #[test]
    fn checkers_of_kotlin_are_read() {
        check(
            "/home/runner/work/a/a/src/B.kt:12:5: Too long. [LongMethod]\n\
             /home/runner/work/a/a/src/C.kt:1:2: Unexpected indentation (standard:indent)\n\
             /home/runner/work/a/a/src/C.kt:3:1 Needless blank line(s) \
             (standard:no-consecutive-blank-lines)\n\
             \x20       MagicNumber - [f] at /home/runner/work/a/a/src/D.kt:4:9 - \
             Signature=D.kt$9\n",
            "lint src/B.kt:12:5 [LongMethod] Too long.\n\
             lint src/C.kt:1:2 [indent] Unexpected indentation\n\
             lint src/C.kt:3:1 [no-consecutive-blank-lines] Needless blank line(s)\n\
             lint src/D.kt:4:9 [MagicNumber] f",
        );
        let lint = "/home/runner/work/a/a/app/src/main/A.kt:12: Error: Call requires API level \
             26 (current min is 21): f [NewApi]\n        f()\n        ~\n\n\
             \x20  Explanation for issues of type \"NewApi\":\n1 errors, 0 warnings\n";
        check(
            lint,
            "lint app/src/main/A.kt:12 [NewApi] Call requires API level 26 (current min is 21): f",
        );
        check_lines(lint, &[(1, 3)]);
    }

    #[test]
    fn unformatted_files_are_named_one_by_one() {
        let log = "* What went wrong:\nExecution failed for task ':spotlessJavaCheck'.\n\
             > The following files had format violations:\n      src/A.java\n\
             \x20         @@ -1,3 +1,3 @@\n          -·int·a\n          +int·a\n\
             \x20     src/B.java\n          @@ -1 +1 @@\n\
             \x20 Run './gradlew :spotlessApply' to fix these violations.\n\n";
        check(
            log,
            "format src/A.java The following files had format violations\n\
             format src/B.java The following files had format violations",
        );
        check_lines(log, &[(4, 7), (8, 9)]);
        check(
            "[ERROR] Failed to execute goal com.diffplug.spotless:spotless-maven-plugin:2.43.0:\
             check (default) on project a: The following files had format violations:\n\
             [ERROR]     src/A.java\n[ERROR]         @@ -1 +1 @@\n\
             [ERROR] Run 'mvn spotless:apply' to fix these violations.\n[ERROR] -> [Help 1]",
            "format src/A.java The following files had format violations",
        );
    }

    #[test]
    fn compilers_of_scala_are_read() {
        let two = "[info] Compiling 3 Scala sources\n\
             [error] /home/travis/build/a/b/src/X.scala:10:25: not found: value y\n\
             [error]     val x = y\n[error]             ^\n\
             [error] /home/travis/build/a/b/src/X.scala:11:3: type mismatch;\n\
             [error]  found   : Int\n[error]  required: String\n[error]   1\n[error]   ^\n\
             [error] two errors found\n[error] (Compile / compileIncremental) Compilation failed\n";
        check(
            two,
            "compile_error src/X.scala:10:25 not found: value y\n\
             compile_error src/X.scala:11:3 type mismatch;",
        );
        let three = "[error] -- [E006] Not Found Error: src/X.scala:3:5 ------\n\
             [error] 3 |  foo\n[error]   |  ^^^\n[error]   |  Not found: foo\n[error]   |\n\
             [error]   | longer explanation available when compiling with `-explain`\n\
             [error] one error found\n";
        check(three, "compile_error src/X.scala:3:5 [E006] Not found: foo");
        check_lines(three, &[(1, 6)]);
        check(
            "[error] ./X.scala:3:5\n[error] Not found: foo\n[error] foo\n[error] ^^^\n\
             Error compiling project (Scala 3.3.1, JVM)\nCompilation failed\n",
            "compile_error X.scala:3:5 Not found: foo",
        );
        check("[warn] src/X.scala:1:1: unused import\n[success] Total time: 3 s", "");
        check(
            "[error] sbt.librarymanagement.ResolveException: Error downloading org:x:1.0\n\
             [error]   Not found\n[error]   not found: https://repo/x-1.0.pom\n",
            "dependency sbt.librarymanagement.ResolveException: Error downloading org:x:1.0",
        );
    }
}
