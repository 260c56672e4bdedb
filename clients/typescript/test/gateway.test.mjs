import assert from 'node:assert/strict';
import test from 'node:test';

import { Gateway, GatewayError, NoAnswer, StillPending, listPayments } from '../dist/index.js';
import { answer, cut, cutInTheMiddle, fakeGateway, refusal, silence } from './fake.mjs';

const TXN = 'txn_01890000-0000-7000-8000-000000000000';
const RFND = 'rfnd_01890000-0000-7000-8000-000000000000';
const order = { provider: 'stripe', amount: 4999, currency: 'USD', paymentMethodId: 'pm_card_visa' };
const charged = answer(200, { success: true, transactionId: TXN, status: 'completed' });
const payment = (status) => answer(200, { success: true, transactionId: TXN, status });

async function gateway(test, answers, settings = {}) {
  const { url, requests } = await fakeGateway(test, answers);
  return { gateway: new Gateway({ baseUrl: url, clientKey: 'key', ...settings }), requests };
}

/** Asserts that all requests are the same one under the same key, and returns the key. */
function theOneKey(requests, count) {
  assert.equal(requests.length, count);
  const [first, ...repeats] = requests.map(({ method, path, headers, body }) => {
    const { authorization, 'content-type': type, 'idempotency-key': key } = headers;
    return { method, path, body, authorization, type, key };
  });
  for (const repeat of repeats) assert.deepEqual(repeat, first);
  assert.equal(first.authorization, 'Bearer key');
  assert.ok(first.key);
  return first.key;
}

test('a charge is sent once under a key of its own', async (t) => {
  const { gateway: shop, requests } = await gateway(t, [charged, charged]);
  assert.deepEqual(await shop.charge(order), { success: true, transactionId: TXN, status: 'completed' });
  const key = theOneKey(requests, 1);
  assert.deepEqual(JSON.parse(requests[0].body), order);
  await shop.charge(order);
  assert.notEqual(requests[1].headers['idempotency-key'], key);
});

test('what may succeed later is repeated under the same key', async (t) => {
  const answers = [
    refusal(409, 'IDEMPOTENCY_IN_PROGRESS', { retryable: true }),
    refusal(503, 'GATEWAY_UNAVAILABLE'),
    { status: 502, body: '<html>a proxy</html>', headers: { 'content-type': 'text/html' } },
    refusal(504, 'GATEWAY_TIMEOUT'),
    charged,
  ];
  const { gateway: shop, requests } = await gateway(t, answers);
  assert.equal((await shop.charge(order)).status, 'completed');
  theOneKey(requests, 5);
});

test('a lost answer is asked for again under the same key', async (t) => {
  const answers = [cut, cutInTheMiddle, silence, charged];
  const { gateway: shop, requests } = await gateway(t, answers, { timeoutMs: 300 });
  assert.equal((await shop.charge(order)).transactionId, TXN);
  theOneKey(requests, 4);
});

test('Retry-After is waited for', async (t) => {
  const answers = [refusal(429, 'RATE_LIMITED', { retryable: true }, { 'retry-after': '2' }), charged];
  const { gateway: shop, requests } = await gateway(t, answers);
  await shop.charge(order);
  theOneKey(requests, 2);
  assert.ok(requests[1].at - requests[0].at >= 1_990, `${requests[1].at - requests[0].at} ms`);
});

test('a date in Retry-After is waited for', async (t) => {
  // Of a proxy. A date has no fractions of a second.
  const at = Math.floor(Date.now() / 1_000) * 1_000 + 3_000;
  const refused = refusal(503, 'GATEWAY_UNAVAILABLE', {}, { 'retry-after': new Date(at).toUTCString() });
  const { gateway: shop, requests } = await gateway(t, [refused, charged]);
  await shop.charge(order);
  theOneKey(requests, 2);
  assert.ok(requests[1].at >= at - 10, `${at - requests[1].at} ms early`);
});

