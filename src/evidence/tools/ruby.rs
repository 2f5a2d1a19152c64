//! Ruby: RSpec, minitest, RuboCop, Bundler.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight, has_extension, place_in};

pub(super) static RSPEC: Tool = Tool {
    name: "rspec",
    about: "RSpec: the blocks and the list of failed examples.",
    example: "\
         \x20 1) Cart adds\n     Failure/Error: expect(total).to eq(5)\n\n       expected: 5\n\
         \x20           got: 4\n\
         \x20    # ./spec/cart_spec.rb:12:in `block (2 levels) in <top (required)>'\n\n\
         Failed examples:\n\nrspec ./spec/cart_spec.rb:11 # Cart adds",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["rspec "],
            concat!(
                r#"^rspec ['"]?(?P<file>\.?/?[^\s:\['"]+)(?::(?P<line>[0-9]+)"#,
                r#"|\[[0-9:,]+\])['"]? # (?P<test>.+)$"#,
            ),
        )
        .reading(example),
        Rule::new(K::TestFailure, &["Failure/Error: "], r"^\s+Failure/Error: (?P<message>.+)$")
            .reading(block),
        Rule::new(
            K::TestFailure,
            &["occurred outside of examples", "An error occurred while loading "],
            concat!(
                r"^(?P<message>An error occurred while loading (?P<file>\S+)\.",
                r"|.*errors? occurred outside of examples)$",
            ),
        ),
    ],
};

/// The list names the example's own line; the block above has the message.
fn example(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message = draft.failure.test.clone().unwrap_or_default();
    found.push(draft);
}

fn block(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let title = at.lines_above(8).find_map(|(distance, line)| {
        let (number, title) = line.trim().split_once(") ")?;
        let fine = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        fine.then_some((distance, title))
    });
    let Some((above, title)) = title else { return };
    draft.failure.test = Some(title.to_owned());
    draft.first -= above;
    for (distance, line) in at.lines_below(40) {
        let told = line.trim();
        if let Some(frame) = told.strip_prefix("# ") {
            if let Some((path, row, _)) = place_in(frame)
                && path.starts_with("./")
            {
                draft.place(path, row, None);
                draft.last = at.index + distance;
                break;
            }
        } else if told.starts_with(|c: char| c.is_ascii_digit()) && told.contains(") ") {
            break;
        } else if draft.failure.message.lines().count() < 6 {
            draft.say(told);
        }
    }
    found.push(draft);
}

pub(super) static MINITEST: Tool = Tool {
    name: "minitest",
    about: "minitest and test-unit, also as Rails prints them.",
    example: "\
         \x20 1) Failure:\n\
         CartTest#test_adds [/home/runner/work/shop/shop/test/cart_test.rb:12]:\nExpected: 5\n\
         \x20 Actual: 4",
    rules: &[
        Rule::new(
            K::TestFailure,
            &["Failure:", "Error:"],
            r"^\s*(?:[0-9]+\) )?(?P<message>Failure|Error):$",
        )
        .reading(minitest),
        Rule::new(
            K::TestFailure,
            &["FAIL", "ERROR"],
            concat!(
                r"^\s*(?:FAIL|ERROR)\s+(?:\([0-9.]+s\)\s+)?(?P<test>test_\S.*?)",
                r"(?: \([0-9.]+s\))?$|^\s*(?P<message>test_\S.*?)\s+(?:FAIL",
                r"|ERROR) \([0-9.]+s\)$",
            ),
        )
        .reading(reporter),
    ],
};

fn minitest(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(head) = at.below(1) else { return };
    let head = head.trim().trim_end_matches(':');
    let (test, place) = match head.split_once(" [") {
        Some((test, place)) => (test, place_in(place.trim_end_matches(']'))),
        None => (head, None),
    };
    if !(test.contains('#') || test.contains('(')) || test.len() < 4 {
        return;
    }
    draft.failure.test = Some(test.to_owned());
    if let Some((path, row, _)) = place {
        draft.place(path, row, None);
    }
    draft.failure.message.clear();
    draft.last += 1;
    for (distance, line) in at.lines_below(24).skip(1) {
        let told = line.trim();
        if told.is_empty() {
            break;
        }
        let frame =
            place_in(told).filter(|(path, ..)| has_extension(path, "rb") && !path.contains(' '));
        if let Some((path, row, _)) = frame {
            if draft.path.is_none() && !path.contains("/gems/") && !path.contains("/lib/ruby/") {
                draft.place(path, row, None);
                draft.last = draft.first + distance;
            }
        } else if draft.failure.message.lines().count() < 6 {
            draft.say(told);
            draft.last = draft.first + distance;
        }
    }
    found.push(draft);
}

