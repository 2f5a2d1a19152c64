//! Ruby: RSpec, minitest, RuboCop, Bundler.

use super::{
    At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, extent, has_extension,
    place_in,
};

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
                r"^(?P<message>An error occurred while loading (?P<file>\S+)\.)(?: - Did you mean\?)?$",
                r"|^(?P<task>.*errors? occurred outside of examples)$",
            ),
        )
        .reading(outside),
    ],
};

/// The list names the example's own line; the block above has the message.
fn example(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message = draft.failure.test.clone().unwrap_or_default();
    found.push(draft);
}

/// How many lines of its message a failed test keeps.
const MESSAGE_LINES_MAX: usize = 6;

/// Whether a line is one under which RSpec numbers examples.
fn is_heading(line: &str) -> bool {
    line.starts_with("Pending:") || line.trim_end() == "Failures:"
}

fn block(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let title = at.lines_above(8).find_map(|(distance, line)| {
        let (number, title) = line.trim().split_once(") ")?;
        let number = number.rsplit('.').next().unwrap_or(number);
        let fine = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        fine.then_some((distance, title))
    });
    let Some((above, title)) = title else { return };
    // What is pending failed as it was expected to.
    let heading = at.lines_above(LOOK_LINES_MAX).find(|(_, line)| is_heading(line));
    if heading.is_some_and(|(_, line)| line.starts_with("Pending:")) {
        return;
    }
    draft.failure.test = Some(title.to_owned());
    draft.first -= above;
    for (distance, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let told = line.trim();
        if let Some(frame) = told.strip_prefix("# ") {
            if let Some((path, row, _)) = place_in(frame)
                && path.starts_with("./")
            {
                draft.place(path, row, None);
                draft.last = at.index + distance;
                break;
            }
        } else if told.starts_with(|c: char| c.is_ascii_digit()) && told.contains(") ")
            || told.starts_with("Failed examples:")
            || told.starts_with("Finished in ")
        {
            break;
        } else if !told.is_empty() {
            draft.last = at.index + distance;
            if draft.failure.message.lines().count() < MESSAGE_LINES_MAX {
                draft.say(told);
            }
        }
    }
    found.push(draft);
}

/// RSpec could not even load the file: the failed line and the exception stand below.
fn outside(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some(sum) = draft.failure.task.take() {
        draft.failure.message = sum;
        draft.weight = Weight::Sign;
        found.push(draft);
        return;
    }
    let ends =
        |line: &str| line.starts_with("An error occurred") || line.starts_with("Run options");
    extent::while_below(at, &mut draft, |line| {
        !ends(line) && !line.starts_with("Finished in ") && !line.starts_with("No examples found")
    });
    // What was raised says more than where it was noticed; and its frames say where that is.
    let mut raised = false;
    for (_, line) in at.lines_below(extent::BLOCK_LINES_MAX) {
        let told = line.trim();
        if ends(line) {
            break;
        }
        if let Some(frame) = told.strip_prefix("# ") {
            let place = place_in(frame).filter(|(path, ..)| path.starts_with("./"));
            if let Some((path, row, _)) = place {
                draft.place(path, row, None);
                break;
            }
            continue;
        }
        if !raised && told.ends_with("Error:") && !told.contains(' ') {
            raised = true;
            draft.failure.message.clear();
        }
        if draft.failure.message.lines().count() < MESSAGE_LINES_MAX {
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
            }
            draft.last = draft.first + distance;
        } else {
            draft.last = draft.first + distance;
            if draft.failure.message.lines().count() < MESSAGE_LINES_MAX {
                draft.say(told);
            }
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
                r"^(?P<file>[^\s:]*(?:\.(?:rb|gemspec|jbuilder|podspec)|config\.ru",
                r"|(?:Gem|Rake|Fast|Danger|Guard|Vagrant|Brew)file)):(?P<line>[0-9]+):(?P<column>[0-9]+): [CWEFRI]: ",
                r"(?:\[Correct(?:ed|able)\] )?(?P<code>[A-Z]\w+(?:/\w+)+): ",
                r"(?:\[Correctable\] )?(?P<message>.+)$",
            ),
        )
        .reading(offense),
        Rule::new(
            K::Lint,
            &[".rb:\0:\0: "],
            concat!(
                r"^\s+(?P<file>[^\s:]+\.rb):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"(?P<code>[A-Z]\w+(?:/\w+)+): (?P<message>.+)$",
            ),
        ),
        Rule::new(
            K::CompileError,
            &["syntax error"],
            concat!(
                r"^(?:ruby: )?(?P<file>[^\s:]+\.rb):(?P<line>[0-9]+): ",
                r"(?P<message>syntax errors? .+)$",
            ),
        )
        .reading(extent::with_frame),
    ],
};