test('a Retry-After that is neither seconds nor a date to come is as none', async (t) => {
  const past = 'Thu, 01 Jan 1970 00:00:00 GMT';
  for (const text of ['soon', '-3600', past, 'Tue, 01 Dec 99999999999999999999 04:00:00 GMT']) {
    const { gateway: shop, requests } = await gateway(t, [refusal(503, 'GATEWAY_UNAVAILABLE', {}, { 'retry-after': text }), charged]);
    await shop.charge(order);
    theOneKey(requests, 2);
  }
});

test('a server that asks for an hour is not waited for', async (t) => {
  for (const hour of ['3600', '9'.repeat(400), new Date(Date.now() + 3_600_000).toUTCString()]) {
    const { gateway: shop, requests } = await gateway(t, [refusal(503, 'GATEWAY_UNAVAILABLE', {}, { 'retry-after': hour })]);
    await assert.rejects(shop.charge(order), { name: 'GatewayError', status: 503 });
    assert.equal(requests.length, 1);
  }
});

test('a refusal is an error with its code, and is not repeated', async (t) => {
  const refusals = [
    refusal(402, 'PAYMENT_FAILED', { declineCode: 'insufficient_funds', transactionId: TXN, requestId: 'r' }),
    refusal(409, 'INVALID_STATE', { retryable: true }),
    refusal(422, 'IDEMPOTENCY_KEY_REUSED'),
    refusal(503, 'PROVIDER_UNAVAILABLE', { retryable: false }),
    refusal(500, 'INTERNAL_ERROR'),
    refusal(400, 'A_CODE_OF_A_LATER_RELEASE'),
    answer(302, {}, { location: '/payments' }),
  ];
  const { gateway: shop, requests } = await gateway(t, refusals);
  const declined = await shop.charge(order, { idempotencyKey: 'order-1' }).catch((error) => error);
  assert.ok(declined instanceof GatewayError);
  const { status, code, declineCode, transactionId, requestId, idempotencyKey, message } = declined;
  assert.deepEqual(
    { status, code, declineCode, transactionId, requestId, idempotencyKey, message },
    {
      status: 402, code: 'PAYMENT_FAILED', declineCode: 'insufficient_funds', transactionId: TXN, requestId: 'r',
      idempotencyKey: 'order-1', message: 'as the test says',
    },
  );
  const codes = ['INVALID_STATE', 'IDEMPOTENCY_KEY_REUSED', 'PROVIDER_UNAVAILABLE', 'INTERNAL_ERROR', 'A_CODE_OF_A_LATER_RELEASE'];
  for (const code of codes) {
    await assert.rejects(shop.charge(order), { name: 'GatewayError', code });
  }
  await assert.rejects(shop.charge(order), { name: 'GatewayError', status: 302, code: undefined });
  assert.equal(requests.length, 7);
});

test('a success that the gateway did not say is asked for again under the same key', async (t) => {
  const page = { status: 200, body: '<html>welcome</html>', headers: { 'content-type': 'text/html' } };
  const { gateway: shop, requests } = await gateway(t, [page, { status: 200, body: '' }, charged]);
  assert.equal((await shop.charge(order)).transactionId, TXN);
  theOneKey(requests, 3);
});

test('a time limit without end is one', async (t) => {
  const { gateway: shop, requests } = await gateway(t, [charged], { timeoutMs: Infinity, attempts: 1 });
  await shop.charge(order);
  theOneKey(requests, 1);
});

test('without any answer the error has the key to ask again with', async (t) => {
  const { gateway: shop, requests } = await gateway(t, [cut, cut], { attempts: 2 });
  const lost = await shop.charge(order).catch((error) => error);
  assert.ok(lost instanceof NoAnswer && lost.cause instanceof Error);
  assert.equal(lost.idempotencyKey, theOneKey(requests, 2));
});

test('a caller that gives up is told so, and nothing more is sent', async (t) => {
  const { gateway: shop, requests } = await gateway(t, [silence]);
  const signal = AbortSignal.timeout(100);
  await assert.rejects(shop.charge(order, { signal }), { name: 'TimeoutError' });
  assert.equal(requests.length, 1);
});

