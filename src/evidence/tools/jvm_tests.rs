//! Tests on the JVM: Surefire and Failsafe, Gradle's report, JUnit's console, ScalaTest, MUnit.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, extent, place_in};

pub(super) static TESTS: Tool = Tool {
    name: "surefire",
    about: "Surefire and Failsafe, Gradle's test report, JUnit's console, ScalaTest and MUnit.",
    example: "\
         [ERROR] shop.CartTest.adds  Time elapsed: 0.01 s  <<< FAILURE!\n\
         org.opentest4j.AssertionFailedError: expected: <5> but was: <4>\n\
         \tat shop.CartTest.adds(CartTest.java:12)",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["<<< FAILURE!", "<<< ERROR!"],
            concat!(
                r"^(?:\[ERROR\] )?\s*(?P<test>\S.*?)\s+(?:--\s+)?Time elapsed: [0-9.,]+ ?s",
                r"(?:ec)?\s+(?:--\s+in \S+\s+)?<<< (?:FAILURE|ERROR)!$",
            ),
        )
        .reading(surefire),
        Rule::new(
            K::TestFailure,
            &["[ERROR] "],
            concat!(
                r"^\[ERROR\] +(?P<test>[A-Z]\w*(?:\$\w+)?(?:\.",
                r"|>)[\w.>$\[\](), ]*?[\w\])]):(?P<line>[0-9]+)(?:->\S+)? (?P<message>\S.*)$",
            ),
        ),
        Rule::new(
            K::TestFailure,
            &["The forked VM terminated", "Crashed tests:"],
            concat!(
                r"^\[ERROR\] (?P<message>(?:\S+ )?The forked VM terminated without .*",
                r"|Crashed tests:)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(crashed),
        Rule::new(
            K::TestFailure,
            &[" FAILED"],
            r"^(?P<test>(?:Gradle Test Run \S+ > )?[A-Za-z_][\w.$ -]*(?: > .+?)+) FAILED$",
        )
        .reading(gradle_test),
        Rule::new(
            K::TestFailure,
            &["JUnit Jupiter:", "JUnit Vintage:"],
            r"^\s+(?:JUnit Jupiter|JUnit Vintage):(?P<test>\S.*)$",
        )
        .reading(console),
        Rule::new(
            K::TestFailure,
            &["*** FAILED ***"],
            concat!(
                r"^(?:\[(?:info|error)\] )?\s*-?\s*(?P<test>.+?) \*\*\* FAILED \*\*\*",
                r"(?: \([0-9].*\))?$",
            ),
        )
        .reading(scalatest),
        Rule::new(
            K::TestFailure,
            &["==> X "],
            r"^(?:\[(?:info|error)\] )?==> X (?P<test>\S+?\..+?)  [0-9.]+s (?P<message>.+)$",
        )
        .reading(munit),
        Rule::new(
            K::TestFailure,
            &["[error] Test "],
            r"^\[error\] Test (?P<test>\S+) failed: (?P<message>.+?)(?:, took .*)?$",
        )
        .reading(junit_interface),
    ],
};

/// Reads the exception below a failed test and the frame in the test's class.
fn surefire(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut test = draft.failure.test.clone().unwrap_or_default();
    if test.starts_with("Tests run:") {
        return;
    }
    // The older form: `adds(shop.CartTest)`.
    if let Some((method, class)) = test.trim_end_matches(')').split_once('(')
        && class.contains(|c: char| c == '.' || c.is_ascii_uppercase())
        && !class.contains(' ')
    {
        test = format!("{class}.{method}");
    }
    let class = class_of(&test).to_owned();
    draft.failure.test = Some(test);
    exception_below(at, &class, &mut draft);
    found.push(draft);
}

/// The simple class name in `shop.CartTest.adds` or `shop.CartTest`.
fn class_of(test: &str) -> &str {
    let name = test.split(['(', '[', '{']).next().unwrap_or(test).trim();
    let mut parts = name.rsplit(['.', '$']);
    let last = parts.next().unwrap_or(name);
    if last.starts_with(|c: char| c.is_ascii_uppercase()) {
        last
    } else {
        parts.next().unwrap_or(last)
    }
}

