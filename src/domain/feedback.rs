//! Feedback: what a fixer asks people, and what they answer.
//!
//! A question is an agent's text and an answer is a person's: both are bounded, both are quoted and
//! neither decides anything. Pure: who may answer is decided in [`super::decide`], how questions look
//! in `report`.
//!
//! An attempt that asks waits, costs nothing meanwhile, and goes on where it was once every question
//! has an answer. People are reminded twice; past the deadline the case is handed over to them, with
//! the questions on top.

use serde::{Deserialize, Serialize};

use super::ids::{Login, Timestamp};

/// The most questions at a time: whoever gets more of them answers none.
pub const QUESTIONS_MAX: u8 = 5;

/// The most characters of one question.
pub const QUESTION_CHARS_MAX: usize = 600;

/// The most characters of what one comment answers.
pub const ANSWER_CHARS_MAX: usize = 4_000;

/// How often one attempt may ask: what is still open after that needs a conversation, not a bot.
pub const ASKS_MAX: u8 = 2;

/// When people are reminded, in parts of the time that they have.
const REMINDERS: [(i64, i64); 2] = [(1, 3), (2, 3)];

/// One question with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// How many times the attempt had asked then, this time included.
    pub time: u8,
    /// The question's number, counted from 1.
    pub number: u8,
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// Who answered.
    pub by: Login,
}

/// Whether every question that was asked that time has an answer.
pub fn is_answered(questions: &[String], time: u8, feedback: &[Exchange]) -> bool {
    (1..=questions.len()).all(|number| answer_to(number, time, feedback).is_some())
}

/// The answer to a question, by its number.
pub fn answer_to(number: usize, time: u8, feedback: &[Exchange]) -> Option<&Exchange> {
    feedback.iter().find(|known| known.time == time && usize::from(known.number) == number)
}

/// How often an attempt has asked and was answered.
pub fn times_answered(feedback: &[Exchange]) -> u8 {
    feedback.iter().map(|exchange| exchange.time).max().unwrap_or(0)
}

/// Whether questions are such as people can be asked.
///
/// # Errors
/// What is wrong with them, for whoever asks.
pub fn checked(questions: &[String]) -> Result<(), String> {
    if questions.is_empty() {
        return Err("there is no question".to_owned());
    }
    if questions.len() > usize::from(QUESTIONS_MAX) {
        return Err(format!("there are more than {QUESTIONS_MAX} questions"));
    }
    if questions.iter().any(|question| question.trim().is_empty()) {
        return Err("a question is empty".to_owned());
    }
    if questions.iter().any(|question| question.chars().count() > QUESTION_CHARS_MAX) {
        return Err(format!("a question has more than {QUESTION_CHARS_MAX} characters"));
    }
    Ok(())
}

/// What a comment answers to so many questions: numbers and texts.
///
/// Numbers stand at the beginning of lines, or, when none but the first does, anywhere in the text:
/// `1: yes 2: no`. A single question needs no number.
///
/// # Errors
/// What is missing, for whoever answered.
pub fn answers_in(text: &str, questions: usize) -> Result<Vec<(usize, String)>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("there is no answer in it; write `/selfheal answer 1: …`".to_owned());
    }
    let begins_line = |before: &str| before.trim_end_matches([' ', '\t']).ends_with('\n');
    let by_line = marks(text, questions, begins_line);
    let found = if by_line.len() > 1 {
        by_line
    } else {
        marks(text, questions, |before| before.ends_with(char::is_whitespace))
    };
    if found.first().is_none_or(|mark| mark.start > 0) {
        if questions == 1 {
            return Ok(vec![(1, text.to_owned())]);
        }
        return Err(format!(
            "there are {questions} questions, so answers need numbers: `/selfheal answer 1: … 2: …`"
        ));
    }
    let ends = found.iter().skip(1).map(|mark| mark.start).chain([text.len()]);
    let answers: Vec<(usize, String)> = found
        .iter()
        .zip(ends)
        .map(|(mark, end)| (mark.number, text[mark.text..end].trim().to_owned()))
        .collect();
    match answers.iter().find(|(_, answer)| answer.is_empty()) {
        Some((number, _)) => Err(format!("the answer to question {number} is empty")),
        None => Ok(answers),
    }
}

/// A number with its colon.
struct Mark {
    number: usize,
    /// Where it begins.
    start: usize,
    /// Where the answer begins.
    text: usize,
}

