// A gateway that answers what a test says, one answer for each request, and keeps what it was sent.
import { createServer } from 'node:http';

/** An answer of the gateway. */
export const answer = (status, body, headers = {}) => ({ status, body: JSON.stringify(body), headers });

export const refusal = (status, code, more = {}, headers = {}) =>
  answer(status, { success: false, error: { code, message: 'as the test says', ...more } }, headers);

/** The connection is cut before the answer, or in the middle of it. */
export const cut = { cut: true };
export const cutInTheMiddle = { ...answer(200, { success: true }), cutInTheMiddle: true };
/** Nothing comes. */
export const silence = { silence: true };

export async function fakeGateway(test, answers) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const { method, url: path, headers } = request;
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    requests.push({ method, path, headers, body, at: Date.now() });
    const next = answers[requests.length - 1] ?? refusal(418, 'INTERNAL_ERROR');
    if (next.silence) return;
    if (next.cut) return request.socket.destroy();
    response.writeHead(next.status, { 'content-type': 'application/json', ...next.headers });
    if (!next.cutInTheMiddle) return response.end(next.body);
    response.write(next.body.slice(0, 5), () => request.socket.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  test.after(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${server.address().port}`, requests };
}
