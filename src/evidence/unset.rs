//! A credential that a step was not given: its last words name a variable and say that it has no value.
//!
//! Scripts word this themselves, so no tool's rule can know it. Only the very last line of a step that
//! nothing else explains is asked, and only names that are written like variables and name a credential
//! count: programs also say in passing that they go on without one.

use std::sync::LazyLock;

use regex::Regex;

/// The longest line that is asked; what people write of a variable is short.
const LINE_BYTES_MAX: usize = 400;

/// What `NAME` stands for: a variable that holds a credential.
const NAME: &str = concat!(
    r"(?P<name>[A-Z0-9_]*(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|ACCESS_?KEY",
    r"|PRIVATE_?KEY|SIGNING_?KEY|CREDENTIAL)S?(?:_[A-Z0-9_]+|[0-9]+)?)\b"
);

/// Ways to say that a variable has no value.
const SHAPES: [&str; 4] = [
    // Shells: `set -u`, `${NAME:?}`.
    r"(?:^|[:\s])NAME: (?:unbound variable|parameter (?:null or )?not set)\b",
    concat!(
        r#"(?:^|[\s"'`(:$])[{]?NAME["'`})]*(?: (?:environment )?variable| env(?:ironment)? var| secret)?"#,
        r" (?:(?:is|was|has) )?(?:not (?:been )?(?:set|defined|provided|given|configured)|unset|missing",
        r"|empty|undefined|required|must be (?:set|defined|provided|given))\b",
    ),
    concat!(
        r"(?i:\b(?:missing|required|undefined|unset|no value for|please set|you must set)",
        r#"(?: the)?(?: required)?(?: environment| env)?(?: variables?| vars?| secrets?)?)[:\s"'`$({]+NAME"#,
    ),
    // Python's and Ruby's look-ups.
    r#"^(?:[\w.:]*: )?(?:KeyError: |key not found: |[\w./: ]*\(KeyError\) *)["']NAME["']"#,
];

/// Words of lines that say that the program goes on.
const GOES_ON: [&str; 6] = ["warn", "skip", "optional", "ignor", "fall back", "falling back"];

/// The variable that a step's last line says is missing.
pub(super) fn credential(line: &str) -> Option<&str> {
    static COMPILED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        SHAPES.iter().filter_map(|shape| Regex::new(&shape.replace("NAME", NAME)).ok()).collect()
    });
    if line.len() > LINE_BYTES_MAX {
        return None;
    }
    let found = COMPILED.iter().find_map(|shape| shape.captures(line))?;
    let lower = line.to_ascii_lowercase();
    if GOES_ON.iter().any(|word| lower.contains(word)) {
        return None;
    }
    found.name("name").map(|name| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_can_be_compiled() {
        for shape in SHAPES {
            Regex::new(&shape.replace("NAME", NAME)).unwrap();
        }
    }

    #[test]
    fn a_credential_without_a_value_is_named() {
        for (line, name) in [
            ("TOKEN is not set", "TOKEN"),
            ("deploy.sh: line 3: NPM_TOKEN: unbound variable", "NPM_TOKEN"),
            ("sh: 3: DEPLOY_TOKEN: parameter not set", "DEPLOY_TOKEN"),
            (
                "./d.sh: line 2: AWS_SECRET_ACCESS_KEY: parameter null or not set",
                "AWS_SECRET_ACCESS_KEY",
            ),
            ("Error: Missing required environment variable: STRIPE_API_KEY", "STRIPE_API_KEY"),
            (
                "error: the environment variable `SENTRY_AUTH_TOKEN` must be set",
                "SENTRY_AUTH_TOKEN",
            ),
            ("Error: $SIGNING_KEY is empty", "SIGNING_KEY"),
            ("KeyError: 'DB_PASSWORD'", "DB_PASSWORD"),
            ("key not found: \"DB_PASSWORD\" (KeyError)", "DB_PASSWORD"),
            ("NPM_TOKEN secret was not provided", "NPM_TOKEN"),
        ] {
            assert_eq!(credential(line), Some(name), "{line}");
        }
    }

    #[test]
    fn other_lines_name_none() {
        for line in [
            "warning: SENTRY_AUTH_TOKEN is not set, skipping the upload",
            "PATH is not set",
            "TOKEN is not a number",
            "expected TOKEN before ';'",
            "error: unexpected token: EOF_TOKEN",
            "KeyError: 'token'",
            "the token is missing",
            "UNEXPECTED_TOKENIZER is broken",
            "NPM_TOKEN: ***",
        ] {
            assert_eq!(credential(line), None, "{line}");
        }
    }
}
