//! What may have become of a key, in whatever order the changes of it were written.

use edge_core::idempotency::Scope;
use payments::model::idempotency::{KeyChange, KeyRecord, StoredAnswer, Subject};
use payments::ports::store::{Change, Mutation};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// What was written of a key on behalf of one subject.
struct Uses<'a> {
    subject: Subject,
    /// With a commit of nothing else, which is written only if it applies.
    answered_alone: usize,
    released_alone: usize,
    /// With a commit of nothing else or with a move.
    answers: Vec<&'a StoredAnswer>,
    releases: usize,
}

fn taken_for(change: &Change) -> Option<Subject> {
    match &change.mutation {
        Mutation::OpenRefund { refund, .. } => Some(Subject::Refund(refund.id)),
        Mutation::OpenPayment { payment, .. } => Some(Subject::Payment(payment.id)),
        _ => None,
    }
}

impl<'a> Uses<'a> {
    fn of(subject: Subject, scope: &Scope, written: &'a [Change]) -> Self {
        let mut uses =
            Self { subject, answered_alone: 0, released_alone: 0, answers: Vec::new(), releases: 0 };
        for change in written {
            let is_alone = usize::from(matches!(change.mutation, Mutation::Nothing));
            match &change.key {
                Some(KeyChange::Answer { scope: of, subject: by, answer })
                    if (of, by) == (scope, &subject) =>
                {
                    uses.answered_alone += is_alone;
                    uses.answers.push(answer);
                }
                Some(KeyChange::Release { scope: of, subject: by }) if (of, by) == (scope, &subject) => {
                    uses.released_alone += is_alone;
                    uses.releases += 1;
                }
                _ => {}
            }
        }
        uses
    }

    /// The key is another's by now, or nobody's.
    fn has_let_go(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.releases > 0, "{:?} never released the key that it lost", self.subject);
        prop_assert!(self.answered_alone == 0, "{:?} had its answer and lost the key", self.subject);
        prop_assert!(self.released_alone < 2, "{:?} released a key twice", self.subject);
        Ok(())
    }

    fn holds(&self, answer: Option<&StoredAnswer>) -> Result<(), TestCaseError> {
        prop_assert!(self.released_alone == 0, "{:?} released the key that it has", self.subject);
        prop_assert!(self.answered_alone < 2, "{:?} answered twice", self.subject);
        let is_untouched = self.answers.is_empty() && self.releases == 0;
        let is_its_own = answer.map_or(is_untouched, |answer| self.answers.contains(&answer));
        prop_assert!(is_its_own, "{:?} has {answer:?}", self.subject);
        Ok(())
    }
}

/// What the store shows of the key agrees with everything that it said was written.
pub(super) fn agrees(
    scope: &Scope,
    record: Option<&KeyRecord>,
    written: &[Change],
) -> Result<(), TestCaseError> {
    let takes = |change: &&Change| matches!(&change.key, Some(KeyChange::Take { claim, .. }) if claim.scope == *scope);
    let takers: Vec<_> = written.iter().filter(takes).filter_map(taken_for).collect();
    let holder = record.and_then(|record| record.subject);
    prop_assert!(holder.is_none_or(|holder| takers.contains(&holder)), "{holder:?} never took the key");
    for taker in &takers {
        let uses = Uses::of(*taker, scope, written);
        if holder == Some(*taker) {
            uses.holds(record.and_then(|record| record.answer.as_ref()))?;
        } else {
            uses.has_let_go()?;
        }
    }
    for change in written.iter().filter(|change| matches!(change.mutation, Mutation::Nothing)) {
        if let Some(KeyChange::Answer { scope: of, subject, .. } | KeyChange::Release { scope: of, subject }) =
            &change.key
            && of == scope
        {
            prop_assert!(takers.contains(subject), "{subject:?} changed a key that it never took");
        }
    }
    Ok(())
}
