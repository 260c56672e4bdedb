//! `POST /v2/payments/authorizations/{authorization_id}/void`

use crate::{
    ledger::EffectKind,
    money::Money,
    paypal::{
        authorization::AuthorizationStatus,
        desk::{Desk, Done},
        errors::{PaypalError, Result},
        events::EventContent,
        request_ids::Resource,
    },
};

/// Releases what was not captured, as the merchant asks.
pub(crate) fn void(desk: &mut Desk<'_>, id: &str) -> Result<Done> {
    let now = desk.now;
    let Some(authorization) = desk.books.authorizations.get(id) else {
        return PaypalError::not_found().refuse();
    };
    let issue = match authorization.status {
        // PayPal documents no issue for this; of those for a void it is the one that names no other state.
        AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured
            if now >= authorization.expires =>
        {
            "CANNOT_BE_VOIDED"
        }
        AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured => {
            return release(desk, id, EffectKind::Cancel);
        }
        AuthorizationStatus::Voided => "PREVIOUSLY_VOIDED",
        AuthorizationStatus::Captured => "PREVIOUSLY_CAPTURED",
        AuthorizationStatus::Denied | AuthorizationStatus::Pending => "AUTHORIZATION_DENIED",
    };
    PaypalError::unprocessable(issue).refuse()
}

/// Ends an open authorization and releases what was not captured.
pub(crate) fn release(desk: &mut Desk<'_>, id: &str, effect: EffectKind) -> Result<Done> {
    let now = desk.now;
    let Some(authorization) = desk.books.authorizations.get_mut(id) else {
        return PaypalError::not_found().refuse();
    };
    authorization.status = AuthorizationStatus::Voided;
    authorization.updated = now;
    let released = Money { minor: authorization.rest(), currency: authorization.money.currency };
    let authorization = authorization.clone();
    desk.record(effect, released, id, authorization.custom_id.as_deref());
    desk.announce("PAYMENT.AUTHORIZATION.VOIDED", EventContent::Authorization(Box::new(authorization)));
    Ok(Done::ok(Resource::Authorization(id.to_owned())))
}
