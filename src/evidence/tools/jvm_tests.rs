//! Tests on the JVM: Surefire and Failsafe, Gradle's report, ScalaTest.

use super::{At, Draft, FailureKind as K, Rule, Tool, place_in};

pub(super) static TESTS: Tool = Tool {
    name: "surefire",
    about: "Surefire and Failsafe, Gradle's test report, ScalaTest.",
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
            &["[ERROR]   ", "[ERROR] "],
            concat!(
                r"^\[ERROR\] +(?P<test>[A-Z]\w*(?:\$\w+)?(?:\.",
                r"|>)[\w.>$\[\]]+):(?P<line>[0-9]+)(?:->\S+)? (?P<message>.+)$",
            ),
        ),
        Rule::new(K::TestFailure, &[" FAILED"], r"^(?P<test>[A-Za-z_][\w.$]*(?: > .+?)+) FAILED$")
            .reading(gradle_test),
        Rule::new(
            K::TestFailure,
            &["*** FAILED ***"],
            r"^(?:\[info\] )?\s*-?\s*(?P<test>.+?) \*\*\* FAILED \*\*\*.*$",
        )
        .reading(scalatest),
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

fn gradle_test(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let test = draft.failure.test.clone().unwrap_or_default();
    let class = test.split(" > ").next().unwrap_or("");
    let class = class.rsplit('.').next().unwrap_or(class).to_owned();
    for (distance, line) in at.lines_below(30) {
        let told = line.trim();
        if told.is_empty() {
            break;
        }
        if distance == 1 {
            told.clone_into(&mut draft.failure.message);
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

fn scalatest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some(line) = at.below(1) {
        let told = line.trim_start_matches("[info]").trim();
        told.clone_into(&mut draft.failure.message);
        if let Some((_, place)) = told.rsplit_once('(')
            && let Some((file, row, _)) = place_in(place.trim_end_matches(')'))
        {
            draft.place(file, row, None);
        }
        draft.last += 1;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn tests_of_the_jvm_are_read() {
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
            "shop.CartTest > adds() FAILED\n    org.opentest4j.AssertionFailedError: no\n\
             \x20       at app//shop.CartTest.adds(CartTest.java:12)\n\n\
             1 test completed, 1 failed",
            "test_failure CartTest.java:12 {shop.CartTest > adds()} \
             org.opentest4j.AssertionFailedError: no",
        );
        check(
            "[info] - adds *** FAILED ***\n[info]   4 did not equal 5 (CartSpec.scala:12)",
            "test_failure CartSpec.scala:12 {adds} 4 did not equal 5 (CartSpec.scala:12)",
        );
    }
}
