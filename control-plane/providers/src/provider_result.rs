//! The result of one request in an operation at a provider: the operation continues, or ends with what is known.
//! [`ProviderResult`] is [`Outcome`] in the form that `?` accepts.

use payments::model::provider::{Outcome, ProviderRef, Refusal, RefusalKind, Unacceptable, Uncertainty};
use payments::model::snapshot::Found;

use super::transport::TransportFailure;

pub(super) type ProviderResult<T> = Result<T, NotDone>;

/// The ways in which an operation ends without being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotDone {
    // Boxed: a refusal is several times the size of the other results.
    Refused(Box<Refusal>),
    NotSent(Uncertainty),
    Unknown(Uncertainty),
}

impl NotDone {
    pub(super) fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown(Uncertainty::new(reason))
    }

    /// Adds the pause that the provider asks for.
    pub(super) fn after(mut self, pause: Option<std::time::Duration>) -> Self {
        if let (Self::NotSent(uncertainty) | Self::Unknown(uncertainty), Some(pause)) = (&mut self, pause) {
            uncertainty.retry_after_s = u32::try_from(pause.as_secs()).ok();
        }
        self
    }

    /// Notes whether the answer is a saved failure, which the provider repeats for as long as it keeps the key.
    pub(super) fn of_a_dead_key(mut self, is_dead: bool) -> Self {
        if let Self::Unknown(uncertainty) = &mut self {
            uncertainty.is_key_dead = is_dead;
        }
        self
    }

    /// The client's field `param` is at fault.
    pub(super) fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self::refused(RefusalKind::Invalid { param: Some(param.to_owned()) }, None, message)
    }

    /// The state of the provider's object does not allow the operation.
    pub(super) fn state(code: &str, message: impl Into<String>) -> Self {
        Self::refused(RefusalKind::State, Some(code), message)
    }

    /// The offer to the payer, or the authorization, has expired at the provider.
    pub(super) fn expired(code: &str, message: impl Into<String>) -> Self {
        Self::refused(RefusalKind::Expired, Some(code), message)
    }

    /// The provider declined the operation for this reason.
    pub(super) fn declined(code: &str, message: impl Into<String>) -> Self {
        Self::refused(RefusalKind::Declined, Some(code), message)
    }

    fn refused(kind: RefusalKind, code: Option<&str>, message: impl Into<String>) -> Self {
        let (code, message) = (code.map(str::to_owned), message.into());
        Self::Refused(Box::new(Refusal { kind, code, decline_code: None, message, reference: None }))
    }

    /// Adds a code to a refusal that is the gateway's own, in place of the provider's.
    pub(super) fn coded(mut self, code: &str) -> Self {
        if let Self::Refused(refusal) = &mut self {
            refusal.code = Some(code.to_owned());
        }
        self
    }

    /// Adds the more precise reason of a refusal.
    pub(super) fn because(mut self, decline_code: Option<String>) -> Self {
        if let Self::Refused(refusal) = &mut self {
            refusal.decline_code = decline_code;
        }
        self
    }

    /// Names the provider's object concerned, unless a closer one is already named.
    pub(super) fn about(mut self, object: &ProviderRef) -> Self {
        let reference = match &mut self {
            Self::Refused(refusal) => &mut refusal.reference,
            Self::NotSent(uncertainty) | Self::Unknown(uncertainty) => &mut uncertainty.reference,
        };
        reference.get_or_insert_with(|| object.clone());
        self
    }

    /// For a failed request that only read, with no effect before it: its lost answer moved no money.
    pub(super) fn after_reading_only(self) -> Self {
        match self {
            Self::Unknown(uncertainty) => Self::NotSent(uncertainty),
            other => other,
        }
    }

    /// For a failed request that was to resolve the outcome of an earlier one, which stays open.
    pub(super) fn leaves_open(self, problem: &str) -> Self {
        let uncertainty = self.uncertainty();
        let reason = format!("{problem}: {}", uncertainty.reason);
        Self::Unknown(Uncertainty { reason, ..uncertainty })
    }
}

impl NotDone {
    /// Why a look-up failed.
    pub(super) fn uncertainty(self) -> Uncertainty {
        match self {
            Self::Refused(refusal) => {
                Uncertainty { reference: refusal.reference, ..Uncertainty::new(refusal.message) }
            }
            Self::NotSent(uncertainty) | Self::Unknown(uncertainty) => uncertainty,
        }
    }
}

/// The result of a look-up. `None` means that the object does not exist.
pub(super) fn found<T>(result: ProviderResult<Option<T>>) -> Found<T> {
    match result {
        Ok(Some(found)) => Found::Found(found),
        Ok(None) => Found::Missing,
        Err(not_done) => Found::Unavailable(not_done.uncertainty()),
    }
}

impl From<TransportFailure> for NotDone {
    fn from(failure: TransportFailure) -> Self {
        match failure {
            TransportFailure::NotSent(reason) => Self::NotSent(Uncertainty::new(reason)),
            TransportFailure::Unknown(reason) => Self::Unknown(Uncertainty::new(reason)),
        }
    }
}

impl From<Unacceptable> for NotDone {
    fn from(unacceptable: Unacceptable) -> Self {
        Self::invalid(unacceptable.param, unacceptable.message)
    }
}

/// The outcome of an operation.
pub(super) fn outcome<T>(result: ProviderResult<T>) -> Outcome<T> {
    match result {
        Ok(done) => Outcome::Done(done),
        Err(NotDone::Refused(refusal)) => Outcome::Refused(*refusal),
        Err(NotDone::NotSent(uncertainty)) => Outcome::NotSent(uncertainty),
        Err(NotDone::Unknown(uncertainty)) => Outcome::Unknown(uncertainty),
    }
}
