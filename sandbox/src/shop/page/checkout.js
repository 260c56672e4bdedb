// What a shop writes: it asks its own server to pay, and does what the answer says. `/_sandbox/shop/…` stands for that
// server, which alone holds the gateway's client key.
import { watch } from '/_sandbox/checkout/watch.js';

const AMOUNT = 4999;
const CURRENCY = 'EUR';
const TOTAL = '49.99';
const $ = (id) => document.getElementById(id);
const config = await (await fetch('/_sandbox/shop/config')).json();

const STATUS = {
  completed: ['Paid', 'good'], captured: ['Paid', 'good'], authorized: ['Reserved', 'good'],
  failed: ['Not paid', 'bad'], canceled: ['Canceled', 'bad'], refused: ['Not paid', 'bad'],
  pending: ['Working…', 'wait'], requires_action: ['Waiting for you', 'wait'],
};

const isOver = (status) => ['good', 'bad'].includes(STATUS[status]?.[1]);

/** An attempt that is under way: a second click, or a second button, begins no other one. */
let isBusy = false;
let shown = null;

function show(status, explanation = '') {
  // An event may say how it ended before the answer to the charge is here.
  if (isOver($('status').dataset.status) && !isOver(status)) return;
  const [words, kind] = STATUS[status] ?? STATUS.pending;
  if ($('result').hidden) {
    $('methods').hidden = true;
    $('result').hidden = false;
    $('result').focus();
  }
  Object.assign($('status'), { textContent: words });
  $('status').dataset.kind = kind;
  $('status').dataset.status = status;
  if (explanation) $('explanation').textContent = explanation;
}

/** How often a request is sent while the gateway says that it can succeed later, and the milliseconds between. */
const TRIES = 10;
const PAUSE = 500;

