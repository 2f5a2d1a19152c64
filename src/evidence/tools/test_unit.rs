//! test-unit, Ruby's other test framework, as it reports by itself since its version 2.

use super::{
    At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, has_extension, is_own, place_in,
};

/// How many lines of what it says of a failed test are kept.
const MESSAGE_LINES_MAX: usize = 6;

pub(super) static TOOL: Tool = Tool {
    name: "test-unit",
    about: "test-unit's own report: one failure a test.",
    example: "\
         Failure: test_adds(CartTest)\n\
         /home/runner/work/shop/shop/test/cart_test.rb:12:in `test_adds'\n\
         <5> expected but was\n<4>\n\n======\n",
    rules: &[Rule::new(
        K::TestFailure,
        &["Failure: test", "Error: test"],
        r"^(?:Failure|Error): (?P<test>test(?:_|: )[^()]*\([A-Z][^()]*\)):?$",
    )
    .reading(report)],
};

/// Frames, the code around the last one, and what was wanted stand below, up to a line of signs.
fn report(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.message.clear();
    for (distance, line) in at.lines_below(LOOK_LINES_MAX) {
        let told = line.trim();
        if line.starts_with("=====") || line.starts_with("-----") || told == "diff:" {
            break;
        }
        draft.last = draft.first + distance;
        let frame = place_in(told).filter(|(path, ..)| has_extension(path, "rb"));
        let row = told.trim_start_matches("=> ").split_once(':').map(|(row, _)| row.trim());
        if let Some((path, row, _)) = frame {
            if draft.path.is_none() && is_own(path) && !path.contains("/gems/") {
                draft.place(path, row, None);
            }
        } else if !told.is_empty()
            && row.is_none_or(|row| row.parse::<u32>().is_err())
            && draft.failure.message.lines().count() < MESSAGE_LINES_MAX
        {
            draft.say(told);
        }
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn failures_and_errors_are_read_with_their_place() {
        check(
            "===============================================================================\n\
             Error: test: nil input(SlugTest):\n  NoMethodError: undefined method `downcase' for nil\n\
             /home/runner/work/shop/shop/test/slug_test.rb:4:in `slug'\n\
             /usr/lib/ruby/gems/3.1.0/gems/test-unit/x.rb:9:in `run'\n\
             \x20     1: require \"test/unit\"\n  =>  4:     s.downcase\n\
             ===============================================================================\n\
             F\n===============================================================================\n\
             Failure: test_accents(SlugTest::Unicode)\n\
             /home/runner/work/shop/shop/test/slug_test.rb:8:in `block in <class:SlugTest>'\n\
             \x20     5: \n  =>  8:       assert_equal(\"creme\", slug(\"Crème\"))\n\
             <\"creme\"> expected but was\n<\"crème\">\n\ndiff:\n? cre me\n\
             ===============================================================================\n\
             4 tests, 3 assertions, 1 failures, 1 errors, 0 pendings\n",
            "test_failure test/slug_test.rb:4 {test: nil input(SlugTest)} NoMethodError: undefined \
             method `downcase' for nil\n\
             test_failure test/slug_test.rb:8 {test_accents(SlugTest::Unicode)} <\"creme\"> expected \
             but was",
        );
    }
}
