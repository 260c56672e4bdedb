//! `POST /v2/payments/authorizations/{authorization_id}/void`

use crate::{
    ledger::EffectKind,
    money::Money,
    paypal::{
        authorization::AuthorizationStatus,
        context::{RequestContext, Success},
        errors::{PaypalError, Result},
        events::EventContent,
        request_ids::Resource,
    },
};

/// Releases the uncaptured amount at the merchant's request.
pub(crate) fn void(context: &mut RequestContext<'_>, id: &str) -> Result<Success> {
    let now = context.now;
    let Some(authorization) = context.objects.authorizations.get(id) else {
        return PaypalError::not_found().refuse();
    };
    let issue = match authorization.status {
        // PayPal documents no issue for this case; of those for a void, this is the one that names no other state.
        AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured
            if now >= authorization.expires =>
        {
            "CANNOT_BE_VOIDED"
        }
        AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured => {
            return release(context, id, EffectKind::Cancel);
        }
        AuthorizationStatus::Voided => "PREVIOUSLY_VOIDED",
        AuthorizationStatus::Captured => "PREVIOUSLY_CAPTURED",
        AuthorizationStatus::Denied | AuthorizationStatus::Pending => "AUTHORIZATION_DENIED",
    };
    PaypalError::unprocessable(issue).refuse()
}

/// Ends an open authorization and releases the uncaptured amount.
pub(crate) fn release(context: &mut RequestContext<'_>, id: &str, effect: EffectKind) -> Result<Success> {
    let now = context.now;
    let Some(authorization) = context.objects.authorizations.get_mut(id) else {
        return PaypalError::not_found().refuse();
    };
    authorization.status = AuthorizationStatus::Voided;
    authorization.updated = now;
    let released = Money { minor: authorization.rest(), currency: authorization.money.currency };
    let authorization = authorization.clone();
    context.record(effect, released, id, authorization.custom_id.as_deref());
    context.announce("PAYMENT.AUTHORIZATION.VOIDED", EventContent::Authorization(Box::new(authorization)));
    Ok(Success::ok(Resource::Authorization(id.to_owned())))
}
