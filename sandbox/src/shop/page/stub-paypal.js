// A stand-in for PayPal's Web SDK v6 with the calls of its Apple Pay and Google Pay sessions. It talks to the sandbox as
// PayPal's script talks to PayPal, with the client token of the page.
'use strict';

window.paypal = {
  async createInstance({ clientToken }) {
    const headers = { authorization: `Bearer ${clientToken}`, 'content-type': 'application/json' };
    const order = (id) => `/v2/checkout/orders/${encodeURIComponent(id)}`;
    // The names are the sandbox's test values.
    const NAMES = { paid: 'Sandbox Payer', declined: 'CCREJECT-REFUSED', authenticate: 'SCA-REQUIRED' };

    async function confirm(orderId, wallet) {
      const body = JSON.stringify({ payment_source: { [wallet]: { name: NAMES[sandboxOutcome()] } } });
      const answer = await fetch(`${order(orderId)}/confirm-payment-source`, { method: 'POST', headers, body });
      const confirmed = await answer.json();
      if (!answer.ok) throw new Error(confirmed.details?.[0]?.issue ?? confirmed.name);
      return { id: orderId, status: confirmed.status };
    }

    async function initiatePayerAction({ orderId }) {
      const isOver = async () => {
        const answer = await fetch(order(orderId), { headers });
        return (await answer.json()).status !== 'PAYER_ACTION_REQUIRED';
      };
      await sandboxFrame('Your bank asks', `/checkoutnow?token=${encodeURIComponent(orderId)}`, isOver);
    }

    return {
      async findEligibleMethods() {
        return {
          isEligible: (method) => ['applepay', 'googlepay'].includes(method),
          getDetails: () => ({ config: { countryCode: 'DE' } }),
        };
      },

      createApplePayOneTimePaymentSession: () => ({
        formatConfigForPaymentRequest: (config) => ({
          ...config, merchantCapabilities: ['supports3DS'], supportedNetworks: ['visa', 'masterCard'],
        }),
        validateMerchant: async () => ({ merchantSession: {} }),
        confirmOrder: ({ orderId }) => confirm(orderId, 'apple_pay'),
        initiatePayerAction,
      }),

      createGooglePayOneTimePaymentSession: () => ({
        formatConfigForPaymentRequest: (config) => ({
          ...config, apiVersion: 2, apiVersionMinor: 0, allowedPaymentMethods: [{ type: 'CARD' }], merchantInfo: {},
        }),
        confirmOrder: ({ orderId }) => confirm(orderId, 'google_pay'),
        initiatePayerAction,
      }),
    };
  },
};