/** Sends a charge under a key of its attempt. Network trouble is answered by the same request under the same key. */
async function pay(key, charge) {
  const body = JSON.stringify({ amount: AMOUNT, currency: CURRENCY, returnUrl: location.href.split(/[?#]/)[0], ...charge });
  const send = () => fetch('/_sandbox/shop/pay', {
    method: 'POST', headers: { 'content-type': 'application/json', 'idempotency-key': key }, body,
  });
  const ask = async () => (await send().catch(send)).json();
  let answer = await ask();
  // The payment may be busy: after PayPal's event, the gateway takes the money by itself.
  for (let tries = 1; answer.error?.retryable && tries < TRIES; tries += 1) {
    await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    answer = await ask();
  }
  const id = answer.transactionId ?? answer.error?.transactionId;
  if (id) await follow(id);
  if (!answer.success) {
    const { declineCode, code, message } = answer.error;
    show('refused', `${message} (${declineCode ?? code})`);
    return null;
  }
  show(answer.status);
  return answer;
}

/** Runs one attempt; nothing else starts until it is over. */
async function attempt(run) {
  if (isBusy) return;
  isBusy = true;
  for (const button of document.querySelectorAll('.method')) button.disabled = !button.dataset.sheet;
  try {
    await run(crypto.randomUUID());
  } catch (problem) {
    if ($('result').hidden) release();
    else show($('status').dataset.status, problem.message);
  }
}

function release() {
  isBusy = false;
  for (const button of document.querySelectorAll('.method')) button.disabled = false;
}

/** Shows what happens to a payment. It is kept for the page's site, since what a tab keeps for itself ends with the tab. */
async function follow(id) {
  if (shown === id) return;
  shown = id;
  localStorage.setItem('payment', id);
  $('transaction').textContent = id;
  $('ledger').href = `/_sandbox/ledger?transactionId=${id}`;
  const body = JSON.stringify({ payment: id });
  const answer = await fetch('/_sandbox/shop/tickets', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { ticket } = await answer.json();
  if (ticket) watch(config.gateway, ticket, onEvent);
}

async function onEvent(event) {
  const line = document.createElement('li');
  const time = Object.assign(document.createElement('time'), { dateTime: event.at, textContent: new Date(event.at).toLocaleTimeString() });
  line.append(event.type, time);
  $('events').prepend(line);
  if (event.status) show(event.status);
  if (!isOver(event.status)) return;
  const { paymentMethod, failure } = await (await fetch(`/_sandbox/shop/payments/${shown}`)).json();
  if (paymentMethod) {
    const { kind, wallet, brand, last4 } = paymentMethod;
    $('paid-with').textContent = [wallet, brand ?? kind, last4 && `•••• ${last4}`].filter(Boolean).join(', ');
  }
  if (failure) $('explanation').textContent = `${failure.message} (${failure.declineCode ?? failure.code ?? 'no code'})`;
}

// --- Stripe: cards, Apple Pay and Google Pay ---------------------------------------------------------------------------

const stripe = Stripe(config.publishableKey);

async function payByStripe(elements) {
  await attempt(async (key) => {
    const submitted = await elements.submit();
    if (submitted.error) return release();
    const { confirmationToken, error } = await stripe.createConfirmationToken({ elements });
    if (error) throw new Error(error.message);
    const answer = await pay(key, { provider: 'stripe', paymentMethodId: confirmationToken.id });
    if (answer?.nextAction?.type !== 'stripe_sdk') return;
    const acted = await stripe.handleNextAction({ clientSecret: answer.nextAction.clientSecret });
    if (acted.error) $('explanation').textContent = acted.error.message;
  });
}

const express = stripe.elements({ mode: 'payment', amount: AMOUNT, currency: CURRENCY.toLowerCase() });
const expressElement = express.create('expressCheckout');
expressElement.on('confirm', () => payByStripe(express));
expressElement.mount('#express-stripe');

const card = stripe.elements({ mode: 'payment', amount: AMOUNT, currency: CURRENCY.toLowerCase() });
card.create('payment').mount('#card-element');
$('card-form').addEventListener('submit', (event) => {
  event.preventDefault();
  payByStripe(card);
});

// --- PayPal: its own button, Apple Pay and Google Pay --------------------------------------------------------------------

/**
 * With a PayPal account: the payer approves on PayPal's page and comes back to this one. If PayPal cannot charge what the payer
 * chose there, the payer is sent there again to choose something else.
 */
async function payByPaypal(key, charge) {
  const answer = await pay(key, { provider: 'paypal', ...charge });
  if (answer?.nextAction?.type !== 'redirect') return;
  // A shop goes to the `url` as it is. Here, PayPal's page is to learn what the visitor wants to happen.
  location.href = sandboxPaypalPage(answer.nextAction.url);
}

$('pay-paypal').addEventListener('click', () => attempt((key) => payByPaypal(key, {})));

const paypalSdk = await paypal.createInstance({
  clientToken: config.clientToken, components: ['applepay-payments', 'googlepay-payments'],
});
const eligible = await paypalSdk.findEligibleMethods({ currencyCode: CURRENCY });

/** Makes the order, lets the payer's wallet confirm it, and brings it back to be captured. */
async function confirmAndPay(key, wallet, session, data) {
  const made = await pay(key, { provider: 'paypal', wallet });
  if (made?.nextAction?.type !== 'confirm_order') return false;
  const { orderId } = made.nextAction;
  const confirmed = await session.confirmOrder({ orderId, ...data });
  // The sheet is closed before the bank's page opens.
  if (confirmed?.status === 'PAYER_ACTION_REQUIRED') await session.initiatePayerAction({ orderId });
  const paid = await pay(crypto.randomUUID(), { provider: 'paypal', wallet, paymentMethodId: orderId });
  return paid?.status === 'completed';
}

if (eligible.isEligible('applepay') && window.ApplePaySession?.canMakePayments()) {
  const session = paypalSdk.createApplePayOneTimePaymentSession();
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'method wallet', id: 'paypal-apple_pay', textContent: 'Apple Pay' });
  button.addEventListener('click', () => {
    if (isBusy) return;
    const apple = new ApplePaySession(4, {
      ...session.formatConfigForPaymentRequest(eligible.getDetails('applepay').config),
      currencyCode: CURRENCY,
      total: { label: 'Oak chair', amount: TOTAL, type: 'final' },
    });
    apple.onvalidatemerchant = async ({ validationURL }) => {
      const { merchantSession } = await session.validateMerchant({ validationUrl: validationURL });
      apple.completeMerchantValidation(merchantSession);
    };
    apple.onpaymentauthorized = ({ payment }) => attempt(async (key) => {
      const isPaid = await confirmAndPay(key, 'apple_pay', session, { token: payment.token, billingContact: payment.billingContact });
      apple.completePayment({ status: isPaid ? ApplePaySession.STATUS_SUCCESS : ApplePaySession.STATUS_FAILURE });
    });
    apple.begin();
  });
  $('express-paypal').append(button);
}

if (eligible.isEligible('googlepay') && window.google?.payments) {
  const session = paypalSdk.createGooglePayOneTimePaymentSession();
  const settings = session.formatConfigForPaymentRequest(eligible.getDetails('googlepay').config);
  const client = new google.payments.api.PaymentsClient({ environment: 'TEST' });
  const { result } = await client.isReadyToPay({ apiVersion: 2, apiVersionMinor: 0, allowedPaymentMethods: settings.allowedPaymentMethods });
  if (result) {
    const button = client.createButton({ onClick: async () => {
      if (isBusy) return;
      const transactionInfo = { currencyCode: CURRENCY, countryCode: settings.countryCode, totalPriceStatus: 'FINAL', totalPrice: TOTAL };
      const data = await client.loadPaymentData({ ...settings, transactionInfo }).catch(() => null);
      if (data) await attempt((key) => confirmAndPay(key, 'google_pay', session, { paymentMethodData: data.paymentMethodData }));
    } });
    button.id = 'paypal-google_pay';
    $('express-paypal').append(button);
  }
}

// --- The page itself -----------------------------------------------------------------------------------------------------

$('provider').addEventListener('change', ({ target }) => {
  $('express-stripe').hidden = target.value !== 'stripe';
  $('express-paypal').hidden = target.value !== 'paypal';
});
$('again').addEventListener('click', () => {
  localStorage.removeItem('payment');
  location.href = location.pathname;
});

/** After the page was closed. A gateway with another database does not know the payment: the page begins as a new one then. */
async function showAgain(id) {
  const { status } = await fetch(`/_sandbox/shop/payments/${id}`);
  if (status === 404) return localStorage.removeItem('payment');
  show('pending', 'This payment was begun before this page was closed.');
  await follow(id);
}

const returned = new URLSearchParams(location.search);
if (returned.has('PayerID')) {
  // Back from PayPal's page: the order id is the payment method now.
  attempt((key) => payByPaypal(key, { paymentMethodId: returned.get('token') }));
} else if (localStorage.getItem('payment')) {
  await showAgain(localStorage.getItem('payment'));
}
document.body.dataset.ready = 'true';
