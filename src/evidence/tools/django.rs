//! Django's own commands: its system check, and migrations that were not made.

use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight};

pub(super) static TOOL: Tool = Tool {
    name: "django",
    about: "Django's system check, and models whose migrations were not made.",
    example: "\
         ERRORS:\nshop.Item.tags: (fields.E300) Field defines a relation with model 'Tag', which is \
         either not installed, or is abstract.",
    rules: &[
        Rule::new(
            K::Config,
            &[".E0", ".E1", ".E2", ".E3", ".E4", ".E5", ".E6", ".E7", ".E8", ".E9"],
            r"^(?P<test>[?\w.]+): \((?P<code>\w+\.E[0-9]{3})\) (?P<message>.+)$",
        )
        .beside(&[": ("])
        .reading(check_message),
        Rule::new(K::Config, &["Migrations for '"], r"^Migrations for '(?P<task>\w+)':$")
            .weighing(Weight::Guess)
            .reading(migration),
    ],
};

/// What is checked stands before the colon: a model or a setting, no test.
fn check_message(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if let Some(object) = draft.failure.test.take().filter(|object| object != "?") {
        draft.failure.message = format!("{object}: {}", draft.failure.message);
    }
    found.push(draft);
}

/// `makemigrations --check` lists what it would write, and fails; without it the same words tell what
/// was written, which judgement knows by the step that passed.
fn migration(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let Some(path) = at.below(1).map(str::trim).filter(|path| path.ends_with(".py")) else {
        return;
    };
    draft.place(path, None, None);
    let changes = at.lines_below(LOOK_LINES_MAX).skip(1).map(|(_, line)| line.trim());
    let changes: Vec<&str> = changes.take_while(|line| line.starts_with(['+', '-', '~'])).collect();
    draft.failure.message = format!("migrations are missing: {}", changes.join(", "));
    draft.last = at.index + 1 + changes.len();
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed};

    #[test]
    fn the_system_check_tells_each_error() {
        check(
            "SystemCheckError: System check identified some issues:\n\nERRORS:\n\
             shop.Item.tags: (fields.E300) Field defines a relation with model 'Tag'.\n\
             ?: (security.E100) No secret.\n\nWARNINGS:\n\
             shop.Item: (models.W042) Auto-created primary key used.\n",
            "config [fields.E300] shop.Item.tags: Field defines a relation with model 'Tag'.\n\
             config [security.E100] No secret.",
        );
    }

    #[test]
    fn migrations_are_missing_only_where_the_step_failed() {
        let told =
            "Migrations for 'shop':\n  shop/migrations/0001_initial.py\n    + Create model Item\n";
        check_failed(
            told,
            "config shop/migrations/0001_initial.py migrations are missing: + Create model Item",
        );
        check(told, "");
    }
}
