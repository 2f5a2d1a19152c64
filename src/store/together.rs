//! Together: calls of the same kind that come while others are carried out wait for them, and are then
//! carried out as one.
//!
//! What a statement costs is mostly getting it to the database and the answer back, whatever is in it.
//! So many workers are served by few statements, and one that is alone waits for nobody. Not a cache:
//! nothing is answered twice, and what was read is as new as the call.
//!
//! Races: a caller goes away (his call is carried out all the same, and nobody hears of it); one call
//! of a group cannot be answered (each is carried out alone then, so that it harms no other); carrying
//! out panics (everybody who waits hears that the store is not available).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::ports::store::StoreError;

/// Calls in one group: as many as there may be workers, and few enough to stay quick.
const GROUP_MAX: usize = 256;

type Answer<O> = oneshot::Sender<Result<O, StoreError>>;

/// Calls that are carried out together.
pub(super) struct Together<I, O>(Arc<Mutex<Waiting<I, O>>>);

struct Waiting<I, O> {
    calls: VecDeque<(I, Answer<O>)>,
    /// Whether somebody carries out calls now, and will come back for those that wait.
    is_at_work: bool,
}

impl<I, O> Default for Together<I, O> {
    fn default() -> Self {
        let waiting = Waiting { calls: VecDeque::new(), is_at_work: false };
        Self(Arc::new(Mutex::new(waiting)))
    }
}

impl<I, O> std::fmt::Debug for Together<I, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Together").finish_non_exhaustive()
    }
}

impl<I, O> Together<I, O>
where
    I: Clone + Send + 'static,
    O: Send + 'static,
{
    /// What a call comes to. `carry_out` answers all calls of a group, in their order.
    ///
    /// # Errors
    /// Whatever carrying out says; what is not available is so for the whole group.
    pub async fn call<C, F>(&self, input: I, carry_out: C) -> Result<O, StoreError>
    where
        C: Fn(Vec<I>) -> F + Send + 'static,
        F: Future<Output = Result<Vec<O>, StoreError>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let is_at_work = {
            let mut waiting = lock(&self.0);
            waiting.calls.push_back((input, answer));
            std::mem::replace(&mut waiting.is_at_work, true)
        };
        if !is_at_work {
            // By a task of its own: the others rely on it, whatever becomes of this caller.
            let at_work = AtWork { waiting: Arc::clone(&self.0), is_over: false };
            tokio::spawn(carry_out_all(at_work, carry_out));
        }
        answered.await.unwrap_or_else(|_| Err(unheard()))
    }
}

fn lock<I, O>(waiting: &Mutex<Waiting<I, O>>) -> MutexGuard<'_, Waiting<I, O>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unheard() -> StoreError {
    StoreError::Unavailable("what was asked together was not carried out".into())
}

/// Who carries out calls; however that ends, the next caller begins anew.
struct AtWork<I, O> {
    waiting: Arc<Mutex<Waiting<I, O>>>,
    is_over: bool,
}

impl<I, O> AtWork<I, O> {
    /// The next group; `None` ends the work, when nobody waits.
    fn next(&mut self) -> Option<Vec<(I, Answer<O>)>> {
        let mut waiting = lock(&self.waiting);
        let count = waiting.calls.len().min(GROUP_MAX);
        waiting.is_at_work = count > 0;
        self.is_over = count == 0;
        (count > 0).then(|| waiting.calls.drain(..count).collect())
    }
}

impl<I, O> Drop for AtWork<I, O> {
    fn drop(&mut self) {
        if !self.is_over {
            let mut waiting = lock(&self.waiting);
            waiting.is_at_work = false;
            waiting.calls.clear(); // who waits hears of it, because nobody is left to answer
        }
    }
}

async fn carry_out_all<I, O, C, F>(mut at_work: AtWork<I, O>, carry_out: C)
where
    I: Clone,
    C: Fn(Vec<I>) -> F,
    F: Future<Output = Result<Vec<O>, StoreError>>,
{
    // Whoever can call now does so first, and comes along.
    tokio::task::yield_now().await;
    while let Some(group) = at_work.next() {
        let (inputs, answers): (Vec<I>, Vec<Answer<O>>) = group.into_iter().unzip();
        match (carry_out(inputs.clone()).await, <[Answer<O>; 1]>::try_from(answers)) {
            (Err(error), Ok([answer])) => drop(answer.send(Err(error))),
            (Ok(outputs), answers) => {
                let answers = answers.map_or_else(|many| many, Vec::from);
                for (answer, output) in answers.into_iter().zip(outputs) {
                    drop(answer.send(Ok(output))); // its caller may have gone away
                }
            }
            (Err(StoreError::Unavailable(error)), Err(answers)) => {
                let words = error.to_string();
                for answer in answers {
                    drop(answer.send(Err(StoreError::Unavailable(words.clone().into()))));
                }
            }
            (Err(_), Err(answers)) => {
                for (input, answer) in inputs.into_iter().zip(answers) {
                    let alone = carry_out(vec![input]).await;
                    let alone = alone.and_then(|mut one| one.pop().ok_or_else(unheard));
                    drop(answer.send(alone));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    /// Doubles numbers, remembers how many groups there were, and refuses groups with a 13.
    async fn doubled(
        together: &Together<u32, u32>,
        groups: &Arc<AtomicUsize>,
        number: u32,
    ) -> Result<u32, StoreError> {
        let groups = Arc::clone(groups);
        let carry_out = move |numbers: Vec<u32>| {
            groups.fetch_add(1, Ordering::Relaxed);
            async move {
                assert!(!numbers.contains(&99), "a bug");
                if numbers.contains(&13) {
                    return Err(StoreError::Missing("13".to_owned()));
                }
                Ok(numbers.into_iter().map(|number| 2 * number).collect())
            }
        };
        together.call(number, carry_out).await
    }

    #[tokio::test]
    async fn calls_that_come_at_once_are_one_group_and_each_hears_its_own_answer() {
        let (together, groups) = (Together::default(), Arc::default());
        let all = join_all((20..40).map(|number| doubled(&together, &groups, number))).await;
        let all: Vec<u32> = all.into_iter().map(Result::unwrap).collect();
        assert_eq!(all, (20..40).map(|number| 2 * number).collect::<Vec<_>>());
        assert_eq!(groups.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn one_that_cannot_be_answered_harms_no_other() {
        let (together, groups) = (Together::default(), Arc::default());
        let all = join_all((10..16).map(|number| doubled(&together, &groups, number))).await;
        let answered: Vec<bool> = all.iter().map(Result::is_ok).collect();
        assert_eq!(answered, [true, true, true, false, true, true]);
        assert!(matches!(&all[3], Err(StoreError::Missing(what)) if what == "13"));
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_takes_nobody_along() {
        let (together, groups) = (Arc::new(Together::default()), Arc::default());
        let same = (Arc::clone(&together), Arc::clone(&groups));
        let first = tokio::spawn(async move { doubled(&same.0, &same.1, 1).await });
        tokio::task::yield_now().await;
        first.abort();
        assert_eq!(doubled(&together, &groups, 2).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn after_a_panic_the_next_call_is_answered() {
        let (together, groups) = (Together::default(), Arc::default());
        let all = join_all([98, 99].map(|number| doubled(&together, &groups, number))).await;
        assert!(all.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable(_)))));
        assert_eq!(doubled(&together, &groups, 2).await.unwrap(), 4);
    }
}
