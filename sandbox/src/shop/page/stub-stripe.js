// A stand-in for Stripe.js with the calls that a checkout page makes: elements(), the Express Checkout Element, the Payment
// Element, createConfirmationToken() and handleNextAction(). It talks to the sandbox as Stripe's script talks to Stripe.
'use strict';

window.Stripe = (publishableKey) => {
  const headers = { authorization: `Bearer ${publishableKey}` };
  const WALLETS = { apple_pay: ['Apple Pay', 'applePay'], google_pay: ['Google Pay', 'googlePay'] };
  const CARDS = {
    paid: ['pm_card_visa', 'Visa •••• 4242'],
    declined: ['pm_card_visa_chargeDeclined', 'Visa •••• 0002'],
    authenticate: ['pm_card_threeDSecure2Required', 'Visa •••• 3220'],
  };

  function expressCheckout(elements) {
    const listeners = {};
    return {
      on(event, listener) { listeners[event] = listener; return this; },
      mount(selector) {
        const place = document.querySelector(selector);
        for (const [wallet, [label]] of Object.entries(WALLETS)) {
          const button = document.createElement('button');
          Object.assign(button, { type: 'button', className: 'method wallet', textContent: label, id: `stripe-${wallet}` });
          button.onclick = () => {
            elements.chosen = wallet;
            // The element tells the page of the click first, which may hold the sheet back.
            const resolve = async () => {
              if (await sandboxSheet(label, `Pay ${elements.amount / 100} ${elements.currency.toUpperCase()}?`, `Pay with ${label}`)) {
                listeners.confirm?.({ expressPaymentType: wallet, paymentFailed() {} });
              } else listeners.cancel?.();
            };
            listeners.click ? listeners.click({ expressPaymentType: wallet, resolve }) : resolve();
          };
          place.append(button);
        }
      },
    };
  }

  function payment(elements) {
    return {
      on() { return this; },
      mount(selector) {
        const label = document.createElement('label');
        const field = Object.assign(document.createElement('input'), { className: 'stub-card', readOnly: true });
        const show = () => { field.value = CARDS[sandboxOutcome()][1]; };
        label.append('Card (chosen by what should happen)', field);
        document.querySelector(selector).append(label);
        document.getElementById('outcome').addEventListener('change', show);
        show();
        elements.card = field;
      },
    };
  }

  return {
    elements({ mode, amount, currency }) {
      const elements = { mode, amount, currency, chosen: null };
      elements.create = (kind) => (kind === 'expressCheckout' ? expressCheckout(elements) : payment(elements));
      elements.submit = async () => ({});
      return elements;
    },

    async createConfirmationToken({ elements, params = {} }) {
      const outcome = sandboxOutcome();
      const suffix = outcome === 'paid' ? '' : `_${outcome}`;
      const wallet = elements.chosen && WALLETS[elements.chosen][1];
      const method = wallet ? `pm_card_sandbox_${wallet}${suffix}` : CARDS[outcome][0];
      const form = new URLSearchParams({ payment_method: method, ...params });
      const answer = await fetch('/v1/confirmation_tokens', { method: 'POST', headers, body: form });
      const body = await answer.json();
      return answer.ok ? { confirmationToken: body } : { error: body.error };
    },

    async handleNextAction({ clientSecret }) {
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