test('a caller that has given up on a read, or while it waits, is told so', async (t) => {
  const { gateway: shop } = await gateway(t, [payment('pending'), silence]);
  const waiting = shop.waitForDecision({ transactionId: TXN }, 60_000, AbortSignal.timeout(100));
  await assert.rejects(waiting, { name: 'TimeoutError' });
  const signal = AbortSignal.abort();
  for (const read of [() => shop.payment(TXN, { signal }), () => shop.payments({}, { signal }).next()]) {
    await assert.rejects(read, { name: 'AbortError' });
  }
});

test('waiting has an end, also if the gateway is silent', async (t) => {
  const { gateway: shop } = await gateway(t, [silence]);
  const begun = Date.now();
  const waited = shop.waitForDecision({ transactionId: TXN }, 100);
  await assert.rejects(waited, (error) => error instanceof StillPending && error.id === TXN);
  assert.ok(Date.now() - begun < 10_000, `${Date.now() - begun} ms`);
});

test('an undecided payment is read until it is decided', async (t) => {
  const pending = answer(202, { success: true, transactionId: TXN, status: 'pending' });
  const { gateway: shop, requests } = await gateway(t, [pending, payment('pending'), payment('completed'), payment('pending')]);
  const taken = await shop.charge(order);
  assert.equal(taken.status, 'pending');
  assert.equal((await shop.waitForDecision(taken)).status, 'completed');
  assert.deepEqual(requests.slice(1).map(({ method, path }) => `${method} ${path}`), Array(2).fill(`GET /payments/${TXN}`));
  await assert.rejects(shop.waitForDecision(taken, 0), (error) => error instanceof StillPending && error.id === TXN);
});

test('an undecided refund is read, not its payment', async (t) => {
  const found = answer(200, { success: true, refundId: RFND, transactionId: TXN, status: 'processed' });
  const { gateway: shop, requests } = await gateway(t, [found]);
  assert.equal((await shop.waitForDecision({ success: true, refundId: RFND, status: 'pending' })).status, 'processed');
  assert.equal(requests[0].path, `/refunds/${RFND}`);
});

test('pages are read until the last one', async (t) => {
  const page = (ids, hasMore) => answer(200, { success: true, data: ids.map((transactionId) => ({ transactionId })), hasMore });
  const { gateway: shop, requests } = await gateway(t, [page(['a', 'b'], true), page(['c'], false)]);
  const seen = [];
  for await (const { transactionId } of shop.payments({ limit: 2, provider: 'stripe' })) seen.push(transactionId);
  assert.deepEqual(seen, ['a', 'b', 'c']);
  const paths = ['/payments?limit=2&provider=stripe', '/payments?limit=2&provider=stripe&startingAfter=b'];
  assert.deepEqual(requests.map(({ path }) => path), paths);
});

test('a second run of a job sends the same requests', async (t) => {
  const refunded = answer(200, { success: true, refundId: RFND, status: 'processed' });
  const { gateway: shop, requests } = await gateway(t, [charged, refunded, refunded, charged, refunded, refunded, charged]);
  const run = async (body) => {
    const job = shop.job('invoice 17');
    const { transactionId } = await job.charge(body);
    await job.refund({ transactionId, amount: 1 });
    await job.refund({ transactionId, amount: 1 }, { step: 'second refund' });
  };
  await run(order);
  // The order of fields is no part of what is asked.
  await run(Object.fromEntries(Object.entries(order).reverse()));
  const sent = requests.map(({ headers, body }) => [headers['idempotency-key'], body]);
  assert.deepEqual(sent.slice(0, 3), sent.slice(3));
  assert.equal(new Set(sent.slice(0, 3).map(([key]) => key)).size, 3);
  await shop.job('invoice 18').charge(order);
  assert.notEqual(requests[6].headers['idempotency-key'], sent[0][0]);
  // The same in each language, so that a job can move.
  assert.equal(sent[0][0], 'job-22aaf80251532217a7557bb078c5328100acb4021c5b4456c33499ad1af35115');
});

test('generated functions are repeated, too', async (t) => {
  const list = answer(200, { success: true, data: [], hasMore: false });
  const { gateway: shop, requests } = await gateway(t, [refusal(503, 'GATEWAY_UNAVAILABLE'), list]);
  const { data } = await listPayments({ client: shop.core, throwOnError: true });
  assert.deepEqual([data.data, requests.length], [[], 2]);
});
