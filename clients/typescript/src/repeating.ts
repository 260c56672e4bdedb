import { GatewayError, NoAnswer } from './errors.js';
import type { ErrorBody } from './generated/index.js';

/** The first pause between two attempts; each next one is twice as long, up to the longest, less a random part. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
/** A server that asks for more than this is not waited for. */
const LONGEST_RETRY_AFTER_MS = 60_000;

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

/** One attempt. The body is read here, so that an answer that is cut off counts as lost; a stream is left open. */
async function answerTo(request: Request, { fetch, timeoutMs }: Repeating): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException('no answer in time', 'TimeoutError')), timeoutMs);
  try {
    const response = await fetch(request, { signal: AbortSignal.any([request.signal, late.signal]) });
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) return response;
    const body = await response.arrayBuffer();
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
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return ms > 0 ? ms : 0;
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
