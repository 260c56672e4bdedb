//! The order that a payment waits for is taken by the client that resubmits it, or by the gateway before that. A
//! client that is late, or resubmits it under one more key, is told the outcome as if it had come first.

use payments::model::payment::{ResumedBy, State};
use payments::model::provider::{OperationKind, RefusalKind};
use payments::usecases::call::Decided as _;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::provider::{Truth, refusal};
use crate::simulation::Simulation;

/// The clients that were late, each with a key of its own.
#[derive(Default)]
pub(crate) struct LateClients {
    /// Keys that stand for the payment until it is decided.
    waiting: usize,
    /// Final answers: whether the payment was made. None of them changes.
    told: Vec<bool>,
}

impl Simulation {
    /// The client resubmits the order, under a new key.
    pub(crate) fn come_back(&mut self) -> Result<(), TestCaseError> {
        if self.is_made() && self.resumed_by.is_some() || self.went_on_by_gateway() {
            self.late.waiting += 1;
            return Ok(());
        }
        self.resume(ResumedBy::Client)
    }

    pub(crate) fn resume(&mut self, by: ResumedBy) -> Result<(), TestCaseError> {
        let (version, judged) = (self.payment.version, self.provider.judge());
        if judged == Some(false) {
            let refusal = refusal(RefusalKind::Invalid { param: None });
            return self.begin(|payment, _, at| payment.refuse_approval(refusal, at));
        }
        self.begin(|payment, attempt, at| {
            Ok(payment.begin_resume(by, attempt, at)?.judged(judged == Some(true)))
        })?;
        if self.payment.version != version {
            self.resumed_by = Some(by);
        }
        Ok(())
    }

    /// Whether the gateway has resumed the payment, which is under way or was canceled since: by the state alone.
    fn went_on_by_gateway(&self) -> bool {
        self.is_under_way_or_canceled() && self.payment.state.resumed_by() == Some(ResumedBy::Gateway)
    }

    fn is_under_way_or_canceled(&self) -> bool {
        matches!(self.payment.state, State::Canceled { .. }) || self.payment.state.in_flight().is_some()
    }

    const fn is_made(&self) -> bool {
        matches!(self.payment.state, State::Completed { .. } | State::Authorized(_) | State::Captured { .. })
    }

    /// A late client is told the outcome, and what it was told stays true.
    pub(crate) fn check_late_clients(&mut self) -> Result<(), TestCaseError> {
        let is_gateways = self.resumed_by == Some(ResumedBy::Gateway);
        prop_assert_eq!(
            self.went_on_by_gateway(),
            self.is_under_way_or_canceled() && is_gateways,
            "resumed by {:?}, and recorded otherwise",
            self.resumed_by
        );
        if self.payment.is_decided() {
            let told = self.payment.clone().outcome_of(OperationKind::Charge.into());
            let waits_again = matches!(self.payment.state, State::RequiresAction(_));
            let waiting = std::mem::take(&mut self.late.waiting);
            if !waits_again {
                self.late.told.extend(std::iter::repeat_n(told.is_ok(), waiting));
            }
        }
        for is_made in &self.late.told {
            let truth = self.provider.truth;
            let may_be = match truth {
                // What was held may be released later, and is read as it was for some seconds.
                Truth::Canceled { .. } => true,
                Truth::Captured(_) | Truth::Held | Truth::Pending(Some(_)) => *is_made,
                _ => !is_made,
            };
            prop_assert!(may_be, "told as made: {is_made}, and the provider has {truth:?}");
        }
        Ok(())
    }

    /// No late client waits for ever.
    pub(crate) fn is_every_late_client_told(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.late.waiting, 0, "not told, and {:?}", self.payment.state);
        Ok(())
    }
}