/// The numbers of questions in a text, each once, that stand where they may.
fn marks(text: &str, questions: usize, may_follow: impl Fn(&str) -> bool) -> Vec<Mark> {
    let mut found: Vec<Mark> = Vec::new();
    for (colon, _) in text.match_indices([':', ')', '.']) {
        let before = &text[..colon];
        let start = before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let Ok(number) = before[start..].parse::<usize>() else { continue };
        let is_one = (1..=questions).contains(&number);
        let is_new = found.iter().all(|mark| mark.number != number);
        let is_place = start == 0 || may_follow(&text[..start]);
        // `1.5` and `2:30` number nothing.
        let ends = text[colon + 1..].chars().next().is_none_or(char::is_whitespace);
        if is_one && is_new && is_place && ends {
            found.push(Mark { number, start, text: colon + 1 });
        }
    }
    found
}

/// How long people have, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// When they were asked.
    pub since: Timestamp,
    /// How long they have, in hours.
    pub hours: u32,
}

impl Patience {
    fn at(self, (part, of): (i64, i64)) -> Timestamp {
        self.since.plus_ms(i64::from(self.hours) * 60 * 60 * 1000 * part / of)
    }

    /// When nobody waits any longer.
    pub fn deadline(self) -> Timestamp {
        self.at((1, 1))
    }

    /// How many reminders are due.
    pub fn reminders(self, now: Timestamp) -> u8 {
        let due = REMINDERS.into_iter().filter(|part| self.at(*part) <= now).count();
        u8::try_from(due).unwrap_or(u8::MAX)
    }

    /// When the next reminder is due, or the deadline.
    pub fn next(self, now: Timestamp) -> Timestamp {
        let later = REMINDERS.into_iter().map(|part| self.at(part)).find(|at| *at > now);
        later.unwrap_or_else(|| self.deadline())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn answers(text: &str, questions: usize, expected: &[(usize, &str)]) {
        let found = answers_in(text, questions).unwrap();
        let found: Vec<(usize, &str)> = found.iter().map(|(n, text)| (*n, text.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn answers_are_told_apart_by_their_numbers() {
        answers("1: yes 2: no", 2, &[(1, "yes"), (2, "no")]);
        answers("1: yes\n2) no, see 1: above", 2, &[(1, "yes"), (2, "no, see 1: above")]);
        answers("2. keep it", 2, &[(2, "keep it")]);
        answers("1: use version 1.5 at 2:30", 2, &[(1, "use version 1.5 at 2:30")]);
        answers("1: see 3: there", 2, &[(1, "see 3: there")]);
        answers("1: a\nb\n2: c", 2, &[(1, "a\nb"), (2, "c")]);
    }

    #[test]
    fn a_single_question_needs_no_number() {
        answers("keep the old name", 1, &[(1, "keep the old name")]);
        answers("1: keep the old name", 1, &[(1, "keep the old name")]);
        answers("keep 1: the old", 1, &[(1, "keep 1: the old")]);
    }

    #[track_caller]
    fn refused(text: &str, questions: usize, why: &str) {
        let said = answers_in(text, questions).unwrap_err();
        assert!(said.contains(why), "{said}");
    }

    #[test]
    fn what_answers_nothing_says_how_to_answer() {
        refused(" ", 1, "there is no answer");
        refused("yes to both", 2, "answers need numbers");
        refused("1: yes 2:", 2, "question 2 is empty");
        refused("3: yes", 2, "answers need numbers");
    }

    #[test]
    fn people_are_reminded_twice_before_the_deadline() {
        let since = Timestamp::from_millis(0);
        let patience = Patience { since, hours: 72 };
        let at = |hours: i64| since.plus_ms(hours * 60 * 60 * 1000);
        for (hours, reminders, next) in [(0, 0, 24), (23, 0, 24), (24, 1, 48), (48, 2, 72)] {
            assert_eq!(patience.reminders(at(hours)), reminders, "after {hours} hours");
            assert_eq!(patience.next(at(hours)), at(next), "after {hours} hours");
        }
        assert_eq!(patience.deadline(), at(72));
    }

    #[test]
    fn questions_are_few_and_short() {
        assert_eq!(checked(&["why?".to_owned()]), Ok(()));
        for wrong in [vec![], vec![" ".to_owned()], vec!["x".repeat(QUESTION_CHARS_MAX + 1)]] {
            assert!(checked(&wrong).is_err(), "{wrong:?}");
        }
        assert!(checked(&vec!["why?".to_owned(); usize::from(QUESTIONS_MAX) + 1]).is_err());
    }
}
