// Drives a real gateway with the TypeScript client. Prints the ids of what it made as JSON.
//
// Arguments: the folder with the built client, the gateway's URL, the client's key.
import assert from 'node:assert/strict';
import { join } from 'node:path';

const [dist, baseUrl, clientKey] = process.argv.slice(2);
const { Gateway, GatewayError, createCharge, getPayment } = await import(join(dist, 'index.js'));
const { createClient } = await import(join(dist, 'generated/client/index.js'));

const began = new Date(Date.now() - 1_000).toISOString();
const order = { provider: 'stripe', amount: 4999, currency: 'USD', paymentMethodId: 'pm_card_visa' };
const refusedWith = (status, code) => (error) => error instanceof GatewayError && error.status === status && error.code === code;

/** The generated functions alone. */
async function core() {
  const client = createClient({ baseUrl, auth: clientKey });
  const headers = { 'Idempotency-Key': crypto.randomUUID() };
  const first = await createCharge({ client, headers, body: { ...order, metadata: { order: '1234' } } });
  assert.deepEqual([first.response.status, first.data.status], [200, 'completed']);
  const again = await createCharge({ client, headers, body: { ...order, metadata: { order: '1234' } } });
  assert.deepEqual(again.data, first.data);
  assert.equal(again.response.headers.get('idempotency-replayed'), 'true');
  const other = await createCharge({ client, headers, body: order });
  assert.deepEqual([other.response.status, other.error.error.code], [422, 'IDEMPOTENCY_KEY_REUSED']);
  const found = await getPayment({ client, path: { id: first.data.transactionId } });
  assert.equal(found.data.metadata.order, '1234');
  return first.data.transactionId;
}

const gateway = new Gateway({ baseUrl, clientKey });

async function chargeAndRefund() {
  const idempotencyKey = crypto.randomUUID();
  const charge = await gateway.charge(order, { idempotencyKey });
  assert.deepEqual(await gateway.charge(order, { idempotencyKey }), charge);
  await assert.rejects(gateway.charge({ ...order, amount: 5000 }, { idempotencyKey }), refusedWith(422, 'IDEMPOTENCY_KEY_REUSED'));
  const { transactionId } = await gateway.waitForDecision(charge);
  const refund = await gateway.refund({ transactionId, amount: 1000 });
  assert.equal((await gateway.waitForDecision(refund)).status, 'processed');
  await assert.rejects(gateway.refund({ transactionId, amount: 4000 }), refusedWith(422, 'REFUND_EXCEEDS_CHARGE'));
  const { amountRefunded, refunds } = await gateway.payment(transactionId);
  assert.deepEqual([amountRefunded, refunds.map(({ refundId }) => refundId)], [1000, [refund.refundId]]);
  return transactionId;
}

async function declined() {
  const error = await gateway.charge({ ...order, paymentMethodId: 'pm_card_visa_chargeDeclined' }).catch((refused) => refused);
  assert.ok(refusedWith(402, 'PAYMENT_FAILED')(error), error);
  assert.equal(error.declineCode, 'generic_decline');
  return error.transactionId;
}

async function authorizedTwice() {
  const manual = { ...order, capture: 'manual' };
  const [kept, released] = [await gateway.charge(manual), await gateway.charge(manual)];
  assert.equal((await gateway.capture(kept.transactionId, { amount: 4000 })).status, 'captured');
  assert.equal((await gateway.cancel(released.transactionId)).status, 'canceled');
  return [kept.transactionId, released.transactionId];
}

/** A job that is killed after its charge, and runs again. */
async function jobOfTwoRuns() {
  const name = `invoice ${crypto.randomUUID()}`;
  const { transactionId } = await gateway.job(name).charge(order);
  const again = gateway.job(name);
  assert.equal((await again.charge(order)).transactionId, transactionId);
  await again.refund({ transactionId });
  return transactionId;
}

async function undecided() {
  const charge = await gateway.charge({ provider: 'paypal', amount: 4999, currency: 'USD', paymentMethodId: 'vault-pending' });
  assert.equal(charge.status, 'pending');
  assert.equal((await gateway.waitForDecision(charge)).status, 'completed');
  return charge.transactionId;
}

async function listed(expected) {
  const seen = [];
  for await (const { transactionId } of gateway.payments({ limit: 2, createdAfter: began })) seen.push(transactionId);
  assert.equal(new Set(seen).size, seen.length);
  assert.deepEqual(expected.filter((id) => !seen.includes(id)), []);
}

const made = { core: await core(), refunded: await chargeAndRefund(), declined: await declined() };
[made.captured, made.canceled] = await authorizedTwice();
made.job = await jobOfTwoRuns();
made.undecided = await undecided();
await listed(Object.values(made));
const nobody = new Gateway({ baseUrl, clientKey: 'no-such-key' });
await assert.rejects(nobody.payment(made.core), refusedWith(401, 'UNAUTHENTICATED'));
console.log(JSON.stringify(made));
