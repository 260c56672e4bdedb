import { GatewayError, NoAnswer } from './errors.js';
import type { ErrorBody } from './generated/index.js';

/** The first pause between two attempts; each next one is twice as long, up to the longest, less a random part. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
/** A server that asks for more than this is not waited for. */
const LONGEST_RETRY_AFTER_MS = 60_000;
/** Timers take no more, and would end at once: 25 days. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface Repeating {
  /** How often a request is sent at most. */
  attempts: number;
  /** How long one attempt may take. */
  timeoutMs: number;
  fetch: typeof fetch;
}

/**
 * A `fetch` that repeats what may succeed later. Each attempt is the same request to the byte, with the same
 * `Idempotency-Key`, so that the gateway recognizes it. It throws a {@link GatewayError} for an answer of 400 or above,
 * and {@link NoAnswer} if none came.
 */
export function repeating(settings: Repeating): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const key = request.headers.get('idempotency-key') ?? undefined;
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await answerTo(request.clone(), settings).catch((lost: unknown) => new NoAnswer(key, lost));
      // The caller has given up.
      request.signal.throwIfAborted();
      if (outcome instanceof Response && outcome.ok) return outcome;
      const error = outcome instanceof Response ? await errorOf(outcome, key) : outcome;
      const askedForMs = outcome instanceof Response ? retryAfterMs(outcome) : 0;
      if (attempt >= settings.attempts || !mayRepeat(error) || askedForMs > LONGEST_RETRY_AFTER_MS) throw error;
      const longestMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
      await pause(Math.max(askedForMs, longestMs * (0.5 + Math.random() / 2)), request.signal);
    }
  };
}

/**
 * One attempt. The body is read here, so that an answer that is cut off counts as lost, and so does a success that is
 * no JSON: a proxy's page says nothing of what the gateway has done. A stream is left open.
 */
async function answerTo(request: Request, { fetch, timeoutMs }: Repeating): Promise<Response> {
  const late = new AbortController();
  const giveUp = () => late.abort(new DOMException('no answer in time', 'TimeoutError'));
  const timer = setTimeout(giveUp, Math.min(timeoutMs, LONGEST_TIMER_MS));
  try {
    const response = await fetch(request, { signal: AbortSignal.any([request.signal, late.signal]) });
    const type = response.headers.get('content-type') ?? '';
    if (type.startsWith('text/event-stream')) return response;
    const body = await response.arrayBuffer();
    if (response.ok) {
      if (!/^application\/([\w.-]+\+)?json\b/i.test(type)) throw new TypeError(`not the gateway's answer: '${type}'`);
      JSON.parse(new TextDecoder().decode(body));
    }
    return new Response(body.byteLength > 0 ? body : null, response);
  } finally {
    clearTimeout(timer);
  }
}

function mayRepeat(error: GatewayError | NoAnswer): boolean {
  if (error instanceof NoAnswer) return true;
  if (error.retryable === false) return false;
  return [429, 502, 503, 504].includes(error.status) || error.code === 'IDEMPOTENCY_IN_PROGRESS';
}

async function errorOf(response: Response, key: string | undefined): Promise<GatewayError> {
  const body = (await response.json().catch(() => undefined)) as Partial<ErrorBody> | undefined;
  return new GatewayError(response.status, body?.error ?? {}, key);
}

/** The gateway says seconds; what stands before it may say a date. 0 if there is neither. */
function retryAfterMs(response: Response): number {
  const text = response.headers.get('retry-after') ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  // Of a date, the name of the day comes first; `Date.parse` would take other numbers for years.
  const ms = /^[A-Z][a-z]+,? /.test(text) ? Date.parse(text) - Date.now() : 0;
  return ms > 0 ? ms : 0;
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // One that has been aborted before does not say so again.
    signal?.throwIfAborted();
    const giveUp = () => (clearTimeout(timer), reject(signal?.reason));
    const timer = setTimeout(() => (signal?.removeEventListener('abort', giveUp), resolve()), ms);
    signal?.addEventListener('abort', giveUp, { once: true });
  });
}
