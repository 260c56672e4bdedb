// What a shop writes: it asks its own server to pay, and does what the answer says. `/_sandbox/shop/…` stands for that
// server, which alone holds the gateway's client key.
import { watch } from '/_sandbox/checkout/watch.js';

const AMOUNT = 4999;
const CURRENCY = 'EUR';
const TOTAL = '49.99';
/** For how long a page watches its payment: the payer's patience has an end, too. */
const WATCHED_SECONDS = 300;
const $ = (id) => document.getElementById(id);
const config = await (await fetch('/_sandbox/shop/config')).json();

const STATUS = {
  completed: ['Paid', 'good'], captured: ['Paid', 'good'], authorized: ['Reserved', 'good'],
  failed: ['Not paid', 'bad'], canceled: ['Canceled', 'bad'], refused: ['Not paid', 'bad'],
  pending: ['Working…', 'wait'], requires_action: ['Waiting for you', 'wait'], unknown: ['Not known yet', 'wait'],
};

const isOver = (status) => ['good', 'bad'].includes(STATUS[status]?.[1]);

/** An attempt that is under way: a second click, or a second button, begins no other one. */
let isBusy = false;
/** What had the focus when the attempt began. */
let began = null;
let shown = null;

function show(status, explanation = '') {
  // An event may say how it ended before the answer to the charge is here.
  if (isOver($('status').dataset.status) && !isOver(status)) return;
  const [words, kind] = STATUS[status] ?? STATUS.pending;
  const wasUnknown = $('status').dataset.status === 'unknown';
  // How it ended is known, also if the answer to the charge never comes.
  if (isOver(status)) localStorage.removeItem('request');
  if ($('result').hidden) {
    $('methods').hidden = true;
    $('result').hidden = false;
    $('result').focus();
  }
  Object.assign($('status'), { textContent: words });
  $('status').dataset.kind = kind;
  $('status').dataset.status = status;
  if (explanation || wasUnknown) $('explanation').textContent = explanation;
  $('retry').hidden = status !== 'unknown';
  // Another order would be another payment.
  $('again').hidden = status === 'unknown';
}

/** How long a request is repeated by itself, and the pause between, in milliseconds. */
const PATIENCE = 6000;
const PAUSE = 500;
/** With these, the gateway ends an operation. Any other error says nothing of a former try of the same request. */
const FINAL = [400, 402, 404, 409, 422];

/** Sends a request once: the answer if it is final, or else why there is none. */
async function send({ key, body }) {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key };
  const response = await fetch('/_sandbox/shop/pay', { method: 'POST', headers, body });
  const answer = await response.json();
  if (answer.success || !(answer.error?.retryable ?? !FINAL.includes(response.status))) return answer;
  throw new Error(`${answer.error?.message} (${answer.error?.code})`);
}

/** Repeats a request under its key for a while: its answer was lost, or the payment is busy, as after PayPal's event. */
async function ask(request) {
  for (const end = performance.now() + PATIENCE; ;) {
    try {
      return { answer: await send(request) };
    } catch (problem) {
      if (performance.now() > end) return { problem };
    }
    await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
  }
}

/** Resolves when the payer does what the page offers while it is not known how the payment ends. */
function offer(label, advice, reason) {
  $('retry').textContent = label;
  show('unknown', `We do not know yet whether you have paid. ${advice} ${reason}`);
  return new Promise((resolve) => {
    $('retry').onclick = () => {
      show('pending');
      $('result').focus();
      resolve();
    };
  });
}

/** Resolves when the payer wants the same request to be sent again. */
function askPayer(reason) {
  return offer('Try again', 'Try again: it never pays twice.', reason);
}

/** Whether a request brings an order of PayPal's back. */
function isOfOrder({ body }) {
  const { provider, paymentMethodId } = JSON.parse(body);
  return provider === 'paypal' && Boolean(paymentMethodId);
}

/** What has become of a payment; nothing if that cannot be learned now. */
async function statusOf(id) {
  try {
    const response = await fetch(`/_sandbox/shop/payments/${id}`);
    return (await response.json()).status;
  } catch {
    return undefined;
  }
}

/**
 * Tells how a payment ended after an error, which may be that of one request alone: an order that the payer has confirmed is
 * captured without the page, too. Until it is known, the payer looks again, and an event tells.
 */
async function tellOutcome(id, reason) {
  for (;;) {
    const status = await statusOf(id);
    const kind = STATUS[status]?.[1];
    if (kind === 'good') return show(status);
    if (kind === 'bad') return show('refused', reason);
    await offer('Look again', 'Do not order again: this page tells you as soon as it knows.', reason);
  }
}

