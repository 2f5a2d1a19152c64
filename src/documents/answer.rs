//! What an agent may end its answer with when it has to ask people: parsed leniently, checked
//! strictly. An answer that asks nothing needs no form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::analysis::last_object;
use crate::domain::feedback;

/// The end of an answer that asks people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Questions {
    /// What people have to be asked, one question each.
    questions: Vec<String>,
}

/// What an answer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// It says what it says.
    Plain,
    /// It asks people.
    Asks(Vec<String>),
    /// It tries to ask, and what is wrong with how it does.
    Malformed(String),
}

/// What an answer comes to, where so many questions may be asked.
pub fn answered(words: &str, questions_max: u8) -> Answered {
    let is_about_it = |value: &serde_json::Value| value.get("questions").is_some();
    let Some(value) = last_object(words).filter(is_about_it) else { return Answered::Plain };
    if questions_max == 0 {
        return Answered::Plain;
    }
    let read = serde_json::from_value::<Questions>(value).map_err(|error| error.to_string());
    let checked = read.and_then(|asked| {
        if asked.questions.len() > usize::from(questions_max) {
            return Err(format!("at most {questions_max} questions may be asked"));
        }
        feedback::checked(&asked.questions).map(|()| asked.questions)
    });
    match checked {
        Ok(questions) => Answered::Asks(questions),
        Err(why) => Answered::Malformed(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_asks_when_it_ends_with_questions() {
        let asks = |words: &str, expected: &[&str]| {
            let questions = expected.iter().map(|one| (*one).to_owned()).collect();
            assert_eq!(answered(words, 2), Answered::Asks(questions), "{words}");
        };
        asks(r#"{"questions": ["Which name?"]}"#, &["Which name?"]);
        asks("I looked.\n```json\n{\"questions\": [\"a?\", \"b?\"]}\n```\n", &["a?", "b?"]);
    }

    #[test]
    fn whatever_else_it_says_is_plain() {
        for words in ["", "I fixed it.", "{\"a\": 1}", "{\"questions\": [\"a?\"]} {\"b\": 2}"] {
            assert_eq!(answered(words, 2), Answered::Plain, "{words}");
        }
        assert_eq!(answered(r#"{"questions": ["a?"]}"#, 0), Answered::Plain);
    }

    #[test]
    fn questions_of_another_form_say_what_is_wrong() {
        let malformed = |words: &str, why: &str| match answered(words, 2) {
            Answered::Malformed(said) => assert!(said.contains(why), "{said}"),
            other => panic!("{other:?}"),
        };
        malformed(r#"{"questions": []}"#, "no question");
        malformed(r#"{"questions": "a?"}"#, "expected a sequence");
        malformed(r#"{"questions": ["a", "b", "c"]}"#, "at most 2");
        malformed(r#"{"questions": ["a?"], "more": 1}"#, "unknown field");
    }
}
