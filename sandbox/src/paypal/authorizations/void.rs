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
    let Some(holder) = context.objects.holder(id) else {
        return PaypalError::not_found().refuse();
    };
    let issue = match holder.status {
        // A reauthorization ends with its original, and only that can be voided.
        _ if holder.id == id && holder.reauthorizes.is_some() => "CANNOT_BE_VOIDED",
        // PayPal documents no issue for this case; of those for a void, this is the one that names no other state.
        AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured if now >= holder.expires => {
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

/// Ends an open authorization and releases the uncaptured amount. A reauthorization and its original end together.
pub(crate) fn release(context: &mut RequestContext<'_>, id: &str, effect: EffectKind) -> Result<Success> {
    let Some(holder) = context.objects.holder(id) else {
        return PaypalError::not_found().refuse();
    };
    let released = Money { minor: holder.rest(), currency: holder.money.currency };
    let (holder_id, custom_id) = (holder.id.clone(), holder.custom_id.clone());
    let original = holder.reauthorizes.clone();
    context.record(effect, released, &holder_id, custom_id.as_deref());
    for id in original.into_iter().chain([holder_id]) {
        close(context, &id);
    }
    Ok(Success::ok(Resource::Authorization(id.to_owned())))
}

fn close(context: &mut RequestContext<'_>, id: &str) {
    let now = context.now;
    let Some(authorization) = context.objects.authorizations.get_mut(id) else { return };
    authorization.status = AuthorizationStatus::Voided;
    authorization.updated = now;
    let resource = EventContent::Authorization(Box::new(authorization.clone()));
    context.announce("PAYMENT.AUTHORIZATION.VOIDED", resource);
}
