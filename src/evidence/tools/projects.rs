//! Linters of whole projects: what nobody uses (knip), interfaces (buf), Ansible's playbooks, and
//! dprint, which formats what its plugins know.

use super::listed::is_bare_path;
use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, place_in};

pub(super) static TOOL: Tool = Tool {
    name: "buf",
    about: "buf's linter and its check for breaking changes, knip, ansible-lint, `dprint check`.",
    example: "\
         proto/shop/v1/cart.proto:9:1:Files with package \"shop.v1\" must be within a directory \
         \"shop/v1\" relative to root but were in directory \"proto/shop/v1\".",
    rules: &[
        // buf puts no space before its words, which nobody else leaves out.
        Rule::new(
            K::Lint,
            &[".proto:\0:\0:"],
            concat!(
                r"^(?P<file>[^\s:]+\.proto):(?P<line>[0-9]+):(?P<column>[0-9]+):",
                r"(?P<message>[A-Z][^\s:].*)$",
            ),
        ),
        Rule::new(
            K::Lint,
            &["Unused ", "Unlisted ", "Unresolved ", "Duplicate exports"],
            concat!(
                r"^(?P<message>(?:Unused (?:files|(?:dev)?[Dd]ependencies|exports",
                r"|exported (?:types|enum members|class members))|Unlisted (?:dependencies|binaries)",
                r"|Unresolved imports|Duplicate exports) \([1-9][0-9]*\))$",
            ),
        )
        .reading(knip),
        Rule::new(
            K::Lint,
            &[
                "fqcn[", "name[", "yaml[", "jinja[", "no-changed-when", "risky-", "var-naming[",
                "key-order[", "package-latest", "command-instead-of-", "schema[", "args[", "no-handler",
            ],
            concat!(
                r"^(?P<code>(?:fqcn|name|yaml|jinja|schema|args|key-order|var-naming)",
                r"\[[a-z0-9_-]+\]|no-changed-when|no-handler|package-latest|risky-[a-z-]+",
                r"|command-instead-of-(?:module|shell)): (?P<message>\S.+)$",
            ),
        )
        .reading(ansible),
        Rule::new(
            K::Format,
            &["not formatted file"],
            r"^(?P<message>Found [1-9][0-9]* not formatted files?\.)$",
        )
        .reading(dprint),
    ],
};

/// knip lists what a heading says: a file, or a name and its place.
fn knip(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let what = draft.failure.message.rsplit_once(" (").map_or("", |(what, _)| what).to_owned();
    let entries = at.lines_below(LOOK_LINES_MAX).map_while(|(distance, line)| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        let place = words.next_back().and_then(place_in);
        (place.is_some() || is_bare_path(name)).then_some((distance, name, place))
    });
    for (mut draft, (distance, name, place)) in std::iter::repeat(draft).zip(entries) {
        draft.failure.tool = Some("knip".to_owned());
        draft.failure.message = format!("{what}: {name}");
        match place {
            Some((path, line, column)) => draft.place(path, line, column),
            None => draft.path = Some(name.to_owned()),
        }
        (draft.first, draft.last) = (at.index + distance, at.index + distance);
        found.push(draft);
    }
}

/// ansible-lint says where on the next line: `tasks/main.yml:7 Task/Handler: restart`.
fn ansible(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let below = at.below(1).and_then(|line| line.split_whitespace().next());
    let Some((path, line, column)) = below.and_then(place_in) else { return };
    if !path.ends_with(".yml") && !path.ends_with(".yaml") {
        return;
    }
    draft.failure.tool = Some("ansible-lint".to_owned());
    draft.place(path, line, column);
    draft.last += 1;
    found.push(draft);
}

/// dprint shows each file's difference below `from PATH:`, and counts them at the end.
fn dprint(at: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let files = at.lines_above(LOOK_LINES_MAX).filter_map(|(distance, line)| {
        Some((distance, line.strip_prefix("from ")?.strip_suffix(':')?))
    });
    let mut listed: Vec<Draft> = std::iter::repeat(&draft)
        .zip(files)
        .map(|(draft, (distance, file))| {
            let mut draft = draft.clone();
            draft.failure.tool = Some("dprint".to_owned());
            "not formatted as dprint wants it".clone_into(&mut draft.failure.message);
            draft.path = Some(file.to_owned());
            (draft.first, draft.last) = (at.index - distance, at.index - distance);
            draft
        })
        .collect();
    if listed.is_empty() {
        listed.push(Draft { weight: Weight::Sign, ..draft });
    }
    found.extend(listed.into_iter().rev());
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn buf_names_places_without_a_space() {
        check(
            "proto/a/v1/a.proto:5:8:Import \"b.proto\" is unused.\n\
             proto/a/v1/a.proto:7:3:Previously present field \"2\" with name \"b\" on message \"A\" was \
             deleted.\n",
            "lint proto/a/v1/a.proto:5:8 Import \"b.proto\" is unused.\n\
             lint proto/a/v1/a.proto:7:3 Previously present field \"2\" with name \"b\" on message \
             \"A\" was deleted.",
        );
        check("see a.proto:5:8\n", "");
    }

    #[test]
    fn knip_lists_what_its_headings_say() {
        check(
            "Unused files (2)\nsrc/old.ts\nscripts/gone.mjs\nUnused dependencies (1)\n\
             lodash  package.json:12:6\nUnused exports (1)\ntotal  function  src/cart.ts:3:17\n",
            "lint src/old.ts Unused files: src/old.ts\n\
             lint scripts/gone.mjs Unused files: scripts/gone.mjs\n\
             lint package.json:12:6 Unused dependencies: lodash\n\
             lint src/cart.ts:3:17 Unused exports: total",
        );
        check("Unused files (2)\nnothing that is a list\n", "");
    }

    #[test]
    fn ansible_lint_has_its_place_on_the_next_line() {
        check(
            "WARNING  Listing 2 violation(s) that are fatal\n\
             fqcn[action-core]: Use FQCN for builtin module actions (command).\n\
             tasks/main.yml:7 Use `ansible.builtin.command` instead.\n\n\
             no-changed-when: Commands should not change things if nothing needs doing.\n\
             site.yml:12:3 Task/Handler: restart\n",
            "lint tasks/main.yml:7 [fqcn[action-core]] Use FQCN for builtin module actions (command).\n\
             lint site.yml:12:3 [no-changed-when] Commands should not change things if nothing needs \
             doing.",
        );
        check("name[0]: a\nmore\n", "");
    }

    #[test]
    fn dprint_shows_files_above_their_number() {
        check(
            "from /home/runner/work/a/a/src/x.ts:\n1| -const a=1\n1| +const a = 1;\n--\n\
             from /home/runner/work/a/a/y.json:\n3| -{}\n--\nFound 2 not formatted files.\n",
            "format src/x.ts not formatted as dprint wants it\n\
             format y.json not formatted as dprint wants it",
        );
    }
}
