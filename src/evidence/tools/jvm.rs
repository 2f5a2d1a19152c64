//! The JVM's compilers and builds: javac and kotlinc, Maven, Gradle, exceptions.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent, place_in};

pub(super) static JAVAC: Tool = Tool {
    name: "javac",
    about: "javac, bare, under Maven and under Gradle.",
    example: "\
         [ERROR] /home/runner/work/shop/shop/src/main/java/shop/Cart.java:[12,5] cannot find \
         symbol\n[ERROR]   symbol:   variable total",
    rules: &[
        Rule::new(
            K::CompileError,
            &["[ERROR] "],
            concat!(
                r"^\[ERROR\] (?P<file>\S.*?\.(?:java|kt|groovy",
                r"|scala)): ?\[(?P<line>[0-9]+),(?P<column>[0-9]+)\] (?:error: )?",
                r"(?P<message>[^(\s].*)$",
            ),
        )
        .reading(maven_compiler),
        Rule::new(
            K::CompileError,
            &[": error: "],
            r"^\s*(?P<file>\S.*?\.java):(?P<line>[0-9]+): error: (?P<message>.+)$",
        )
        .reading(extent::with_frame),
        Rule::new(
            K::Lint,
            &[": warning: ["],
            concat!(
                r"^\s*(?P<file>\S.*?\.java):(?P<line>[0-9]+): warning: \[(?P<code>[a-z-]+)\] ",
                r"(?P<message>.+)$",
            ),
        )
        .reading(werror),
    ],
};

/// Maven repeats what javac said below the place, indented, with or without its own prefix.
fn maven_compiler(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const DETAIL_LINES_MAX: usize = 6;
    for (distance, line) in at.lines_below(DETAIL_LINES_MAX) {
        let Some(detail) = line.strip_prefix("[ERROR]   ").or_else(|| line.strip_prefix("  "))
        else {
            break;
        };
        draft.say(detail.trim());
        draft.last = draft.first + distance;
    }
    found.push(draft);
}

/// javac's warnings count where it says below that they are errors.
fn werror(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let counts = at.lines_below(200).any(|(_, line)| {
        line.ends_with("error: warnings found and -Werror specified")
            || line.ends_with("warnings found and -Werror specified")
    });
    if counts {
        extent::code_frame(at, &mut draft);
        found.push(draft);
    }
}

