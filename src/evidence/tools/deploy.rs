//! What is built and run in containers and clouds: Docker, compose, Helm, kubectl, Terraform.

use super::listed::{is_bare_path, is_listed_by};
use super::{
    At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool, Weight, between, extent, place_in,
};

pub(super) static CONTAINERS: Tool = Tool {
    name: "docker",
    about: "Docker and BuildKit, compose.",
    example: "\
         ERROR: failed to solve: process \"/bin/sh -c npm run build\" did not complete \
         successfully: exit code: 1",
    rules: &[
        Rule::new(
            K::Config,
            &["failed to solve: "],
            concat!(
                r"^(?:ERROR: |error: |target \S+: )*(?:failed to build: )?",
                r"(?P<message>failed to solve: .+)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(solve),
        Rule::new(
            K::Config,
            &["ockerfile parse error"],
            concat!(
                r"^(?:Error response from daemon: )?(?P<message>[Dd]ockerfile parse error",
                r"(?: on)? line (?P<line>[0-9]+): .+)$",
            ),
        )
        .reading(dockerfile),
        Rule::new(
            K::Dependency,
            &["manifest for ", "pull access denied for", "manifest unknown"],
            concat!(
                r"^(?:ERROR: |Error: )?(?:Error response from daemon: )?(?:\S+ Error )?",
                r"(?P<message>(?:manifest for \S+ not found|pull access denied for",
                r"|manifest unknown).*)$",
            ),
        ),
        Rule::new(
            K::Infrastructure,
            &["Cannot connect to the Docker daemon"],
            r"^(?:ERROR: |error .*: )?(?P<message>Cannot connect to the Docker daemon.*)$",
        ),
        Rule::new(
            K::Config,
            &["validating ", "compose.y", "refers to undefined ", "depends on undefined "],
            concat!(
                r"^(?:ERROR: )?(?P<message>(?:validating (?P<file>\S+): .+",
                r"|service \x22[^\x22]+\x22 (?:refers to|depends on) undefined .+",
                r"|(?:yaml|parsing) .*compose\.ya?ml: .+))$",
            ),
        ),
        Rule::new(
            K::Unknown,
            &["dependency failed to start", "is unhealthy", "Error response from daemon: "],
            concat!(
                r"^(?:docker: )?(?P<message>dependency failed to start: .+",
                r"|container \S+ is unhealthy|Error response from daemon: .+)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(daemon),
        Rule::new(
            K::Unknown,
            &["returned a non-zero code: ", "failed to build : "],
            concat!(
                r"^(?P<message>The command '.+' returned a non-zero code: [0-9]+",
                r"|Service '.+' failed to build : .+)$",
            ),
        )
        .weighing(Weight::Consequence),
    ],
};

/// What the daemon could not reach is the network's, which has a rule of its own.
fn daemon(_: &At<'_>, draft: Draft, found: &mut Vec<Draft>) {
    let is_unreached =
        ["TLS handshake timeout", "i/o timeout", "request canceled", "toomanyrequests"]
            .iter()
            .any(|words| draft.failure.message.contains(words));
    if !is_unreached {
        found.push(draft);
    }
}

/// BuildKit shows the line of the Dockerfile in a box above.
fn solve(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = draft.failure.message.clone();
    if message.contains("did not complete successfully") || message.contains("exit code:") {
        draft.weight = Weight::Consequence;
        draft.failure.kind = K::Unknown;
    } else if message.contains("failed to resolve source metadata")
        || message.contains("not found") && !message.contains("cache key")
    {
        draft.failure.kind = K::Dependency;
    }
    if let Some((_, rest)) = message.split_once("parse error on line ") {
        draft.place("Dockerfile", rest.split(':').next().and_then(|n| n.parse().ok()), None);
        draft.weight = Weight::Cause;
    }
    let named = at.lines_above(extent::BLOCK_LINES_MAX).find_map(|(distance, line)| {
        let ruled = at.above(distance - 1).is_some_and(|rule| rule.starts_with("-----"));
        let (path, row, _) = place_in(line).filter(|_| ruled && !line.contains(' '))?;
        Some((distance, path, row))
    });
    if let Some((distance, path, row)) = named {
        draft.place(path, row, None);
        draft.first = at.index - distance;
    }
    found.push(draft);
}

fn dockerfile(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.path = Some("Dockerfile".to_owned());
    found.push(draft);
}

pub(super) static CLOUD: Tool = Tool {
    name: "terraform",
    about: "Terraform and OpenTofu, Helm, kubectl, kubeconform.",
    example: "\
         ╷\n│ Error: Unsupported argument\n│ \n│   on main.tf line 12, in resource \
         \"aws_s3_bucket\" \"shop\":\n│   12:   total = 1\n│ \n\
         │ An argument named \"total\" is not expected here.\n╵",
    rules: &[
        Rule::new(
            K::Config,
            &["Error: ", "[ERROR] "],
            concat!(
                r"^(?:Error: |\[ERROR\] (?:\S+: )?)",
                r"(?P<message>(?:(?:INSTALLATION|UPGRADE) FAILED: ",
                r"|template: |parse error at \(|YAML parse error on |[0-9]+ chart\(s\) linted, [1-9][0-9]* chart",
                r"|unable to build kubernetes objects).*)$",
            ),
        )
        .reading(helm),
        Rule::new(
            K::Config,
            &["error validating ", "Error from server ", "unable to recognize "],
            concat!(
                r"^(?P<message>error: (?:error validating|unable to recognize) .+",
                r"|Error from server \([A-Za-z]+\): .+)$",
            ),
        )
        .weighing(Weight::Sign),
        Rule::new(
            K::Config,
            &[" is invalid: ", " failed validation: "],
            concat!(
                r"^(?P<file>\S+\.(?:ya?ml|json)) - (?P<message>\S+ \S+ ",
                r"(?:is invalid|failed validation): .+)$",
            ),
        ),
        Rule::new(K::Lint, &["issue(s) found:"], r"^[1-9][0-9]* issue\(s\) found:$")
            .reading(tflint),
        Rule::new(K::Format, &["--- old/"], r"^--- old/(?P<file>\S+\.(?:tf|tfvars|hcl))$")
            .reading(unformatted),
        Rule::new(K::Format, &[".tf\n", ".tfvars\n"], r"^(?P<file>[^\s:]+\.(?:tf|tfvars))$")
            .reading(listed_as_unformatted),
        Rule::new(K::Config, &["Error: "], r"^(?:(?:│|╷) ?)?Error: (?P<message>\S.*)$")
            .weighing(Weight::Sign)
            .reading(terraform),
    ],
};

/// Helm names the template's file within the chart, and the line.
fn helm(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let message = draft.failure.message.clone();
    let named = ["template: ", "parse error at ("].iter().find_map(|at| message.split_once(at));
    if let Some((_, place)) = named
        && let Some((path, row, column)) = place_in(place)
        && !path.contains(' ')
    {
        draft.place(path, row, column);
    }
    if message.contains("chart(s) linted") {
        draft.weight = Weight::Consequence;
    }
    found.push(draft);
}

fn unformatted(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    "not formatted as terraform fmt wants it".clone_into(&mut draft.failure.message);
    extent::while_below(at, &mut draft, |line| line.starts_with(['+', '-', ' ', '@']));
    found.push(draft);
}

/// `terraform fmt -check` prints the names of files, and nothing else.
fn listed_as_unformatted(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let mut tools = ["terraform fmt", "tofu fmt", "terragrunt fmt"].into_iter();
    if is_bare_path(at.text()) && tools.any(|tool| is_listed_by(at, &[tool, "-check"])) {
        "not formatted as terraform fmt wants it".clone_into(&mut draft.failure.message);
        found.push(draft);
    }
}

/// Whether a message ends in a rule's name, as tflint's do: `… (aws_instance_invalid_type)`.
fn is_tflint(message: &str) -> bool {
    let rule = message.strip_suffix(')').and_then(|told| told.rsplit_once(" ("));
    rule.is_some_and(|(_, rule)| {
        rule.contains('_') && rule.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    })
}

/// tflint fails for whatever it finds: `Warning: message (rule)`, then `on FILE line N:`.
fn tflint(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    draft.failure.tool = Some("tflint".to_owned());
    for (distance, line) in at.lines_below(LOOK_LINES_MAX) {
        let said = ["Error: ", "Warning: ", "Notice: "].iter().find_map(|w| line.strip_prefix(w));
        let Some((message, rule)) = said.and_then(|said| said.strip_suffix(')')?.rsplit_once(" ("))
        else {
            continue;
        };
        let mut issue = draft.clone();
        message.clone_into(&mut issue.failure.message);
        issue.failure.code = Some(rule.to_owned());
        (issue.first, issue.last) = (at.index + distance, at.index + distance);
        let place = at.below(distance + 2).and_then(|place| {
            place.trim().strip_prefix("on ")?.trim_end_matches(':').rsplit_once(" line ")
        });
        if let Some((file, row)) = place {
            issue.place(file, row.parse().ok(), None);
            issue.last += 2;
        }
        found.push(issue);
    }
}

/// Words with which Terraform's errors begin that name no place.
const TERRAFORM_WORDS: [&str; 18] = [
    "Invalid",
    "Unsupported",
    "Missing",
    "Reference to",
    "Inconsistent",
    "Unexpected",
    "Argument",
    "Duplicate",
    "Failed to query",
    "Failed to install",
    "Failed to load",
    "Module not",
    "creating",
    "reading",
    "updating",
    "deleting",
    "Error",
    "Backend",
];

/// Terraform draws a box; without colour, only the words `on FILE line N` tell it apart.
fn terraform(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    const PLACE_LINES_MAX: usize = 8;
    let bare = |line: &str| line.trim().trim_start_matches(['│', '╷', '╵']).trim().to_owned();
    let boxed = at.above(1).is_some_and(|line| line.trim() == "╷");
    let place = at.lines_below(PLACE_LINES_MAX).find_map(|(distance, line)| {
        let told = bare(line);
        let file = between(&told, "on ", " line ")?.to_owned();
        let row = told.rsplit_once(" line ")?.1.split([',', ':']).next()?.parse().ok()?;
        let fine = file.contains('.') && !file.contains(' ');
        (fine && told.starts_with("on ")).then_some((distance, file, row))
    });
    let known = TERRAFORM_WORDS.iter().any(|word| draft.failure.message.starts_with(word));
    if !boxed && (place.is_none() && !known || is_tflint(&draft.failure.message)) {
        return;
    }
    // A downloaded module fails for what is asked of it, or for what the cloud answers.
    let foreign = place.as_ref().is_some_and(|(_, file, _)| file.starts_with(".terraform/"));
    if (boxed || place.is_some()) && !foreign {
        draft.weight = Weight::Cause;
    }
    if boxed {
        extent::while_below(at, &mut draft, |line| line.trim() != "╵");
    }
    if let Some((distance, file, row)) = place {
        draft.place(&file, Some(row), None);
        draft.last = draft.last.max(at.index + distance);
    }
    let message = &draft.failure.message;
    if message.starts_with("Failed to query") || message.starts_with("Failed to install") {
        draft.failure.kind = K::Dependency;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed, check_lines};

    #[test]
    fn container_builds_name_the_line_when_nothing_else_is_known() {
        let log = "#12 ERROR: process \"/bin/sh -c ./go\" did not complete successfully: exit \
             code: 3\n------\n > [4/6] RUN ./go:\n0.51 starting\n------\nDockerfile:12\n\
             --------------------\n  11 |     COPY . .\n  12 | >>> RUN ./go\n\
             --------------------\nERROR: failed to solve: process \"/bin/sh -c ./go\" did not \
             complete successfully: exit code: 3\n";
        check_failed(
            log,
            "unknown Dockerfile:12 failed to solve: process \"/bin/sh -c ./go\" did not complete \
             successfully: exit code: 3",
        );
        check_lines(log, &[(6, 11)]);
        check(
            "ERROR: failed to solve: dockerfile parse error on line 3: unknown instruction: FORM \
             (did you mean FROM?)\n",
            "config Dockerfile:3 failed to solve: dockerfile parse error on line 3: unknown \
             instruction: FORM (did you mean FROM?)",
        );
        check(
            "Error response from daemon: manifest for shop:9 not found: manifest unknown\n",
            "dependency manifest for shop:9 not found: manifest unknown",
        );
        check(
            "service \"web\" refers to undefined volume data: invalid compose project\n",
            "config service \"web\" refers to undefined volume data: invalid compose project",
        );
        check("Successfully built 0a1b2c3d\nSuccessfully tagged shop:1\n", "");
    }

    #[test]
    fn files_that_terraform_fmt_lists_are_read_below_its_command_alone() {
        let listed = "main.tf\nmodules/a/vars.tfvars\n";
        let both = "format main.tf not formatted as terraform fmt wants it\n\
             format modules/a/vars.tfvars not formatted as terraform fmt wants it";
        check(&format!("$ terraform fmt -check -recursive\n{listed}ERROR: Job failed\n"), both);
        check(&format!("+ tofu fmt -check\n{listed}"), both);
        let stamp = "2026-08-07T06:03:50.1234567Z ";
        let echo = "##[group]Run terraform fmt -check\n\u{1b}[36;1mterraform fmt -check\u{1b}[0m\n\
             shell: /usr/bin/bash -e {0}\nenv:\n  TF_IN_AUTOMATION: 1\n##[endgroup]\n";
        let end = "##[error]Process completed with exit code 3.";
        let log = format!("{echo}{listed}{end}");
        let log: Vec<String> = log.lines().map(|line| format!("{stamp}{line}")).collect();
        check(&log.join("\n"), both);
        check(&format!("$ ls\n{listed}"), "");
        check(&format!("$ terraform fmt\n{listed}"), "");
        check(&format!("$ terraform fmt -check\nInitializing...\n{listed}"), "");
    }

    #[test]
    fn terraform_is_read_boxed_and_bare() {
        let boxed = "Planning failed.\n╷\n│ Error: Unsupported argument\n│ \n\
             │   on main.tf line 12, in resource \"a\" \"b\":\n│   12:   x = 1\n│ \n\
             │ An argument named \"x\" is not expected here.\n╵\nExit 1\n";
        check(boxed, "config main.tf:12 Unsupported argument");
        check_lines(boxed, &[(3, 8)]);
        check(
            "\nError: Reference to undeclared resource\n\n  on main.tf line 3, in output \"a\":\n\
             \x20  3:   value = x.y\n\nA managed resource has not been declared.\n",
            "config main.tf:3 Reference to undeclared resource",
        );
        check(
            "╷\n│ Error: Failed to query available provider packages\n│ \n\
             │ Could not retrieve the list of available versions for provider x/y\n╵\n",
            "dependency Failed to query available provider packages",
        );
        check("Apply complete! Resources: 1 added, 0 changed, 0 destroyed.\n", "");
    }

    #[test]
    fn tflints_issues_are_read() {
        check(
            "2 issue(s) found:\n\nWarning: variable \"x\" is declared but not used \
             (terraform_unused_declarations)\n\n  on variables.tf line 1:\n\
             \x20  1: variable \"x\" {\n\n\
             Error: \"t9.nano\" is an invalid value (aws_instance_invalid_type)\n\n\
             \x20 on main.tf line 12:\n  12:   type = \"t9.nano\"\n",
            "lint variables.tf:1 [terraform_unused_declarations] variable \"x\" is declared but \
             not used\nlint main.tf:12 [aws_instance_invalid_type] \"t9.nano\" is an invalid value",
        );
    }

    #[test]
    fn helm_names_the_template() {
        check(
            "Error: INSTALLATION FAILED: template: shop/templates/a.yaml:12:20: executing \
             \"a\" at <.Values.x.y>: nil pointer evaluating interface {}.y\n",
            "config shop/templates/a.yaml:12:20 INSTALLATION FAILED: template: \
             shop/templates/a.yaml:12:20: executing \"a\" at <.Values.x.y>: nil pointer \
             evaluating interface {}.y",
        );
        check(
            "==> Linting charts/shop\n[INFO] Chart.yaml: icon is recommended\n[ERROR] templates/: parse \
             error at (shop/templates/deploy.yaml:12): unexpected \"}\" in operand\n\n\
             Error: 1 chart(s) linted, 1 chart(s) failed\n",
            "config shop/templates/deploy.yaml:12 parse error at (shop/templates/deploy.yaml:12): \
             unexpected \"}\" in operand",
        );
        check(
            "k8s/deploy.yaml - Deployment shop is invalid: problem validating schema.\n\
             Summary: 3 resources found in 2 files - Valid: 2, Invalid: 1, Errors: 0, Skipped: 0\n",
            "config k8s/deploy.yaml Deployment shop is invalid: problem validating schema.",
        );
    }
}