/** Sends a charge under a key of its attempt. */
async function pay(key, charge) {
  const returnUrl = location.href.split(/[?#]/)[0];
  return settle({ key, body: JSON.stringify({ amount: AMOUNT, currency: CURRENCY, returnUrl, ...charge }) });
}

/** Sends a request until its answer is final. It is kept meanwhile: a page that forgets it may pay again under another key. */
async function settle(request) {
  localStorage.setItem('request', JSON.stringify(request));
  let { answer, problem } = await ask(request);
  while (!answer) {
    await askPayer(problem.message);
    ({ answer, problem } = await ask(request));
  }
  localStorage.removeItem('request');
  const id = answer.transactionId ?? answer.error?.transactionId;
  // Who cannot watch the payment still has this answer.
  if (id) await follow(id).catch(() => {});
  if (!answer.success) {
    const { declineCode, code, message } = answer.error;
    const reason = `${message} (${declineCode ?? code})`;
    // Where the answer does not name the payment, only an order that was resubmitted has one.
    const payment = id ?? (isOfOrder(request) ? shown ?? localStorage.getItem('payment') : null);
    if (payment) tellOutcome(payment, reason);
    else show('refused', reason);
    return null;
  }
  show(answer.status);
  return answer;
}

/** Runs one attempt; nothing else starts until it is over. What goes wrong before anything is sent can be tried again. */
async function attempt(run) {
  if (isBusy) return;
  isBusy = true;
  began = document.activeElement;
  $('explanation').textContent = '';
  for (const button of document.querySelectorAll('#methods .method')) button.disabled = true;
  try {
    await run(crypto.randomUUID());
  } catch (problem) {
    if ($('result').hidden) release(problem.message);
    else show($('status').dataset.status, problem.message);
  }
}

function release(reason = '') {
  isBusy = false;
  $('explanation').textContent = reason;
  for (const button of document.querySelectorAll('#methods .method')) button.disabled = false;
  // A disabled button has lost the focus.
  if (document.activeElement === document.body) began?.focus();
}

/** Shows what happens to a payment. It is kept for the page's site, since what a tab keeps for itself ends with the tab. */
async function follow(id) {
  if (shown === id) return;
  shown = id;
  localStorage.setItem('payment', id);
  $('transaction').textContent = id;
  $('ledger').href = `/_sandbox/ledger?transactionId=${id}`;
  const body = JSON.stringify({ payment: id, expiresIn: WATCHED_SECONDS });
  const answer = await fetch('/_sandbox/shop/tickets', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { ticket } = await answer.json();
  if (ticket) watch(config.gateway, ticket, WATCHED_SECONDS, onEvent, () => onExpired(id));
}

function onExpired(id) {
  if (shown !== id) return;
  const line = document.createElement('li');
  line.textContent = 'This page does not follow the payment any more: reload it.';
  $('events').prepend(line);
}

async function onEvent(event) {
  const line = document.createElement('li');
  const time = Object.assign(document.createElement('time'), { dateTime: event.at, textContent: new Date(event.at).toLocaleTimeString() });
  line.append(event.type, time);
  $('events').prepend(line);
  // While the answer is not known, the payer can still ask for it: only an outcome ends that.
  if (isOver(event.status) || (event.status && $('status').dataset.status !== 'unknown')) show(event.status);
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
    await letPayerAct(await pay(key, { provider: 'stripe', paymentMethodId: confirmationToken.id }));
  });
}

/** Does what an answer asks of the payer. */
async function letPayerAct(answer) {
  const { type, clientSecret, url } = answer?.nextAction ?? {};
  if (type === 'stripe_sdk') {
    const acted = await stripe.handleNextAction({ clientSecret });
    if (acted.error) $('explanation').textContent = acted.error.message;
  }
  // A shop goes to the `url` as it is. Here, PayPal's page is to learn what the visitor wants to happen.
  if (type === 'redirect') location.href = sandboxPaypalPage(url);
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
  await letPayerAct(await pay(key, { provider: 'paypal', ...charge }));
}

$('pay-paypal').addEventListener('click', () => attempt((key) => payByPaypal(key, {})));

const paypalSdk = await paypal.createInstance({
  clientToken: config.clientToken, components: ['applepay-payments', 'googlepay-payments'],
});
const eligible = await paypalSdk.findEligibleMethods({ currencyCode: CURRENCY });

/** Makes the order, lets the payer's wallet confirm it, and resubmits it to be captured. */
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
  localStorage.removeItem('request');
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
const kept = JSON.parse(localStorage.getItem('request'));
if (kept) {
  // The page was closed before the answer came.
  attempt(async () => {
    await askPayer('This page was closed meanwhile.');
    await letPayerAct(await settle(kept));
  });
} else if (returned.has('PayerID')) {
  // Back from PayPal's page: the order id is the payment method now.
  attempt((key) => payByPaypal(key, { paymentMethodId: returned.get('token') }));
} else if (localStorage.getItem('payment')) {
  await showAgain(localStorage.getItem('payment'));
}
document.body.dataset.ready = 'true';