/// How many lines of an exception stand for it where no frame is the test's own.
const FRAMES_MAX: usize = 8;

fn exception_below(at: &At<'_>, class: &str, draft: &mut Draft) {
    let mut message = String::new();
    for (distance, line) in at.lines_below(60) {
        let told = line.trim();
        if told.is_empty() && !message.is_empty()
            || line.starts_with("[ERROR] ")
            || told.contains(" > ") && told.ends_with("FAILED")
        {
            break;
        }
        if let Some(frame) = told.strip_prefix("at ") {
            let place = frame.rsplit_once('(').map(|(_, place)| place.trim_end_matches(')'));
            if let Some((file, row, _)) = place.or(Some(frame)).and_then(place_in)
                && file.split('.').next() == Some(class.split('$').next().unwrap_or(class))
            {
                draft.place(file, row, None);
                draft.last = draft.first + distance;
                break;
            }
            if distance <= FRAMES_MAX {
                draft.last = draft.first + distance;
            }
        } else if message.is_empty() && !told.is_empty() {
            told.clone_into(&mut message);
            draft.last = draft.first + distance;
        } else if !told.starts_with("...")
            && !told.starts_with("Caused by:")
            && message.lines().count() < 6
        {
            message.push('\n');
            message.push_str(told);
        }
    }
    if !message.trim().is_empty() {
        draft.failure.message = message;
    }
}

/// A process of tests that died: which class it ran stands below.
fn crashed(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_below(at, &mut draft, |line| {
        line.starts_with("[ERROR] ") && !line.contains("[Help ")
    });
    if draft.failure.message == "Crashed tests:"
        && let Some(class) = at.below(1).and_then(|line| line.strip_prefix("[ERROR] "))
    {
        draft.failure.test = Some(class.trim().to_owned());
        draft.weight = Weight::Cause;
    }
    found.push(draft);
}

fn gradle_test(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let test = draft.failure.test.clone().unwrap_or_default();
    let class = test.split(" > ").next().unwrap_or("");
    let class = class.rsplit('.').next().unwrap_or(class).to_owned();
    draft.failure.message.clear();
    let mut in_stack = false;
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let told = line.trim();
        // A message may hold blank lines; the next test begins at the margin.
        let is_over = told.is_empty() && (in_stack || draft.failure.message.is_empty());
        if is_over || !told.is_empty() && !line.starts_with([' ', '\t']) {
            break;
        }
        in_stack |= told.starts_with("at ");
        if !in_stack && draft.failure.message.lines().count() < 6 {
            draft.say(told);
            draft.last = draft.first + distance;
        }
        let place = told.strip_prefix("at ").map(|frame| match frame.rsplit_once('(') {
            Some((_, place)) => place.trim_end_matches(')'),
            None => frame,
        });
        if let Some((file, row, _)) = place.and_then(place_in)
            && file.split('.').next() == Some(class.as_str())
        {
            draft.place(file, row, None);
            draft.last = draft.first + distance;
            break;
        }
    }
    found.push(draft);
}

/// JUnit's console launcher: where the test lies, then `=> ` and the exception with its frames.
fn console(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some((distance, said)) = at
        .lines_below(4)
        .find_map(|(distance, line)| Some((distance, line.trim().strip_prefix("=> ")?)))
    else {
        return;
    };
    said.clone_into(&mut draft.failure.message);
    draft.last = at.index + distance;
    let test = draft.failure.test.clone().unwrap_or_default();
    let class = test.split(':').next().unwrap_or("").to_owned();
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX).skip(distance) {
        if !extent::is_indented(line) || line.contains("JUnit ") {
            break;
        }
        let place = line.trim().rsplit_once('(').map(|(_, p)| p.trim_end_matches(')'));
        if let Some((file, row, _)) = place.and_then(place_in)
            && file.split('.').next() == Some(class.as_str())
        {
            draft.place(file, row, None);
            draft.last = at.index + distance;
            break;
        }
    }
    draft.failure.test = Some(test.replace(':', " > "));
    found.push(draft);
}

