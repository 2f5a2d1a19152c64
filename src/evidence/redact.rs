//! Secrets taken out of text that leaves: known values in their usual encodings, and known shapes.
//!
//! Not a proof: a secret of unknown value and shape passes. The invariant: no known value of at
//! least [`SECRET_BYTES_MIN`] bytes survives, as it is, percent-encoded, JSON-escaped, hexadecimal,
//! or inside a base64 text at any of the three alignments.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::Regex;

use crate::domain::invisible::is_invisible;

/// What stands where a secret stood.
pub(super) const REDACTED: &str = "[redacted]";

/// Shorter values would blank out ordinary words.
pub(super) const SECRET_BYTES_MIN: usize = 6;

/// Takes secrets out of a text: those given, and everything in the shape of a known credential.
///
/// Lines stay lines. The text stays hostile; only its secrets are gone.
pub fn redact(text: &str, known: &[&str]) -> String {
    Redactor::of(known).redact(text).into_owned()
}

/// Known secret values, prepared; shows their number and nothing else.
#[derive(Clone, Default)]
pub(super) struct Redactor {
    known: Option<AhoCorasick>,
    forms: usize,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("forms", &self.forms).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Prepares known values.
    pub(super) fn of(known: &[&str]) -> Self {
        let mut forms: Vec<String> = Vec::new();
        for secret in known {
            // A secret of several lines is printed line by line.
            for part in secret.lines().chain([*secret]) {
                if part.len() >= SECRET_BYTES_MIN {
                    push_forms(&mut forms, part);
                }
            }
        }
        forms.sort_unstable();
        forms.dedup();
        let count = forms.len();
        let known = if forms.is_empty() {
            None
        } else {
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(forms).ok()
        };
        Self { known, forms: count }
    }

    /// Whether a known value stands in the text.
    pub(super) fn knows(&self, text: &str) -> bool {
        self.known.as_ref().is_some_and(|known| known.is_match(text))
    }

    /// The text without secrets.
    pub(super) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        if let Some(known) = &self.known
            && known.is_match(text.as_bytes())
        {
            let mut out = String::with_capacity(text.len());
            known.replace_all_with(&text, &mut out, |_, _, out| {
                out.push_str(REDACTED);
                true
            });
            text = Cow::Owned(out);
        }
        for shape in COMPILED.iter() {
            // Nearly always no shape is there, which is told without room for its groups.
            if shape.is_match(&text)
                && let Cow::Owned(redacted) = shape.replace_all(&text, REPLACEMENT)
            {
                text = Cow::Owned(redacted);
            }
        }
        text
    }
}

/// Groups `keep` and `tail` survive: what names a secret is worth reading.
const REPLACEMENT: &str = "${keep}[redacted]${tail}";

/// What `BODY` stands for in a shape: a character of an unquoted value.
const BODY: &str = r#"[^\s'"<>&;,)\[\]}]"#;

/// What `BREAK` stands for in a shape: an end of a line, and what may number or date the next.
const BREAK: &str = r"(?:[ \t\r]*\n(?:[ \t]*[0-9][0-9T:.Z-]*[ \t])?[ \t]*)+";

