//! Sphinx where warnings are errors: what it warned of failed the build.

use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "sphinx",
    about: "Sphinx with warnings treated as errors.",
    example: "\
         /home/runner/work/shop/shop/docs/index.rst:2: WARNING: Title underline too short.\n\
         build finished with problems, 1 warning (with warnings treated as errors).",
    rules: &[Rule::new(
        K::Lint,
        &["warnings treated as errors"],
        r"^build finished with problems.*\(with warnings treated as errors\)\.$",
    )
    .reading(warned)],
};

/// Before what it says of a warning's severity and behind the place.
const SEVERITIES: [&str; 3] = [": WARNING: ", ": ERROR: ", ": CRITICAL: "];

/// Every warning that stands above the sum, in order.
fn warned(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let warning_on = move |index| Draft { first: index, last: index, ..draft.clone() };
    let mut drafts: Vec<Draft> = Vec::new();
    for (distance, line) in at.lines_above(LOOK_LINES_MAX) {
        let said = SEVERITIES.iter().find_map(|severity| line.split_once(severity));
        let (place, message) = match (said, line.strip_prefix("WARNING: ")) {
            (Some(said), _) => said,
            (None, Some(message)) => ("", message),
            (None, None) => continue,
        };
        let mut warning = warning_on(at.index - distance);
        // Progress that no line feed ended may stand before the path.
        let place = place.rsplit(' ').next().unwrap_or(place);
        match place_in(place) {
            Some((path, line, _)) => warning.place(path, line, None),
            None if !place.is_empty() => warning.place(place, None, None),
            None => {}
        }
        message.trim().clone_into(&mut warning.failure.message);
        drafts.push(warning);
    }
    found.extend(drafts.into_iter().rev());
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn warnings_are_failures_only_where_they_fail_the_build() {
        let warnings = "/home/runner/work/a/a/docs/index.rst:2: WARNING: Title underline too short.\n\
                        checking consistency... /home/runner/work/a/a/docs/b.rst: WARNING: not in any toctree\n\
                        WARNING: autodoc: failed to import 'core'\n";
        check(
            &format!(
                "{warnings}build finished with problems, 3 warnings (with warnings treated as errors).\n"
            ),
            "lint docs/index.rst:2 Title underline too short.\n\
             lint docs/b.rst not in any toctree\n\
             lint autodoc: failed to import 'core'",
        );
        check(&format!("{warnings}build succeeded, 3 warnings.\n"), "");
    }
}
