// Audits a server against the specification of GraphQL over HTTP. Arguments: the URL, the client's key.
import { auditServer } from 'graphql-http';

const [url, key] = process.argv.slice(2);
const fetchFn = (target, init = {}) =>
  fetch(target, { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } });

const results = await auditServer({ url, fetchFn });
const count = { ok: 0, notice: 0, warn: 0, error: 0 };
for (const { id, name, status, reason } of results) {
  count[status] += 1;
  if (status !== 'ok') console.log(`${status} ${id} ${name}: ${reason}`);
}
console.log(`audits: ${results.length}, ok: ${count.ok}, notices: ${count.notice}, warnings: ${count.warn}, errors: ${count.error}`);