/// Shapes of credentials, each with what issues them.
const SHAPES: &[&str] = &[
    // Private keys in PEM, to their end; of a cut one the lines that are base64 and, at most, one
    // short line more. Numbers and time stamps may stand before the lines.
    concat!(
        r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?:",
        r"(?:[A-Za-z0-9+/=\s:,.]|-[A-Za-z0-9]|\\n)*-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----",
        r"|(?:BREAK(?:Proc-Type|DEK-Info): [^\n]{0,80})*(?:BREAK[A-Za-z0-9+/]{40,}={0,2})*",
        r"(?:BREAK[A-Za-z0-9+/]+={0,2}[ \t\r]*(?m:$))?(?:\\n[A-Za-z0-9+/]*={0,2})*)",
    ),
    r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,})", // GitHub
    r"\bgl(?:pat|ptt|rt|dt|cbt|soat|ft|imt|agent)-[A-Za-z0-9_.-]{16,}", // GitLab
    r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b",                       // AWS key ids
    r"\bsk-(?:ant-|proj-|or-|svcacct-)?[A-Za-z0-9_-]{20,}",           // model providers
    r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",                 // Stripe
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",                              // Slack
    r"https://hooks\.slack\.com/services/[A-Za-z0-9/_-]+",
    concat!(
        r"https://(?:ptb\.|canary\.)?discord",
        r"(?:app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]+",
    ),
    r"\bAIza[A-Za-z0-9_-]{35}",    // Google API keys
    r"\bya29\.[A-Za-z0-9_-]{20,}", // Google access tokens
    r"\bnpm_[A-Za-z0-9]{30,}",
    r"\bpypi-[A-Za-z0-9_-]{40,}",
    r"\bcio[A-Za-z0-9]{32}\b",                       // crates.io
    r"\bhf_[A-Za-z0-9]{30,}",                        // Hugging Face
    r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}",        // Docker Hub
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", // SendGrid
    r"\bdop_v1_[a-f0-9]{32,}",                       // DigitalOcean
    r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}",                // Vault
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", // JSON Web Tokens
    r"(?P<keep>\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@]*:)[^\s/@]+(?P<tail>@)", // in URLs
    r"(?i)(?P<keep>\bauthorization:\s*(?:basic|bearer|token|digest)\s+)BODY+",
    r"(?i)(?P<keep>\bbearer\s+)BODY{16,}",
    // Quoted values, spaces and all.
    concat!(
        r#"(?i)(?P<keep>["'][a-z0-9_.-]*(?:password|passwd|passphrase|secret|token|api_?key"#,
        r#"|credential)s?["']\s*:\s*["'])[^"'\n]{1,512}(?P<tail>["'])"#,
    ),
    // Assignments, in shells, YAML, JSON and query strings.
    concat!(
        r"(?i)(?P<keep>[a-z0-9_.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key",
        r"|access[_-]?key|private[_-]?key|client[_-]?key|credential)s?",
        r#"["']?(?:\s*=\s*|:\s*)["']?)BODY{8,}"#,
    ),
];

static COMPILED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let spelled = |shape: &&str| shape.replace("BODY", BODY).replace("BREAK", BREAK);
    SHAPES.iter().filter_map(|shape| Regex::new(&spelled(shape)).ok()).collect()
});

fn push_forms(forms: &mut Vec<String>, secret: &str) {
    forms.push(secret.to_owned());
    let percent = percent_encoded(secret);
    forms.push(lenient(&percent));
    forms.push(percent);
    forms.push(hex::encode(secret));
    forms.push(hex::encode_upper(secret));
    let quoted = serde_json::Value::from(secret).to_string();
    forms.push(quoted.trim_matches('"').to_owned());
    for shift in 0..3 {
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            forms.extend(base64_core(&engine, secret.as_bytes(), shift));
        }
    }
    forms.retain(|form| form.len() >= SECRET_BYTES_MIN);
}

/// The characters that a secret contributes to a base64 text in which `shift` bytes stand before
/// it.
///
/// Its first and last characters also depend on the neighbours and are left out.
fn base64_core(
    engine: &base64::engine::GeneralPurpose,
    secret: &[u8],
    shift: usize,
) -> Option<String> {
    let mut padded = vec![0u8; shift];
    padded.extend_from_slice(secret);
    let encoded = engine.encode(&padded);
    let first = (shift * 8).div_ceil(6);
    let last = (padded.len() * 8) / 6;
    encoded.get(first..last).map(str::to_owned).filter(|core| core.len() >= SECRET_BYTES_MIN + 2)
}

fn percent_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The same as JavaScript encodes it, which leaves some marks as they are.
fn lenient(percent: &str) -> String {
    let marks =
        [("%21", "!"), ("%27", "'"), ("%28", "("), ("%29", ")"), ("%2A", "*"), ("%7E", "~")];
    marks.iter().fold(percent.to_owned(), |text, (code, mark)| text.replace(code, mark))
}

