//! What must be true of every move, and at any time.

use payments::model::event::Event;
use payments::model::payment::{Operation, Payment, State, Status};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::provider::Truth;
use crate::simulation::Simulation;
use crate::transitions;

impl Simulation {
    pub(crate) fn is_well_recorded(&self, event: &Event, moved: &Payment) -> Result<(), TestCaseError> {
        prop_assert_eq!(event.version, self.payment.version + 1, "each move is one version and one record");
        let last = self.trail.last().map(|event| event.to.clone());
        prop_assert_eq!(&event.from, &last, "the trail is a chain");
        let undecided = moved.state.status() == Status::Pending;
        prop_assert_eq!(moved.follow_up.is_some(), undecided, "what is undecided is looked after again");
        Ok(())
    }

    /// Where the provider may have done something, we only note what is wanted; and what is canceled at once was never
    /// at the provider.
    pub(crate) fn is_ours_to_make(&self, moved: &Payment) -> Result<(), TestCaseError> {
        if matches!(self.payment.state, State::Unknown { .. }) {
            let same = transitions::name(&self.payment.state) == transitions::name(&moved.state);
            let is_wished = moved.state.in_flight().is_some_and(|in_flight| in_flight.cancel.is_some());
            prop_assert!(same && is_wished, "left without evidence");
        }
        if matches!(moved.state, State::Canceled { .. }) {
            let attempt = self.payment.state.in_flight().map(|in_flight| in_flight.call.attempt);
            let is_known = attempt.is_some_and(|attempt| self.provider.keys.knows(attempt));
            prop_assert!(!is_known && self.provider.truth == Truth::Nothing, "canceled, and it was sent");
        }
        Ok(())
    }

    /// What this move says of the attempt that was in flight, and of a cancellation.
    pub(crate) fn keep_what_is_told(&mut self, moved: &Payment) {
        let under_way = self.payment.state.in_flight().cloned();
        if let Some(in_flight) = under_way {
            let is_cancel = |state: &State| {
                state.in_flight().is_some_and(|in_flight| matches!(in_flight.operation, Operation::Cancel(_)))
            };
            if is_cancel(&self.payment.state) && !is_cancel(&moved.state) {
                self.is_to_cancel = false;
            }
            let is_over =
                moved.state.in_flight().is_none_or(|now| now.call.attempt != in_flight.call.attempt);
            if is_over && is_given_up(&in_flight.operation, &before_cancel(&moved.state)) {
                self.not_made.push(in_flight.call.attempt);
            }
        }
        let is_wish = moved.state.in_flight().is_some_and(|in_flight| in_flight.cancel.is_some());
        self.is_to_cancel |= is_wish || matches!(moved.state, State::Canceled { .. });
    }

    /// Nothing that we call failed, canceled or not made has moved money or still may.
    fn is_no_false_end(&self) -> Result<(), TestCaseError> {
        use Truth::{Approved, AsksPayer, Canceled, Declined, Gone, Nothing};
        let (state, truth) = (&self.payment.state, self.provider.truth);
        let has_ended = matches!(truth, Nothing | Declined | Canceled { .. } | Gone);
        // An unpaid order is taken by our own call only.
        let is_left_alone = !self.provider.replays && matches!(truth, AsksPayer | Approved);
        if matches!(state, State::Failed { .. } | State::Canceled { .. }) {
            prop_assert!(has_ended || is_left_alone, "{}, and the provider has {:?}", state.name(), truth);
        }
        prop_assert_eq!(self.provider.doubles, 0, "charged twice");
        prop_assert!(!self.provider.is_taken_in_vain, "taken, and approved in a way that is not accepted");
        let may_be_made = |attempt| {
            let carries = self.wire.carries(self.second(), |request| {
                request.call.attempt == attempt && !self.provider.is_left_unsent(request)
            });
            carries && !self.provider.keys.knows(attempt) && (!has_ended || truth == Nothing)
        };
        for attempt in &self.not_made {
            let is_made = self.provider.taken_by == Some(*attempt) && !matches!(truth, Declined | AsksPayer);
            prop_assert!(!is_made, "not made, we say, and it brought {:?}", truth);
            prop_assert!(!may_be_made(*attempt), "not made, we say, and it may still arrive");
        }
        Ok(())
    }

    /// Everything that must be true at any time.
    pub(crate) fn check(&mut self) -> Result<(), TestCaseError> {
        self.is_no_false_end()?;
        self.check_late_clients()?;
        let truth = self.provider.truth;
        if let Some((_, captured)) = self.payment.captured() {
            prop_assert_eq!(truth, Truth::Captured(captured), "only what moved is called moved");
        }
        if let Truth::Captured(captured) = truth {
            prop_assert!(captured <= self.payment.request.amount);
        }
        self.refunds.check(&self.payment, truth)
    }
}

/// Where the payment stands, apart from a cancellation that is still to be made.
fn before_cancel(state: &State) -> State {
    match state.in_flight().map(|in_flight| in_flight.operation.clone()) {
        Some(Operation::Cancel(before)) => before.into(),
        _ => state.clone(),
    }
}

/// Whether the operation is said not to have been done, or to have been refused.
fn is_given_up(operation: &Operation, landed: &State) -> bool {
    matches!(
        (operation, landed),
        (Operation::Charge, State::Failed { .. } | State::Canceled { .. })
            | (
                Operation::Resume(_),
                State::Failed { .. } | State::Canceled { .. } | State::RequiresAction(_)
            )
            | (Operation::Capture { .. }, State::Authorized(_) | State::Canceled { .. })
            | (Operation::Cancel(_), State::Authorized(_) | State::RequiresAction(_))
    )
}
