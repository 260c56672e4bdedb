// What Bruno's importer does not do by itself, before and after it. Used by generate-clients.sh.
import { appendFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [step, path, output] = process.argv.slice(2);

/** What the requests of a collection hand on to each other. */
const variables = { txn_: '{{transactionId}}', rfnd_: '{{refundId}}' };

/** An example's value with variables for ids. */
function withVariables(value) {
  if (typeof value === 'string') {
    const prefix = Object.keys(variables).find((start) => value.startsWith(start));
    return prefix ? variables[prefix] : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withVariables(field)]));
}

/** The description as the importer takes it: requests only, named by their operation, with values to send. */
function prepare() {
  const description = JSON.parse(readFileSync(path, 'utf8'));
  const local = description.servers.filter(({ url }) => url !== '/');
  description.servers = local;
  for (const [route, methods] of Object.entries(description.paths)) {
    // Only a provider can sign them.
    if (route.startsWith('/webhooks/')) delete description.paths[route];
    for (const operation of Object.values(methods)) {
      operation.summary = operation.operationId;
      operation.responses = {};
      operation.parameters = (operation.parameters ?? []).map(({ $ref, ...parameter }) => {
        const named = $ref ? description.components.parameters[$ref.split('/').at(-1)] : parameter;
        const value = named.name === 'Idempotency-Key' ? '{{$guid}}' : withVariables(named.example);
        return { ...named, example: value, schema: { type: 'string' } };
      });
      const content = operation.requestBody?.content['application/json'];
      if (content) {
        const { stripe, usual, part } = content.examples;
        content.example = withVariables((stripe ?? usual ?? part).value);
        delete content.examples;
      }
    }
  }
  writeFileSync(output, JSON.stringify(description));
}

/** Hands the ids of answers on, and makes one environment. */
function finish() {
  const handOn = (request, variable) =>
    appendFileSync(join(path, request), `\nvars:post-response {\n  ${variable}: res.body.${variable}\n}\n`);
  handOn('payments/createCharge.bru', 'transactionId');
  handOn('payments/createRefund.bru', 'refundId');
  const environments = join(path, 'environments');
  for (const file of readdirSync(environments)) rmSync(join(environments, file));
  writeFileSync(join(environments, 'local.bru'), 'vars {\n  baseUrl: http://127.0.0.1:8080\n  token: demo-key\n}\n');
}

({ prepare, finish })[step]();
