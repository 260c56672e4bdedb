//! PayPal's issue codes and descriptions that the sandbox raises itself or on demand by `PayPal-Mock-Response`
//! (developer.paypal.com/api/rest/reference/orders/v2/errors).

/// `(issue, description)`; all of these come with status 422.
const UNPROCESSABLE: [(&str, &str); 69] = [
    // Declines: another payment source is needed.
    (
        "INSTRUMENT_DECLINED",
        "The instrument presented  was either declined by the processor or bank, or it can't be used for this payment.",
    ),
    (
        "PAYMENT_SOURCE_DECLINED_BY_PROCESSOR",
        "The provided payment source is declined by the processor. Please try again with a different payment source \
         by creating a new order.",
    ),
    ("CARD_EXPIRED", "The card is expired"),
    ("TRANSACTION_REFUSED", "The request was refused."),
    (
        "PAYER_CANNOT_PAY",
        "Payer cannot pay for this transaction. Please contact the payer to find other ways to pay for this \
         transaction.",
    ),
    ("TRANSACTION_LIMIT_EXCEEDED", "Total payment amount exceeded transaction limit."),
    ("PAYER_ACCOUNT_RESTRICTED", "PAYER_ACCOUNT_RESTRICTED"),
    ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", "The payer account cannot be used for this transaction."),
    ("COMPLIANCE_VIOLATION", "Transaction is declined due to compliance violation."),
    ("TOKEN_EXPIRED", "The token is expired and cannot be used for payment."),
    ("AGREEMENT_ALREADY_CANCELLED", "The requested agreement is already canceled."),
    ("MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", "You have exceeded the maximum number of payment attempts."),
    ("BILLING_AGREEMENT_NOT_FOUND", "The requested Billing Agreement token was not found."),
    ("TOKEN_ID_NOT_FOUND", "Specified token was not found. Verify the token and try the request again."),
    // The payer has to act.
    (
        "PAYER_ACTION_REQUIRED",
        "Transaction cannot complete successfully, instruct the buyer to return to PayPal.",
    ),
    (
        "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
        "Transaction failed. Redirect the payer to select another funding source.",
    ),
    (
        "ORDER_NOT_APPROVED",
        "Payer has not yet approved the Order for payment. Please redirect the payer to the 'rel':'approve' url \
         returned as part of the HATEOAS links within the Create Order call or provide a valid `payment_source` in \
         the request.",
    ),
    // Already done.
    (
        "ORDER_ALREADY_CAPTURED",
        "Order already captured.If 'intent=CAPTURE' only one capture per order is allowed.",
    ),
    (
        "ORDER_ALREADY_AUTHORIZED",
        "Order already authorized.If 'intent=AUTHORIZE' only one authorization per order is allowed.",
    ),
    ("AUTHORIZATION_ALREADY_CAPTURED", "Authorization has previously been captured."),
    ("PREVIOUSLY_CAPTURED", "Authorization has been previously captured and hence cannot be voided. "),
    ("PREVIOUSLY_VOIDED", "Authorization has been previously voided and hence cannot be voided again. "),
    ("CAPTURE_FULLY_REFUNDED", "The capture has already been fully refunded"),
    (
        "DUPLICATE_INVOICE_ID",
        "Duplicate Invoice ID detected. To avoid a potential duplicate transaction your account setting requires \
         that Invoice Id be unique for each transaction.",
    ),
    (
        "ORDER_COMPLETION_IN_PROGRESS",
        "The order was created with processing_instruction of ORDER_COMPLETE_ON_PAYMENT_APPROVAL. The customer has \
         approved the payment and PayPal is still in the process of capturing the order on your behalf as instructed. \
         Please try your request again.",
    ),
    // Amounts and currencies.
    (
        "INVALID_CURRENCY_CODE",
        "Currency code is invalid or is not currently supported. Please refer \
         https://developer.paypal.com/api/rest/reference/currency-codes/ for list of supported currency codes.",
    ),
    (
        "DECIMALS_NOT_SUPPORTED",
        "Currency does not support decimals. Please refer to \
         https://developer.paypal.com/docs/api/reference/currency-codes/ for more information.",
    ),
    (
        "DECIMAL_PRECISION",
        "If the currency supports decimals, only two decimal place precision is supported.",
    ),
    (
        "CANNOT_BE_ZERO_OR_NEGATIVE",
        "Must be greater than zero. If the currency supports decimals, only two decimal place precision is supported.",
    ),
    ("MAX_VALUE_EXCEEDED", "Should be less than or equal to 999999999999999.99."),
    (
        "MULTI_CURRENCY_ORDER",
        "Multiple differing values of currency_code are not supported. Entire Order request must have the same \
         currency_code.",
    ),
    (
        "CANNOT_BE_NEGATIVE",
        "Must be greater than or equal to 0. If the currency supports decimals, only two decimal place precision is \
         supported.",
    ),
    (
        "AMOUNT_MISMATCH",
        "Should equal item_total + tax_total + shipping + handling + insurance - shipping_discount - discount.",
    ),
    (
        "ITEM_TOTAL_MISMATCH",
        "Should equal sum of (unit_amount * quantity) across all items for a given purchase_unit.",
    ),
    (
        "ITEM_TOTAL_REQUIRED",
        "If item details are specified (items.unit_amount and items.quantity) corresponding \
         amount.breakdown.item_total is required.",
    ),
    (
        "TAX_TOTAL_MISMATCH",
        "Should equal sum of (tax * quantity) across all items for a given purchase_unit.",
    ),
    (
        "TAX_TOTAL_REQUIRED",
        "If item details are specified (items.tax_total and items.quantity) corresponding \
         amount.breakdown.tax_total is required.",
    ),
    ("AUTH_CAPTURE_CURRENCY_MISMATCH", "Currency of capture must be the same as currency of authorization."),
    ("REFUND_CAPTURE_CURRENCY_MISMATCH", "Refund must be in the same currency as the capture"),
    (
        "MAX_CAPTURE_AMOUNT_EXCEEDED",
        "Capture amount exceeds allowable limit. Please contact customer service or your account manager to request \
         the change to your overage limit.",
    ),
    // Orders.
    (
        "ACTION_DOES_NOT_MATCH_INTENT",
        "Order was created with an intent to 'CAPTURE'. Please use v2/checkout/orders/order_id/capture to complete \
         the transaction or alternately Create an order with an intent of 'AUTHORIZE'.",
    ),
    ("ORDER_CANNOT_BE_CONFIRMED", "An order with status = 'COMPLETED' cannot be confirmed again."),
    (
        "UNSUPPORTED_INTENT",
        "`intent=AUTHORIZE` is not supported for multiple purchase units. Only `intent=CAPTURE` is supported.",
    ),
    (
        "REFERENCE_ID_REQUIRED",
        "'reference_id' is required for each 'purchase_unit' if multiple 'purchase_unit' are provided.",
    ),
    ("DUPLICATE_REFERENCE_ID", "`reference_id` must be unique if multiple `purchase_unit` are provided."),
    (
        "UNSUPPORTED_PROCESSING_INSTRUCTION",
        "The specified processing_instruction is not supported for the given payment_source.",
    ),
    // Patches of orders.
    ("ORDER_ALREADY_COMPLETED", "A completed order cannot be changed."),
    ("NOT_PATCHABLE", "This cannot be changed by a patch."),
    (
        "INVALID_JSON_POINTER_FORMAT",
        "The path must be a JSON Pointer to a part of the order that can be changed; a purchase unit is named by its \
         reference_id, as in /purchase_units/@reference_id=='default'/amount.",
    ),
    ("INVALID_PARAMETER", "This field does not belong in the request."),
    ("PATCH_PATH_REQUIRED", "The operation lacks the path of the field to change."),
    ("PATCH_VALUE_REQUIRED", "The operation lacks the value of the field to change."),
    ("REFERENCE_ID_NOT_FOUND", "The order has no purchase unit with this reference_id."),
    // Authorizations.
    ("CANNOT_BE_VOIDED", "This authorization cannot be voided; a reauthorization ends with its original."),
    (
        "REAUTHORIZATION_TOO_SOON",
        "An authorization can be reauthorized once, from day 4 to day 29 after the original authorization.",
    ),
    ("REAUTHORIZATION_NOT_SUPPORTED", "The result of a reauthorization cannot be reauthorized again."),
    ("AUTH_CURRENCY_MISMATCH", "A reauthorization must have the currency of the original authorization."),
    ("AUTHORIZATION_AMOUNT_EXCEEDED", "The amount exceeds what may be reauthorized."),
    ("AUTHORIZATION_VOIDED", "A voided authorization cannot be captured or reauthorized. "),
    ("AUTHORIZATION_DENIED", "An denied authorization cannot be captured."),
    ("AUTHORIZATION_EXPIRED", "An expired authorization cannot be captured."),
    // Refunds.
    (
        "REFUND_AMOUNT_EXCEEDED",
        "The refund amount must be less than or equal to the capture amount that has not yet been refunded.",
    ),
    ("REFUND_NOT_ALLOWED", "Capture cannot be refunded."),
    ("REFUND_TIME_LIMIT_EXCEEDED", "You are over the time limit to perform a refund on this capture"),
    (
        "REFUND_FAILED_INSUFFICIENT_FUNDS",
        "Capture could not be refunded due to insufficient funds. Please check to see if you have sufficient funds in \
         your PayPal account or if the bank account linked to your PayPal account is verified and has sufficient funds.",
    ),
    (
        "PENDING_CAPTURE",
        "Cannot initiate a refund as the capture is pending. Capture is typically pending when the payer has funded \
         the transaction using e-check/bank account.",
    ),
    (
        "TRANSACTION_DISPUTED",
        "Partial refunds cannot be offered at this time because there is an open case on this transaction. Visit the \
         PayPal Resolution Center to review this case.",
    ),
    ("PARTIAL_REFUND_NOT_ALLOWED", "You cannot do a refund less than the original capture amount."),
    (
        "MAX_NUMBER_OF_REFUNDS_EXCEEDED",
        "You have exceeded the maximum number of refund attempts for this capture.",
    ),
];

/// The issue with this code, and its description.
pub(crate) fn find(issue: &str) -> Option<(&'static str, &'static str)> {
    UNPROCESSABLE.iter().find(|(known, _)| *known == issue).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_issue_stands_once() {
        for (issue, _) in UNPROCESSABLE {
            assert_eq!(UNPROCESSABLE.iter().filter(|(other, _)| *other == issue).count(), 1, "{issue}");
        }
    }
}
