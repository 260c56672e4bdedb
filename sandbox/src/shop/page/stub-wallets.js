// Stand-ins for Apple Pay JS and Google Pay, with the calls that a page makes. Their payloads are made up: nothing in them is
// encrypted, and nothing of them reaches the gateway. A call that the real ones refuse ends in a TypeError.
'use strict';

window.ApplePaySession = class ApplePaySession {
  static STATUS_SUCCESS = 0;
  static STATUS_FAILURE = 1;
  static canMakePayments() { return true; }
  static supportsVersion(version) {
    sandboxCheck('ApplePaySession.supportsVersion()', { version }, { version: 'count' });
    return true;
  }

  static #HANDLERS = [
    'onvalidatemerchant', 'onpaymentauthorized', 'oncancel', 'onpaymentmethodselected', 'onshippingcontactselected',
    'onshippingmethodselected', 'oncouponcodechanged',
  ];
  #request;
  #hasBegun = false;

  constructor(version, request) {
    sandboxCheck('new ApplePaySession()', { version, request }, {
      version: 'count',
      request: {
        countryCode: /^[A-Z]{2}$/,
        currencyCode: /^[A-Z]{3}$/,
        merchantCapabilities: sandboxListOf(['supports3DS', 'supportsCredit', 'supportsDebit', 'supportsEMV']),
        supportedNetworks: 'list',
        total: { label: 'text', amount: /^\d+(\.\d{1,2})?$/, 'type?': ['final', 'pending'] },
        'lineItems?': 'list',
        'requiredBillingContactFields?': 'list',
        'requiredShippingContactFields?': 'list',
        'billingContact?': 'object',
        'shippingContact?': 'object',
        'shippingMethods?': 'list',
        'shippingType?': ['shipping', 'delivery', 'storePickup', 'servicePickup'],
        'supportedCountries?': 'list',
        'applicationData?': 'text',
      },
    });
    this.#request = request;
  }

  begin() {
    const wrong = (what) => { throw new TypeError(`ApplePaySession.begin(): ${what}`); };
    if (this.#hasBegun) wrong('the session has begun before');
    const other = Object.keys(this).find((name) => !ApplePaySession.#HANDLERS.includes(name));
    if (other) wrong(`nothing calls ${other}, only ${ApplePaySession.#HANDLERS.join(', ')}`);
    for (const name of ['onvalidatemerchant', 'onpaymentauthorized']) {
      if (typeof this[name] !== 'function') wrong(`${name} must be a function`);
    }
    this.#hasBegun = true;
    this.onvalidatemerchant({ validationURL: 'https://apple-pay-gateway.example/paymentservices/startSession' });
  }

  completeMerchantValidation(merchantSession) {
    const fields = { merchantSessionIdentifier: 'text', '...': true };
    sandboxCheck('ApplePaySession.completeMerchantValidation()', merchantSession, fields);
    this.#ask();
  }

  async #ask() {
    const { total: { amount, label }, currencyCode } = this.#request;
    if (!await sandboxSheet('Apple Pay', `${label}: ${amount} ${currencyCode}`, 'Pay with Apple Pay')) {
      this.oncancel?.({});
      return;
    }
    this.onpaymentauthorized({ payment: { token: { paymentData: 'made up' }, billingContact: {}, shippingContact: {} } });
  }

  completePayment(result) {
    const { STATUS_SUCCESS, STATUS_FAILURE } = ApplePaySession;
    const given = typeof result === 'number' ? { status: result } : result;
    const fields = { status: [STATUS_SUCCESS, STATUS_FAILURE], 'errors?': 'any', 'orderDetails?': 'object' };
    sandboxCheck('ApplePaySession.completePayment()', given, fields);
  }

  abort() {}
};

window.google = { payments: { api: { PaymentsClient: class PaymentsClient {
  static #METHODS = (isToPay) => (methods) => {
    if (!Array.isArray(methods) || methods.length === 0) return 'must be a list that is not empty';
    for (const method of methods) {
      sandboxCheck('google.payments.api allowedPaymentMethods', method, {
        type: ['CARD'],
        parameters: {
          allowedAuthMethods: sandboxListOf(['PAN_ONLY', 'CRYPTOGRAM_3DS']), allowedCardNetworks: 'list', '...': true,
        },
        [isToPay ? 'tokenizationSpecification' : 'tokenizationSpecification?']: {
          type: ['PAYMENT_GATEWAY', 'DIRECT'], parameters: 'object',
        },
      });
    }
    return null;
  };
  static #VERSION = { apiVersion: [2], apiVersionMinor: [0] };

  constructor(options = {}) {
    sandboxCheck('new google.payments.api.PaymentsClient()', options, {
      'environment?': ['TEST', 'PRODUCTION'], 'merchantInfo?': 'object', 'paymentDataCallbacks?': 'object',
    });
  }

  async isReadyToPay(request) {
    sandboxCheck('PaymentsClient.isReadyToPay()', request, {
      ...PaymentsClient.#VERSION,
      allowedPaymentMethods: PaymentsClient.#METHODS(false),
      'existingPaymentMethodRequired?': 'flag',
      '...': true,
    });
    return { result: true };
  }

  createButton(options) {
    sandboxCheck('PaymentsClient.createButton()', options, {
      onClick: 'function',
      'allowedPaymentMethods?': 'list',
      'buttonColor?': ['default', 'black', 'white'],
      'buttonType?': ['book', 'buy', 'checkout', 'donate', 'order', 'pay', 'plain', 'subscribe', 'long', 'short'],
      'buttonRadius?': 'any',
      'buttonSizeMode?': ['static', 'fill'],
      'buttonLocale?': 'text',
      'buttonRootNode?': 'any',
      'buttonBorderType?': 'text',
    });
    const button = document.createElement('button');
    Object.assign(button, { type: 'button', className: 'method wallet', textContent: 'Google Pay' });
    button.onclick = options.onClick;
    return button;
  }

  async loadPaymentData(request) {
    sandboxCheck('PaymentsClient.loadPaymentData()', request, {
      ...PaymentsClient.#VERSION,
      allowedPaymentMethods: PaymentsClient.#METHODS(true),
      merchantInfo: 'object',
      transactionInfo: {
        currencyCode: /^[A-Z]{3}$/,
        countryCode: /^[A-Z]{2}$/,
        totalPriceStatus: ['NOT_CURRENTLY_KNOWN', 'ESTIMATED', 'FINAL'],
        totalPrice: /^\d+(\.\d{1,2})?$/,
        'totalPriceLabel?': 'text',
        'displayItems?': 'list',
        'transactionId?': 'text',
        'checkoutOption?': ['DEFAULT', 'COMPLETE_IMMEDIATE_PURCHASE'],
      },
      '...': true,
    });
    const { totalPrice, currencyCode } = request.transactionInfo;
    if (!await sandboxSheet('Google Pay', `${totalPrice} ${currencyCode}`, 'Pay with Google Pay')) {
      throw Object.assign(new Error('The payer closed the sheet.'), { statusCode: 'CANCELED' });
    }
    return { paymentMethodData: { type: 'CARD', tokenizationData: { type: 'PAYMENT_GATEWAY', token: 'made up' } } };
  }
} } } };