/// Replaces characters that could mislead: controls, direction marks, invisible ones.
///
/// Line feeds and tabs stay. What is replaced shows as U+FFFD, so that a reader sees that something
/// was there.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() || is_invisible(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(redact(text, &["hunter2-hunter2"]), expected);
    }

    #[test]
    fn known_values_go_in_every_encoding() {
        check("a hunter2-hunter2 b", "a [redacted] b");
        check("hunter2-hunter2\nhunter2-hunter2", "[redacted]\n[redacted]");
        for before in ["", "a", "ab", "user:"] {
            let encoded = STANDARD.encode(format!("{before}hunter2-hunter2:tail"));
            let core = redact(&encoded, &["hunter2-hunter2"]);
            assert!(core.contains(REDACTED), "{before:?} {core}");
        }
        assert_eq!(redact("x=p%40ss%2Fword!", &["p@ss/word!"]), "x=[redacted]");
        assert_eq!(redact("{\"a\":\"q\\\"uo\\nted\"}", &["q\"uo\nted"]), "{\"a\":\"[redacted]\"}");
        assert_eq!(redact("line-one-of-it", &["line-one-of-it\nline-two-of-it"]), "[redacted]");
        assert_eq!(redact("the cat", &["cat"]), "the cat");
    }

    #[test]
    fn credentials_go_by_their_shape() {
        let pat = format!("ghp_{}", "a1B2".repeat(9));
        check(&format!("token {pat}."), "token [redacted].");
        check("postgres://me:s3cr3t@db/x", "postgres://me:[redacted]@db/x");
        check("Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted]");
        check("AWS_SECRET_ACCESS_KEY=abcd/efgh+1234", "AWS_SECRET_ACCESS_KEY=[redacted]");
        check("\"password\": \"correct horse\"", "\"password\": \"[redacted]\"");
        check("AKIAIOSFODNN7EXAMPLE", "[redacted]");
        check(
            "x -----BEGIN RSA PRIVATE KEY-----\nMIIE\nab==\n-----END RSA PRIVATE KEY----- y",
            "x [redacted] y",
        );
        check("-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted]");
    }

    #[test]
    fn a_cut_key_takes_no_lines_but_its_own() {
        let begin = "-----BEGIN RSA PRIVATE KEY-----";
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
        for (key, after) in [
            (format!("{begin}\n{line}\n{line}\nMIIE="), "\nrunning 3 tests"),
            (format!("{begin}\n{line}"), "\nerror: the key was not read, see above"),
            (format!("{begin}\nProc-Type: 4,ENCRYPTED\n\n{line}"), "\nnot (yet) done"),
            (format!("    12 {begin}\n    13 {line}"), "\n    14 test failed: no key"),
            (format!("{begin}\\n{line}\\nMIIE"), "\", and more"),
            (begin.to_owned(), "\ncould not read it"),
        ] {
            let lead = key.find(begin).unwrap_or(0);
            check(&format!("{key}{after}"), &format!("{}[redacted]{after}", &key[..lead]));
        }
        let two = format!("{begin}\n{line}\nno end of it\n{begin}\n{line}\n");
        check(&two, "[redacted]\nno end of it\n[redacted]\n");
        let stamped = "2026-02-03T11:23:33.6171445Z ";
        check(
            &format!("{begin}\n{stamped}{line}\n{stamped}-----END RSA PRIVATE KEY-----\nok"),
            "[redacted]\nok",
        );
    }

    #[test]
    fn every_shape_is_looked_for() {
        assert_eq!(COMPILED.len(), SHAPES.len());
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "error[E0308]: mismatched types",
            "expected token `;`",
            "SyntaxError: Unexpected token '}'",
            "no such secret",
            "https://example.com/a:b/c",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn hidden_characters_show() {
        assert_eq!(harmless("a\u{202e}b\u{0}c\td\n"), "a\u{fffd}b\u{fffd}c\td\n");
    }

    #[test]
    fn a_redactor_does_not_show_its_secrets() {
        assert!(!format!("{:?}", Redactor::of(&["hunter2-hunter2"])).contains("hunter2"));
    }
}
