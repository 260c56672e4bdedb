//! The stand-ins for the providers' scripts on the sandbox's checkout page refuse calls with other names and types than
//! the real ones have, so that a page that works with them has these right.

use gateway_tests::{Page, shared};
use test_services::skipped;

use crate::checkout_page::{NO_BROWSER, open};

/// What the calls below begin with.
const PRELUDE: &str = "(async () => {
    const total = { label: 'Oak chair', amount: '49.99', type: 'final' };
    const apple = {
        countryCode: 'DE', currencyCode: 'EUR', merchantCapabilities: ['supports3DS'], supportedNetworks: ['visa'], total,
    };
    const method = {
        type: 'CARD',
        parameters: { allowedAuthMethods: ['PAN_ONLY'], allowedCardNetworks: ['VISA'] },
        tokenizationSpecification: { type: 'PAYMENT_GATEWAY', parameters: { gateway: 'paypalsb' } },
    };
    const ready = { apiVersion: 2, apiVersionMinor: 0, allowedPaymentMethods: [method] };
    const transactionInfo = { currencyCode: 'EUR', countryCode: 'DE', totalPriceStatus: 'FINAL', totalPrice: '49.99' };
    const components = ['applepay-payments', 'googlepay-payments'];
    const sdk = await paypal.createInstance({ clientToken: 'token', components });
    const stripe = Stripe('pk_test_sandbox_demo');
    const money = { mode: 'payment', amount: 4999, currency: 'eur' };
    window.on = {
        total, apple, method, ready, transactionInfo, components, sdk, stripe, money,
        elements: () => stripe.elements(money),
        session: (more) => Object.assign(new ApplePaySession(4, apple), more),
        handlers: { onvalidatemerchant() {}, onpaymentauthorized() {} },
        client: new google.payments.api.PaymentsClient({ environment: 'TEST' }),
        apples: sdk.createApplePayOneTimePaymentSession(),
        googles: sdk.createGooglePayOneTimePaymentSession(),
    };
})()";

/// What a page may call, without a payer.
const RIGHT: [&str; 13] = [
    "Stripe('pk_live_1', { locale: 'de' })",
    "on.stripe.elements({ ...on.money, captureMethod: 'manual', appearance: {} })",
    "on.elements().create('payment', { layout: 'tabs' }).on('change', () => {})",
    "on.elements().create('payment').mount('#card-element')",
    "on.session(on.handlers).begin()",
    "on.session().completePayment({ status: ApplePaySession.STATUS_FAILURE, errors: [] })",
    "on.session().completePayment(ApplePaySession.STATUS_SUCCESS)",
    "on.client.isReadyToPay(on.ready)",
    "on.client.createButton({ onClick() {}, buttonColor: 'black' })",
    "paypal.createInstance({ clientId: 'id', components: on.components })",
    "on.sdk.findEligibleMethods({ currencyCode: 'EUR' })",
    "on.apples.formatConfigForPaymentRequest({ countryCode: 'DE' })",
    "on.apples.validateMerchant({ validationUrl: 'https://apple.example/start' })",
];