/// The source stands below an offense, as it is written, with carets under it.
fn offense(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const FRAME_LINES: usize = 2;
    let frame = at.lines_below(FRAME_LINES).find(|(_, line)| extent::is_pointer(line));
    if let Some((distance, _)) = frame {
        draft.last = at.index + distance;
    }
    found.push(draft);
}

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
        )
        .reading(extent::with_indented),
        Rule::new(
            K::Dependency,
            &["Gem::Ext::BuildError"],
            r"^(?P<message>Gem::Ext::BuildError: .+)$",
        )
        .reading(extension),
        Rule::new(K::Config, &["rake aborted!"], r"^(?P<message>rake aborted!)$")
            .weighing(Weight::Sign)
            .reading(aborted),
    ],
};

/// A gem's C extension that does not build; the compiler's words stand below.
fn extension(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    extent::while_below(at, &mut draft, |line| !line.starts_with("An error occurred"));
    found.push(draft);
}

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
    use crate::evidence::tests::{check, check_failed, check_lines};

    #[test]
    fn rspec_examples_have_their_message() {
        let log = "F.*\n\nPending: (Failures listed here are expected and do not affect your \
             suite's status)\n\n\
             \x20 1) A late\n     # later\n     Failure/Error: raise \"boom\"\n\n\
             \x20      boom\n     # ./spec/a_spec.rb:19:in `x'\n\nFailures:\n\n\
             \x20 1) A b\n     Failure/Error: expect(x).to eq(5)\n\n       expected: 5\n\
             \x20           got: 4\n\n       (compared using ==)\n\
             \x20    # /x/gems/r.rb:1:in `y'\n     # ./spec/a_spec.rb:12:in `z'\n\n\
             Finished in 0.01 seconds\n3 examples, 1 failure, 1 pending\n\n\
             Failed examples:\n\nrspec ./spec/a_spec.rb:11 # A b\n";
        check(log, "test_failure spec/a_spec.rb:12 {A b} expect(x).to eq(5)");
        check_lines(log, &[(14, 22)]);
        check(
            "An error occurred while loading ./spec/a_spec.rb.\nFailure/Error: require 'x'\n\n\
             LoadError:\n  cannot load such file -- x\n# ./spec/a_spec.rb:1:in `<top>'\n\
             No examples found.\n\nFinished in 0.0 seconds\n\
             0 examples, 0 failures, 1 error occurred outside of examples\n",
            "test_failure spec/a_spec.rb:1 LoadError:",
        );
        check("10 examples, 0 failures\n", "");
    }

    #[test]
    fn minitest_has_two_forms() {
        let log = "  1) Failure:\nT#test_a [test/t.rb:3]:\nExpected: 5\n  Actual: 4\n\n\
             \x20 2) Error:\nT#test_b:\nNoMethodError: x\n    /u/gems/r.rb:1:in 'f'\n\
             \x20   test/t.rb:9:in 'g'\n\n2 runs, 2 assertions, 1 failures, 1 errors, 0 skips\n";
        check(
            log,
            "test_failure test/t.rb:3 {T#test_a} Expected: 5\n\
             test_failure test/t.rb:9 {T#test_b} NoMethodError: x",
        );
        check_lines(log, &[(1, 4), (6, 10)]);
        check("2 runs, 2 assertions, 0 failures, 0 errors, 0 skips\n", "");
    }

    #[test]
    fn rubocop_is_read_with_the_source_line() {
        let log = "Inspecting 2 files\n.C\n\nOffenses:\n\n\
             a.rb:1:2: W: Lint/UselessAssignment: no\nx = 1\n ^^\n\
             Gemfile:3:1: C: [Correctable] Bundler/OrderedGems: sort them\ngem 'a'\n^^^^^^^\n\n\
             2 files inspected, 2 offenses detected, 1 offense autocorrectable\n";
        check(
            log,
            "lint a.rb:1:2 [Lint/UselessAssignment] no\n\
             lint Gemfile:3:1 [Bundler/OrderedGems] sort them",
        );
        check_lines(log, &[(6, 8), (9, 11)]);
        check(
            "standard: Use Ruby Standard Style\n\
             \x20 lib/a.rb:2:3: Layout/IndentationWidth: Use 2 (not 4) spaces.\n",
            "lint lib/a.rb:2:3 [Layout/IndentationWidth] Use 2 (not 4) spaces.",
        );
        check("Inspecting 2 files\n..\n\n2 files inspected, no offenses detected\n", "");
    }

    #[test]
    fn bundler_and_rake_say_what_is_missing() {
        check(
            "Could not find gem 'x' in rubygems repository https://rubygems.org/ or installed \
             locally.\n",
            "dependency Could not find gem 'x' in rubygems repository https://rubygems.org/ or \
             installed locally.",
        );
        check(
            "Bundler could not find compatible versions for gem \"a\":\n  In Gemfile:\n    a\n",
            "dependency Bundler could not find compatible versions for gem \"a\":",
        );
        check_failed(
            "rake aborted!\nCommand failed with status (1): [ruby test]\n",
            "config Command failed with status (1): [ruby test]",
        );
    }
}
