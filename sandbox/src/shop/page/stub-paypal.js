// A stand-in for PayPal's Web SDK v6 with the calls of its Apple Pay and Google Pay sessions. It talks to the sandbox as
// PayPal's script talks to PayPal, with a client token: the page's, or one that it gets itself for the page's client id. A
// call that the real one refuses ends in a TypeError.
'use strict';

window.paypal = {
  async createInstance(options) {
    const COMPONENTS = ['applepay-payments', 'googlepay-payments'];
    sandboxCheck('paypal.createInstance()', options, {
      'clientId?': 'text',
      'clientToken?': 'text',
      components: sandboxListOf(COMPONENTS),
      'pageType?': 'text',
      'locale?': 'text',
      'clientMetadataId?': 'text',
      'partnerAttributionId?': 'text',
      'testBuyerCountry?': /^[A-Z]{2}$/,
    });
    const { clientId, components } = options;
    if (clientId && options.clientToken) throw new TypeError('paypal.createInstance(): takes clientId or clientToken, not both');
    if (!clientId && !options.clientToken) throw new TypeError('paypal.createInstance(): needs clientId or clientToken');
    // With a clientId, the real script gets a token itself. The sandbox gives every page one.
    const clientToken = options.clientToken ?? (await (await fetch('/_sandbox/shop/config')).json()).clientToken;
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

    async function initiatePayerAction(action) {
      sandboxCheck('initiatePayerAction()', action, { orderId: 'text' });
      const { orderId } = action;
      const isOver = async () => {
        const answer = await fetch(order(orderId), { headers });
        return (await answer.json()).status !== 'PAYER_ACTION_REQUIRED';
      };
      await sandboxFrame('Your bank asks', `/checkoutnow?token=${encodeURIComponent(orderId)}`, isOver);
    }

    /** A session's config is what findEligibleMethods() gave. */
    const checkConfig = (config) => {
      sandboxCheck('formatConfigForPaymentRequest()', config, { countryCode: /^[A-Z]{2}$/, '...': true });
    };

    const needs = (call, component) => {
      if (!components.includes(component)) throw new TypeError(`${call}: createInstance() was not asked for ${component}`);
    };

    return {
      async findEligibleMethods(request = {}) {
        sandboxCheck('findEligibleMethods()', request, {
          'currencyCode?': /^[A-Z]{3}$/, 'countryCode?': /^[A-Z]{2}$/, 'amount?': 'text', 'paymentFlow?': 'text',
        });
        const checkMethod = (call, method) => sandboxCheck(call, { method }, { method: 'text' });
        return {
          isEligible: (method) => {
            checkMethod('isEligible()', method);
            return components.includes(`${method}-payments`);
          },
          getDetails: (method) => {
            checkMethod('getDetails()', method);
            return { config: { countryCode: 'DE' } };
          },
        };
      },

      createApplePayOneTimePaymentSession() {
        needs('createApplePayOneTimePaymentSession()', 'applepay-payments');
        return {
          formatConfigForPaymentRequest: (config) => {
            checkConfig(config);
            return { ...config, merchantCapabilities: ['supports3DS'], supportedNetworks: ['visa', 'masterCard'] };
          },
          validateMerchant: async (request) => {
            const fields = { validationUrl: /^https:\/\//, 'displayName?': 'text', 'domainName?': 'text' };
            sandboxCheck('validateMerchant()', request, fields);
            return { merchantSession: { merchantSessionIdentifier: 'made up' } };
          },
          confirmOrder: async (confirmation) => {
            sandboxCheck('confirmOrder() of Apple Pay', confirmation, {
              orderId: 'text',
              token: { paymentData: 'any', '...': true },
              'billingContact?': 'object',
              'shippingContact?': 'object',
            });
            return confirm(confirmation.orderId, 'apple_pay');
          },
          initiatePayerAction,
        };
      },

      createGooglePayOneTimePaymentSession() {
        needs('createGooglePayOneTimePaymentSession()', 'googlepay-payments');
        const method = {
          type: 'CARD',
          parameters: { allowedAuthMethods: ['PAN_ONLY', 'CRYPTOGRAM_3DS'], allowedCardNetworks: ['MASTERCARD', 'VISA'] },
          tokenizationSpecification: { type: 'PAYMENT_GATEWAY', parameters: { gateway: 'paypalsb' } },
        };
        return {
          formatConfigForPaymentRequest: (config) => {
            checkConfig(config);
            return { ...config, apiVersion: 2, apiVersionMinor: 0, allowedPaymentMethods: [method], merchantInfo: {} };
          },
          confirmOrder: async (confirmation) => {
            sandboxCheck('confirmOrder() of Google Pay', confirmation, {
              orderId: 'text',
              paymentMethodData: { type: ['CARD'], tokenizationData: 'object', '...': true },
              'billingAddress?': 'object',
              'shippingAddress?': 'object',
              'email?': 'text',
            });
            return confirm(confirmation.orderId, 'google_pay');
          },
          initiatePayerAction,
        };
      },
    };
  },
};
