// Stand-ins for Apple Pay JS and Google Pay, with the calls that a page makes. Their payloads are made up: nothing in them is
// encrypted, and nothing of them reaches the gateway.
'use strict';

window.ApplePaySession = class ApplePaySession {
  static STATUS_SUCCESS = 0;
  static STATUS_FAILURE = 1;
  static canMakePayments() { return true; }
  static supportsVersion() { return true; }

  constructor(version, request) { Object.assign(this, { version, request }); }

  async begin() {
    this.onvalidatemerchant?.({ validationURL: 'https://apple-pay-gateway.example/paymentservices/startSession' });
  }

  async completeMerchantValidation() {
    const { amount, label } = this.request.total;
    if (!await sandboxSheet('Apple Pay', `${label}: ${amount} ${this.request.currencyCode}`, 'Pay with Apple Pay')) {
      this.oncancel?.({});
      return;
    }
    this.onpaymentauthorized?.({ payment: { token: { paymentData: 'made up' }, billingContact: {}, shippingContact: {} } });
  }

  completePayment({ status }) { this.status = status; }
  abort() {}
};

window.google = { payments: { api: { PaymentsClient: class PaymentsClient {
  constructor(options) { this.options = options; }
  async isReadyToPay() { return { result: true }; }

  createButton({ onClick }) {
    const button = document.createElement('button');
    Object.assign(button, { type: 'button', className: 'method wallet', textContent: 'Google Pay' });
    button.onclick = onClick;
    return button;
  }

  async loadPaymentData(request) {
    const { totalPrice, currencyCode } = request.transactionInfo;
    if (!await sandboxSheet('Google Pay', `${totalPrice} ${currencyCode}`, 'Pay with Google Pay')) {
      throw Object.assign(new Error('The payer closed the sheet.'), { statusCode: 'CANCELED' });
    }
    return { paymentMethodData: { type: 'CARD', tokenizationData: { type: 'PAYMENT_GATEWAY', token: 'made up' } } };
  }
} } } };
