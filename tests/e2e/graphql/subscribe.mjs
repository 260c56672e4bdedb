// Subscribes, charges, and prints the types of the charge's events. Arguments: the gateway's URL, the client's key.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, key] = process.argv.slice(2);
const authorization = `Bearer ${key}`;

class Authorized extends WebSocket {
  constructor(target, protocols) {
    super(target, protocols, { headers: { authorization } });
  }
}

const client = createClient({ url: `${url.replace('http', 'ws')}/graphql/socket`, webSocketImpl: Authorized });
const events = client.iterate({ query: 'subscription { paymentEvents { type transactionId } }' });
const first = events.next();
// A subscription is not acknowledged; the log continues behind an event, so nothing would be lost in real use.
await new Promise((resolve) => setTimeout(resolve, 1000));

const query = `mutation($input: ChargePaymentInput!) { chargePayment(input: $input) { transactionId } }`;
const input = { provider: 'STRIPE', amount: 4999, currency: 'USD', paymentMethodId: 'pm_card_visa' };
const response = await fetch(`${url}/graphql`, {
  method: 'POST',
  headers: { authorization, 'content-type': 'application/json', 'idempotency-key': `subscribe-${process.pid}` },
  body: JSON.stringify({ query, variables: { input } }),
});
const { transactionId } = (await response.json()).data.chargePayment;

const types = [];
for (let next = first; types.length < 3; next = events.next()) {
  const event = (await next).value.data.paymentEvents;
  if (event.transactionId === transactionId) types.push(event.type);
}
console.log(types.join(' '));
await client.dispose();
process.exit(0);