pub(super) static KOTLINC: Tool = Tool {
    name: "kotlinc",
    about: "kotlinc under Gradle and Maven, KSP and kapt, Gradle's scripts.",
    example: "\
         e: file:///home/runner/work/shop/shop/src/main/kotlin/Cart.kt:12:5 Unresolved reference \
         'total'.",
    rules: &[
        Rule::new(
            K::CompileError,
            &[".kt:", ".kts:", ".java:"],
            concat!(
                r"^e: (?:\[(?:ksp|kapt)\] )?(?:file://)?(?P<file>\S.*?\.(?:kts?",
                r"|java)): ?\(?(?P<line>[0-9]+)(?:(?:, |:)(?P<column>[0-9]+))?\)?:? ",
                r"(?P<message>.+)$",
            ),
        )
        .beside(&["e: "])
        .reading(extent::with_frame),
        Rule::new(
            K::CompileError,
            &[": error: "],
            concat!(
                r"^(?P<file>\S.*?\.kts?):(?P<line>[0-9]+):(?P<column>[0-9]+): error: ",
                r"(?P<message>.+)$",
            ),
        )
        .reading(extent::with_frame),
        Rule::new(
            K::CompileError,
            &["e: [ksp]", "e: [kapt]", "warnings found and -Werror", "internal compiler error"],
            concat!(
                r"^e: (?P<message>\[(?:ksp|kapt)\] .+|warnings found and -Werror specified",
                r"|.*internal compiler error.*)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(kotlin_werror),
        Rule::new(K::CompileError, &["  Line "], r"^\s*  (?P<message>Line (?P<line>[0-9]+): .+)$")
            .reading(gradle_script),
    ],
};

/// Kotlin's warnings count where it says below that they are errors.
fn kotlin_werror(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if !draft.failure.message.starts_with("warnings found") {
        extent::indented(at, &mut draft);
        found.push(draft);
        return;
    }
    let before = found.len();
    for (distance, line) in at.lines_above(200) {
        let Some(said) = line.strip_prefix("w: ") else { continue };
        let said = said.trim_start_matches("file://");
        let Some((path, row, column)) = place_in(said) else { continue };
        let message = said
            .split_once(path)
            .map_or(said, |(_, rest)| rest)
            .trim_start_matches(|c: char| c.is_ascii_digit() || ":(), ".contains(c));
        let mut warning = draft.clone();
        warning.failure.kind = K::Lint;
        warning.weight = Weight::Cause;
        message.clone_into(&mut warning.failure.message);
        warning.place(path, row, column);
        warning.first = at.index - distance;
        warning.last = warning.first;
        found.push(warning);
    }
    found[before..].reverse();
    if found.len() == before {
        found.push(draft);
    }
}

/// Gradle's script compiler: `Script compilation errors:` or `Build file 'PATH'` above `Line 2:
/// code`, `^ message` below.
fn gradle_script(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some((file, _)) = script_above(at) else { return };
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

/// The script that Gradle's `* Where:` names above, and its line.
fn script_above<'f>(at: &At<'f>) -> Option<(&'f str, Option<u32>)> {
    const WHERE_LINES_MAX: usize = 60;
    at.lines_above(WHERE_LINES_MAX).find_map(|(_, line)| {
        let told = line.trim();
        let rest = ["Build file '", "Settings file '", "Script '", "Initialization script '"]
            .iter()
            .find_map(|word| told.strip_prefix(word))?;
        let (file, rest) = rest.split_once('\'')?;
        let row = rest.trim().strip_prefix("line: ").and_then(|row| row.trim().parse().ok());
        Some((file, row))
    })
}

pub(super) static EXCEPTIONS: Tool = Tool {
    name: "java",
    about: "Exceptions that ended a program on the JVM.",
    example: "\
         Exception in thread \"main\" java.lang.IllegalStateException: no cart\n\
         \tat shop.Main.main(Main.java:12)",
    rules: &[
        Rule::new(
            K::Unknown,
            &["Exception in thread \""],
            r#"^\s*Exception in thread "[^"]*" (?P<message>\S.*)$"#,
        )
        .weighing(Weight::Sign)
        .reading(frames),
        Rule::new(
            K::Unknown,
            &["A fatal error has been detected by the Java Runtime Environment"],
            r"^# (?P<message>A fatal error has been detected by the Java Runtime Environment):$",
        )
        .reading(crash),
    ],
};

/// The exception, its causes, and the innermost frame that names a line.
fn frames(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::stack(at, &mut draft);
    let causes = at.lines_below(extent::BLOCK_LINES_MAX).take_while(|(_, line)| {
        let told = line.trim_start();
        told.starts_with("at ") || told.starts_with("... ") || told.starts_with("Caused by: ")
    });
    for (_, line) in causes {
        if line.starts_with("Caused by: ") {
            draft.say(line);
        }
    }
    found.push(draft);
}

/// HotSpot's own crash report is a block of lines that begin with `#`.
fn crash(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_below(at, &mut draft, |line| line.starts_with('#'));
    let said = at.lines_below(6).find_map(|(_, line)| {
        Some(line.trim_start_matches('#').trim()).filter(|told| !told.is_empty())
    });
    if let Some(said) = said {
        draft.say(said);
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn javac_is_read_under_every_build() {
        let maven = "[INFO] -------------------------------------------------------------\n\
             [ERROR] COMPILATION ERROR : \n\
             [INFO] -------------------------------------------------------------\n\
             [ERROR] /home/runner/work/a/a/src/A.java:[3,4] cannot find symbol\n\
             \x20 symbol:   variable x\n  location: class shop.A\n\
             [INFO] 1 error\n\
             [INFO] BUILD FAILURE\n\
             [ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin:3.11.0:\
             compile (default-compile) on project a: Compilation failure\n\
             [ERROR] /home/runner/work/a/a/src/A.java:[3,4] cannot find symbol\n\
             [ERROR]   symbol:   variable x\n[ERROR]   location: class shop.A\n\
             [ERROR] -> [Help 1]\n";
        check(maven, "compile_error src/A.java:3:4 cannot find symbol");
        check_lines(maven, &[(4, 6)]);
        check(
            "[ERROR] /D:/a/shop/shop/src/A.java:[3,4] error: ';' expected",
            "compile_error src/A.java:3:4 ';' expected",
        );
        let gradle = "> Task :compileJava FAILED\n\
             /home/runner/work/a/a/A.java:3: error: cannot find symbol\n\
             \x20       return total;\n               ^\n\
             \x20 symbol:   variable total\n  location: class A\n1 error\n\n\
             FAILURE: Build failed with an exception.\n\n* What went wrong:\n\
             Execution failed for task ':compileJava'.\n\
             > Compilation failed; see the compiler output below.\n\
             \x20 /home/runner/work/a/a/A.java:3: error: cannot find symbol\n\
             \x20         return total;\n                 ^\n\
             \x20   symbol:   variable total\n    location: class A\n  1 error\n\n\
             * Try:\n> Run with --scan to get full insights.\n\nBUILD FAILED in 5s\n";
        check(gradle, "compile_error A.java:3 cannot find symbol");
        check_lines(gradle, &[(2, 6)]);
    }

    #[test]
    fn warnings_count_only_where_they_are_errors() {
        check("A.java:3: warning: [deprecation] f() in B has been deprecated\n  f();\n  ^\n", "");
        check(
            "A.java:3: warning: [deprecation] f() is old\n  f();\n  ^\n\
             error: warnings found and -Werror specified\n1 error\n1 warning\n",
            "lint A.java:3 [deprecation] f() is old",
        );
        check("w: file:///home/runner/work/a/a/B.kt:3:5 Unused variable\nBUILD SUCCESSFUL", "");
        check(
            "w: file:///home/runner/work/a/a/B.kt:3:5 Variable 'x' is never used\n\
             e: warnings found and -Werror specified\n",
            "lint B.kt:3:5 Variable 'x' is never used",
        );
    }

    #[test]
    fn kotlinc_is_read_in_every_form() {
        check(
            "e: file:///home/runner/work/a/a/src/B.kt:12:5 Unresolved reference 'x'.\n\
             e: /home/runner/work/a/a/src/C.kt: (3, 4): Unresolved reference: y\n\
             e: file:///D:/a/shop/shop/src/D.kt:1:2 Expecting a top level declaration\n\
             src/E.kt:7:8: error: unresolved reference: z\n    z()\n    ^\n\
             e: [ksp] /home/runner/work/a/a/src/F.kt:9: No providers found\n",
            "compile_error src/B.kt:12:5 Unresolved reference 'x'.\n\
             compile_error src/C.kt:3:4 Unresolved reference: y\n\
             compile_error src/D.kt:1:2 Expecting a top level declaration\n\
             compile_error src/E.kt:7:8 unresolved reference: z\n\
             compile_error src/F.kt:9 No providers found",
        );
        check(
            "* Where:\nBuild file '/home/runner/work/a/a/build.gradle.kts' line: 2\n\n\
             * What went wrong:\nScript compilation errors:\n\n  Line 2:   alias(libs.x)\n\
             \x20                 ^ Unresolved reference: libs\n",
            "compile_error build.gradle.kts:2 Unresolved reference: libs",
        );
    }

    #[test]
    fn exceptions_keep_their_cause_and_their_frames() {
        let log = "Exception in thread \"main\" java.lang.ExceptionInInitializerError\n\
             \tat shop.Main.main(Main.java:12)\n\
             Caused by: java.lang.IllegalStateException: no cart\n\
             \tat shop.Cart.<clinit>(Cart.java:3)\n\t... 1 more\n\ndone\n";
        check(log, "unknown java.lang.ExceptionInInitializerError");
        check_lines(log, &[(1, 5)]);
    }
}