/// The progress reporters' form: the message and its place below the name.
fn reporter(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if draft.failure.test.is_none() {
        draft.failure.test = Some(std::mem::take(&mut draft.failure.message));
    }
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(12) {
        let told = line.trim();
        if told.is_empty() {
            break;
        }
        let frame = told.trim_start_matches("at ").trim_start_matches('[');
        if let Some((path, row, _)) = place_in(frame).filter(|(path, ..)| has_extension(path, "rb"))
        {
            let gem = path.contains("/gems/") || path.contains("/lib/ruby/");
            if !gem && !path.contains(' ') {
                draft.place(path, row, None);
                draft.last = draft.first + distance;
                break;
            }
        } else if draft.failure.message.is_empty() {
            told.clone_into(&mut draft.failure.message);
            draft.last = draft.first + distance;
        }
    }
    if !draft.failure.message.is_empty() {
        found.push(draft);
    }
}

pub(super) static RUBOCOP: Tool = Tool {
    name: "rubocop",
    about: "RuboCop and Standard, of every severity, and Ruby's own syntax errors.",
    example: "\
         lib/cart.rb:12:5: C: [Correctable] Layout/IndentationWidth: Use 2 (not 4) spaces for \
         indentation.",
    rules: &[
        Rule::new(
            K::Lint,
            &[": C: ", ": W: ", ": E: ", ": F: ", ": R: ", ": I: "],
            concat!(
                r"^(?P<file>[^\s:]+):(?P<line>[0-9]+):(?P<column>[0-9]+): [CWEFRI]: ",
                r"(?:\[Correct(?:ed|able)\] )?(?P<code>[A-Z]\w+(?:/\w+)+): ",
                r"(?:\[Correctable\] )?(?P<message>.+)$",
            ),
        ),
        Rule::new(
            K::CompileError,
            &["syntax error"],
            r"^(?:ruby: )?(?P<file>[^\s:]+\.rb):(?P<line>[0-9]+): (?P<message>syntax errors? .+)$",
        ),
    ],
};

pub(super) static BUNDLER: Tool = Tool {
    name: "bundler",
    about: "Bundler and Rake: gems that cannot be found or agreed on, tasks that abort.",
    example: "Could not find gem 'shop-core (~> 9.9)' in rubygems repository or installed locally.",
    rules: &[
        Rule::new(
            K::Dependency,
            &[
                "Could not find gem",
                "Could not find compatible",
                "Bundler could not find",
                "Because every version",
                "You are trying to install in deployment",
                "Your bundle only supports",
                "The gemspec",
                "The dependencies in your gemfile changed",
                "Your Ruby version is",
                "An error occurred while installing",
                "Bundler::GemNotFound",
                "lockfile can't be updated",
            ],
            concat!(
                r"^\s*(?P<message>(?:Could not find (?:gem|compatible)|Bundler could not find",
                r"|Because every version|You are trying to install in deployment",
                r"|Your bundle only supports|The gemspecs? for",
                r"|The dependencies in your gemfile changed|Your Ruby version is",
                r"|An error occurred while installing|.*Bundler::GemNotFound",
                r"|.*lockfile can't be updated).*)$",
            ),
        ),
        Rule::new(K::Config, &["rake aborted!"], r"^(?P<message>rake aborted!)$")
            .weighing(Weight::Sign)
            .reading(aborted),
    ],
};

/// What made Rake stop, unless it is only the exit code of what it ran.
fn aborted(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let said = at.lines_below(3).find(|(_, line)| !line.trim().is_empty());
    if let Some((distance, line)) = said {
        line.trim().clone_into(&mut draft.failure.message);
        draft.last = draft.first + distance;
    }
    if draft.failure.message.starts_with("Command failed") {
        draft.weight = Weight::Consequence;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn rspec_examples_have_their_message() {
        check(
            "  1) A b\n     Failure/Error: expect(x).to eq(5)\n\n       expected: 5\n\
             \x20    # /x/gems/r.rb:1:in `y'\n     # ./spec/a_spec.rb:12:in `z'\n\n\
             Failed examples:\n\nrspec ./spec/a_spec.rb:11 # A b",
            "test_failure spec/a_spec.rb:12 {A b} expect(x).to eq(5)",
        );
    }

    #[test]
    fn minitest_has_two_forms() {
        check(
            "  1) Failure:\nT#test_a [test/t.rb:3]:\nno\n\n  2) Error:\nT#test_b:\n\
             NoMethodError: x\n    /u/gems/r.rb:1:in 'f'\n    test/t.rb:9:in 'g'\n",
            "test_failure test/t.rb:3 {T#test_a} no\n\
             test_failure test/t.rb:9 {T#test_b} NoMethodError: x",
        );
    }

    #[test]
    fn rubocop_and_bundler_are_read() {
        check(
            "a.rb:1:2: W: Lint/UselessAssignment: no",
            "lint a.rb:1:2 [Lint/UselessAssignment] no",
        );
        check(
            "Could not find gem 'x' in rubygems",
            "dependency Could not find gem 'x' in rubygems",
        );
    }
}
