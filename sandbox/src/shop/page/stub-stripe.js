// A stand-in for Stripe.js with the calls that a checkout page makes: elements(), the Express Checkout Element, the Payment
// Element, createConfirmationToken() and handleNextAction(). It talks to the sandbox as Stripe's script talks to Stripe. A call
// that Stripe's script refuses ends in a TypeError.
'use strict';

window.Stripe = (publishableKey, options = {}) => {
  sandboxCheck('Stripe()', { publishableKey, options }, { publishableKey: /^pk_(test|live)_\w+$/, options: 'object' });
  const headers = { authorization: `Bearer ${publishableKey}` };
  const WALLETS = { apple_pay: ['Apple Pay', 'applePay'], google_pay: ['Google Pay', 'googlePay'] };
  const CARDS = {
    paid: ['pm_card_visa', 'Visa •••• 4242'],
    declined: ['pm_card_visa_chargeDeclined', 'Visa •••• 0002'],
    authenticate: ['pm_card_threeDSecure2Required', 'Visa •••• 3220'],
  };
  const EVENTS = {
    expressCheckout: [
      'ready', 'click', 'confirm', 'cancel', 'escape', 'focus', 'blur', 'loaderror', 'shippingaddresschange', 'shippingratechange',
    ],
    payment: ['ready', 'change', 'escape', 'focus', 'blur', 'loaderror', 'loaderstart'],
  };
  /** The groups of elements that this script made. */
  const groups = new WeakSet();

  /** What every element has; `show` puts it into its place. */
  function element(kind, show) {
    const listeners = {};
    return {
      on(event, listener) {
        sandboxCheck(`the ${kind} element's on()`, { event, listener }, { event: EVENTS[kind], listener: 'function' });
        listeners[event] = listener;
        return this;
      },
      mount(place) {
        const found = typeof place === 'string' ? document.querySelector(place) : place;
        if (!(found instanceof Element)) throw new TypeError(`the ${kind} element's mount(): its place is not on the page`);
        show(found, listeners);
      },
    };
  }

  const expressCheckout = (elements) => element('expressCheckout', (place, listeners) => {
    for (const [wallet, [label]] of Object.entries(WALLETS)) {
      const button = document.createElement('button');
      Object.assign(button, { type: 'button', className: 'method wallet', textContent: label, id: `stripe-${wallet}` });
      const ask = async () => {
        if (await sandboxSheet(label, `Pay ${elements.amount / 100} ${elements.currency.toUpperCase()}?`, `Pay with ${label}`)) {
          listeners.confirm?.({ expressPaymentType: wallet, paymentFailed() {} });
        } else listeners.cancel?.();
      };
      // The element tells the page of the click first, which may hold the sheet back.
      const resolve = (details = {}) => {
        sandboxCheck("the click event's resolve()", { details }, { details: 'object' });
        ask();
      };
      button.onclick = () => {
        elements.chosen = wallet;
        listeners.click ? listeners.click({ expressPaymentType: wallet, resolve }) : ask();
      };
      place.append(button);
    }
  });

  const payment = (elements) => element('payment', (place) => {
    const label = document.createElement('label');
    const field = Object.assign(document.createElement('input'), { className: 'stub-card', readOnly: true });
    const show = () => { field.value = CARDS[sandboxOutcome()][1]; };
    label.append('Card (chosen by what should happen)', field);
    place.append(label);
    document.getElementById('outcome').addEventListener('change', show);
    show();
    elements.card = field;
  });

  return {
    elements(settings) {
      sandboxCheck('stripe.elements()', settings, {
        mode: ['payment'],
        amount: 'count',
        currency: /^[a-z]{3}$/,
        'captureMethod?': ['automatic', 'automatic_async', 'manual'],
        'setupFutureUsage?': ['off_session', 'on_session'],
        'paymentMethodCreation?': ['manual'],
        'paymentMethodTypes?': 'list',
        'paymentMethodConfiguration?': 'text',
        'onBehalfOf?': 'text',
        'appearance?': 'object',
        'fonts?': 'list',
        'locale?': 'text',
        'loader?': ['auto', 'always', 'never'],
      });
      const elements = { ...settings, chosen: null, isSubmitted: false };
      const made = new Set();
      elements.create = (kind, more = {}) => {
        const fields = { kind: ['expressCheckout', 'payment'], options: 'object' };
        sandboxCheck('elements.create()', { kind, options: more }, fields);
        if (made.has(kind)) throw new TypeError(`elements.create(): this group has its ${kind} element`);
        made.add(kind);
        return kind === 'expressCheckout' ? expressCheckout(elements) : payment(elements);
      };
      elements.submit = async () => {
        elements.isSubmitted = true;
        return {};
      };
      groups.add(elements);
      return elements;
    },

    async createConfirmationToken(request) {
      sandboxCheck('stripe.createConfirmationToken()', request, {
        elements: (group) => {
          if (!groups.has(group)) return 'must come from elements() of the same Stripe()';
          return group.isSubmitted ? null : 'must be submitted first: call elements.submit()';
        },
        'params?': { 'payment_method_data?': 'object', 'return_url?': /^https?:\/\//, 'shipping?': 'object' },
      });
      const { elements, params: { return_url } = {} } = request;
      const outcome = sandboxOutcome();
      const suffix = outcome === 'paid' ? '' : `_${outcome}`;
      const wallet = elements.chosen && WALLETS[elements.chosen][1];
      const method = wallet ? `pm_card_sandbox_${wallet}${suffix}` : CARDS[outcome][0];
      const form = new URLSearchParams({ payment_method: method, ...(return_url && { return_url }) });
      const answer = await fetch('/v1/confirmation_tokens', { method: 'POST', headers, body: form });
      const body = await answer.json();
      return answer.ok ? { confirmationToken: body } : { error: body.error };
    },

    async handleNextAction(request) {
      sandboxCheck('stripe.handleNextAction()', request, { clientSecret: /^pi_\w+_secret_\w+$/ });
      const { clientSecret } = request;
      const [id] = clientSecret.split('_secret_');
      const look = async () => {
        const query = new URLSearchParams({ client_secret: clientSecret });
        return (await fetch(`/v1/payment_intents/${id}?${query}`, { headers })).json();
      };
      const isOver = async () => (await look()).status !== 'requires_action';
      try {
        await sandboxFrame('Your bank asks', `/_sandbox/stripe/authenticate/${id}`, isOver);
      } catch (problem) {
        return { error: { type: 'invalid_request_error', message: problem.message } };
      }
      const paymentIntent = await look();
      return paymentIntent.last_payment_error ? { error: paymentIntent.last_payment_error } : { paymentIntent };
    },
  };
};
