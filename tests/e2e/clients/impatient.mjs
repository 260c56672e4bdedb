// Charges with the TypeScript client, which does not wait as long as the provider takes. Prints the payment's id.
//
// Arguments: the folder with the built client, the gateway's URL, the client's key.
import { join } from 'node:path';

const [dist, baseUrl, clientKey] = process.argv.slice(2);
const { Gateway } = await import(join(dist, 'index.js'));
const gateway = new Gateway({ baseUrl, clientKey, timeoutMs: 300 });
const order = { provider: 'stripe', amount: 4999, currency: 'USD', paymentMethodId: 'pm_card_visa' };
console.log((await gateway.charge(order)).transactionId);