/// What stands behind sbt's level.
fn told(line: &str) -> &str {
    line.trim_start_matches("[info]").trim_start_matches("[error]").trim()
}

fn scalatest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some(line) = at.below(1) {
        let said = told(line);
        said.clone_into(&mut draft.failure.message);
        if let Some((_, place)) = said.rsplit_once('(')
            && let Some((file, row, _)) = place_in(place.trim_end_matches(')'))
        {
            draft.place(file, row, None);
        }
        draft.last += 1;
    }
    let depth = |line: &str| {
        let line = line.trim_start_matches("[info]").trim_start_matches("[error]");
        line.len() - line.trim_start().len()
    };
    let title = depth(at.text());
    extent::while_below(at, &mut draft, |line| !told(line).is_empty() && depth(line) > title);
    found.push(draft);
}

/// MUnit: the exception's message begins with the place.
fn munit(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = draft.failure.message.clone();
    let said = message.split_once(": ").map_or(message.as_str(), |(_, said)| said);
    if let Some((path, row, _)) = place_in(said) {
        draft.place(path, row, None);
    }
    extent::while_below(at, &mut draft, |line| !told(line).starts_with("==> "));
    found.push(draft);
}

fn junit_interface(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let test = draft.failure.test.clone().unwrap_or_default();
    let class = class_of(&test).to_owned();
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let Some(frame) = told(line).strip_prefix("at ") else { break };
        draft.last = at.index + distance;
        let place = frame.rsplit_once('(').map(|(_, place)| place.trim_end_matches(')'));
        if let Some((file, row, _)) = place.and_then(place_in)
            && file.split('.').next() == Some(class.as_str())
        {
            draft.place(file, row, None);
            break;
        }
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_lines};

    #[test]
    fn surefire_s_block_and_summary_are_one_failure() {
        let log = "[INFO] Running shop.CartTest\n\
             [ERROR] Tests run: 3, Failures: 1, Errors: 1, Skipped: 0, Time elapsed: 0.05 s <<< \
             FAILURE! -- in shop.CartTest\n\
             [ERROR] shop.CartTest.adds -- Time elapsed: 0.01 s <<< FAILURE!\n\
             org.opentest4j.AssertionFailedError: expected: <5> but was: <4>\n\
             \tat org.junit.jupiter.api.AssertEquals.fail(AssertEquals.java:55)\n\
             \tat shop.CartTest.adds(CartTest.java:12)\n\
             \tat java.base/java.lang.reflect.Method.invoke(Method.java:580)\n\n\
             [ERROR] shop.CartTest.takes -- Time elapsed: 0.01 s <<< ERROR!\n\
             java.lang.NullPointerException: Cannot invoke \"x\"\n\
             \tat shop.Cart.take(Cart.java:3)\n\
             \tat shop.CartTest.takes(CartTest.java:20)\n\n\
             [INFO] Results:\n[INFO] \n[ERROR] Failures: \n\
             [ERROR]   CartTest.adds:12 expected: <5> but was: <4>\n[ERROR] Errors: \n\
             [ERROR]   CartTest.takes:20 » NullPointer Cannot invoke \"x\"\n[INFO] \n\
             [ERROR] Tests run: 3, Failures: 1, Errors: 1, Skipped: 0\n[INFO] \n\
             [INFO] BUILD FAILURE\n\
             [ERROR] Failed to execute goal org.apache.maven.plugins:maven-surefire-plugin:3.2.5:\
             test (default-test) on project shop: There are test failures.\n";
        check(
            log,
            "test_failure CartTest.java:12 {shop.CartTest.adds} \
             org.opentest4j.AssertionFailedError: expected: <5> but was: <4>\n\
             test_failure CartTest.java:20 {shop.CartTest.takes} \
             java.lang.NullPointerException: Cannot invoke \"x\"",
        );
        check_lines(log, &[(3, 6), (9, 12)]);
        check(
            "[ERROR] adds(shop.CartTest)  Time elapsed: 0.01 s  <<< FAILURE!\n\
             java.lang.AssertionError: expected:<5> but was:<4>\n\
             \tat org.junit.Assert.fail(Assert.java:88)\n\
             \tat shop.CartTest.adds(CartTest.java:12)\n\n\
             [ERROR]   CartTest.adds:12 expected:<5> but was:<4>",
            "test_failure CartTest.java:12 {shop.CartTest.adds} java.lang.AssertionError: \
             expected:<5> but was:<4>",
        );
        check(
            "[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.05 s -- in \
             shop.CartTest\n[INFO] BUILD SUCCESS\n",
            "",
        );
        check(
            "[ERROR] Crashed tests:\n[ERROR] shop.CartTest\n\
             [ERROR] ExecutionException The forked VM terminated without properly saying goodbye. \
             VM crash or System.exit called?\n",
            "test_failure {shop.CartTest} Crashed tests:",
        );
    }

    #[test]
    fn gradle_s_report_of_tests_is_read() {
        let log = "> Task :test FAILED\n\nCartTest > adds() FAILED\n\
             \x20   org.opentest4j.AssertionFailedError: \n    expected: 5\n     but was: 4\n\
             \x20       at app//org.junit.Assert.fail(Assert.java:5)\n\
             \x20       at app//shop.CartTest.adds(CartTest.java:12)\n\n\
             CartTest > takes() PASSED\n\n2 tests completed, 1 failed\n\n\
             * What went wrong:\nExecution failed for task ':test'.\n\
             > There were failing tests. See the report at: file:///x/index.html\n";
        check(
            log,
            "test_failure CartTest.java:12 {CartTest > adds()} \
             org.opentest4j.AssertionFailedError:",
        );
        check_lines(log, &[(3, 8)]);
    }

    #[test]
    fn the_other_runners_of_the_jvm_are_read() {
        check(
            "Failures (1):\n  JUnit Jupiter:CartTest:adds()\n\
             \x20   MethodSource [className = 'shop.CartTest', methodName = 'adds', \
             methodParameterTypes = '']\n\
             \x20   => org.opentest4j.AssertionFailedError: expected: <5> but was: <4>\n\
             \x20      org.junit.jupiter.api.Assertions.fail(Assertions.java:5)\n\
             \x20      shop.CartTest.adds(CartTest.java:12)\n       [...]\n\n\
             Test run finished after 64 ms\n",
            "test_failure CartTest.java:12 {CartTest > adds()} \
             org.opentest4j.AssertionFailedError: expected: <5> but was: <4>",
        );
        let scalatest = "[info] CartSpec:\n[info] - adds *** FAILED *** (3 milliseconds)\n\
             [info]   4 did not equal 5 (CartSpec.scala:12)\n[info] - takes\n\
             [info] *** 1 TEST FAILED ***\n[error] Failed tests:\n[error] \tshop.CartSpec\n\
             [error] (Test / test) sbt.TestsFailedException: Tests unsuccessful\n";
        check(
            scalatest,
            "test_failure CartSpec.scala:12 {adds} 4 did not equal 5 (CartSpec.scala:12)",
        );
        check_lines(scalatest, &[(2, 3)]);
        check(
            "==> X shop.CartSuite.adds  0.01s munit.ComparisonFailException: \
             /home/runner/work/a/a/CartSuite.scala:12\n11:  test\n12:    assertEquals(4, 5)\n\
             values are not the same\n",
            "test_failure CartSuite.scala:12 {shop.CartSuite.adds} \
             munit.ComparisonFailException: CartSuite.scala:12",
        );
        check(
            "[error] Test shop.CartTest.adds failed: expected:<5> but was:<4>, took 0.01 sec\n\
             [error]     at shop.CartTest.adds(CartTest.java:12)\n\
             [error] Failed: Total 1, Failed 1, Errors 0, Passed 0\n",
            "test_failure CartTest.java:12 {shop.CartTest.adds} expected:<5> but was:<4>",
        );
    }
}
