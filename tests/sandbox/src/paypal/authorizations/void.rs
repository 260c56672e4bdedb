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

/// Releases what was not captured.
pub(crate) fn void(desk: &mut Desk<'_>, id: &str) -> Result<Done> {
    let now = desk.now;
    let Some(authorization) = desk.books.authorizations.get_mut(id) else {
        return PaypalError::not_found().refuse();
    };
    match authorization.status {
        AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured => {}
        AuthorizationStatus::Voided => return PaypalError::unprocessable("PREVIOUSLY_VOIDED").refuse(),
        AuthorizationStatus::Captured => return PaypalError::unprocessable("PREVIOUSLY_CAPTURED").refuse(),
        AuthorizationStatus::Denied | AuthorizationStatus::Pending => {
            return PaypalError::unprocessable("AUTHORIZATION_DENIED").refuse();
        }
    }
    authorization.status = AuthorizationStatus::Voided;
    authorization.updated = now;
    let released = Money { minor: authorization.rest(), currency: authorization.money.currency };
    let authorization = authorization.clone();
    desk.record(EffectKind::Cancel, released, id, authorization.custom_id.as_deref());
    desk.announce("PAYMENT.AUTHORIZATION.VOIDED", EventContent::Authorization(Box::new(authorization)));
    Ok(Done::ok(Resource::Authorization(id.to_owned())))
}