/// What it may not, and words of the mistake's name.
const WRONG: [(&str, &str); 41] = [
    ("Stripe()", "needs publishableKey"),
    ("Stripe('sk_test_1')", "publishableKey must be a text like ^pk_"),
    ("on.stripe.elements()", "takes an object, not undefined"),
    (
        "on.stripe.elements({ ...on.money, amount: '49.99' })",
        "amount must be a whole number above 0, and is a string",
    ),
    ("on.stripe.elements({ ...on.money, amount: 49.99 })", "amount must be a whole number above 0"),
    ("on.stripe.elements({ ...on.money, currency: 'EUR' })", "currency must be a text like"),
    ("on.stripe.elements({ ...on.money, capture: 'manual' })", "does not know capture"),
    ("on.elements().create('expressCheckOut')", "kind must be one of expressCheckout, payment"),
    (
        "(group => { group.create('payment'); group.create('payment'); })(on.elements())",
        "has its payment element",
    ),
    (
        "on.elements().create('expressCheckout').on('confirmed', () => {})",
        "event must be one of ready, click, confirm",
    ),
    ("on.elements().create('expressCheckout').on('confirm')", "needs listener"),
    ("on.elements().create('payment').mount('#no-such-place')", "its place is not on the page"),
    ("on.stripe.createConfirmationToken({ element: on.elements() })", "does not know element"),
    ("on.stripe.createConfirmationToken({ elements: {} })", "must come from elements() of the same Stripe()"),
    ("on.stripe.createConfirmationToken({ elements: on.elements() })", "call elements.submit()"),
    ("on.stripe.handleNextAction('pi_1_secret_2')", "takes an object, not a string"),
    ("on.stripe.handleNextAction({ client_secret: 'pi_1_secret_2' })", "does not know client_secret"),
    ("on.stripe.handleNextAction({ clientSecret: 'pi_1' })", "clientSecret must be a text like"),
    ("new ApplePaySession('4', on.apple)", "version must be a whole number above 0"),
    ("new ApplePaySession(4, { ...on.apple, currency: 'EUR' })", "does not know currency"),
    ("new ApplePaySession(4, { ...on.apple, supportedNetworks: [] })", "supportedNetworks must be a list"),
    (
        "new ApplePaySession(4, { ...on.apple, merchantCapabilities: ['3DS'] })",
        "merchantCapabilities may only have",
    ),
    (
        "new ApplePaySession(4, { ...on.apple, total: { ...on.total, amount: 49.99 } })",
        "total: amount must be a text like",
    ),
    ("on.session({ onvalidatemerchant() {} }).begin()", "onpaymentauthorized must be a function"),
    ("on.session({ ...on.handlers, onPaymentAuthorized() {} }).begin()", "nothing calls onPaymentAuthorized"),
    ("(session => { session.begin(); session.begin(); })(on.session(on.handlers))", "has begun before"),
    ("on.session().completeMerchantValidation({ merchantSession: {} })", "needs merchantSessionIdentifier"),
    ("on.session().completePayment({ status: 'success' })", "status must be one of 0, 1"),
    (
        "new google.payments.api.PaymentsClient({ environment: 'test' })",
        "environment must be one of TEST, PRODUCTION",
    ),
    ("on.client.isReadyToPay({ ...on.ready, apiVersion: '2' })", "apiVersion must be one of 2"),
    (
        "on.client.isReadyToPay({ ...on.ready, allowedPaymentMethods: ['CARD'] })",
        "takes an object, not a string",
    ),
    ("on.client.createButton({ onclick() {} })", "does not know onclick"),
    (
        "on.client.loadPaymentData({ ...on.ready, merchantInfo: {}, transactionInfo: { ...on.transactionInfo, totalPrice: 49.99 } })",
        "totalPrice must be a text like",
    ),
    ("on.client.loadPaymentData({ ...on.ready, merchantInfo: {} })", "needs transactionInfo"),
    ("paypal.createInstance({ components: on.components })", "needs clientId or clientToken"),
    (
        "paypal.createInstance({ clientId: 'id', clientToken: 'token', components: on.components })",
        "takes clientId or clientToken, not both",
    ),
    ("paypal.createInstance({ clientToken: 'token', components: ['applepay'] })", "components may only have"),
    ("on.sdk.findEligibleMethods({ currency: 'EUR' })", "does not know currency"),
    (
        "on.apples.validateMerchant({ validationURL: 'https://apple.example/start' })",
        "does not know validationURL",
    ),
    ("on.apples.confirmOrder({ orderID: '5O1', token: { paymentData: 1 } })", "does not know orderID"),
    ("on.googles.confirmOrder({ orderId: '5O1' })", "needs paymentMethodData"),
];

/// What the call comes to: `accepted`, or the name and the message of what it throws.
async fn outcome(page: &mut Page, call: &str) -> String {
    let tried = format!(
        "(async () => {{ try {{ await ({call}); return 'accepted'; }} \
         catch (problem) {{ return `${{problem.name}}: ${{problem.message}}`; }} }})()"
    );
    page.evaluate(&tried).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_stand_in_takes_the_calls_of_the_real_script_and_names_what_is_wrong_in_others() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    page.evaluate(PRELUDE).await;
    for call in RIGHT {
        assert_eq!(outcome(&mut page, call).await, "accepted", "{call}");
    }
    for (call, words) in WRONG {
        let told = outcome(&mut page, call).await;
        assert!(told.starts_with("TypeError: ") && told.contains(words), "{call}: {told}");
    }
}

#[tokio::test]
async fn a_wallet_of_a_component_that_was_not_asked_for_is_not_there() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    let only_google = "(async () => { const sdk = await paypal.createInstance({ clientToken: 'token', \
        components: ['googlepay-payments'] }); const eligible = await sdk.findEligibleMethods(); \
        if (eligible.isEligible('applepay') || !eligible.isEligible('googlepay')) throw new Error('eligible'); \
        sdk.createApplePayOneTimePaymentSession(); })()";
    let told = outcome(&mut page, only_google).await;
    assert!(told.starts_with("TypeError: ") && told.contains("not asked for applepay-payments"), "{told}");
}
