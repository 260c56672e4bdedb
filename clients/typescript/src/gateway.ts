import { GatewayError, StillPending } from './errors.js';
import { createClient, type Client } from './generated/client/index.js';
import {
  cancelPayment, capturePayment, createCharge, createRefund, getPayment, getRefund, listPayments,
  type CancelAnswer, type CaptureAnswer, type CaptureRequest, type ChargeAnswer, type ChargeRequest,
  type ListPaymentsData, type Payment, type PaymentAnswer, type RefundAnswer, type RefundFound, type RefundRequest,
} from './generated/index.js';
import { LONGEST_TIMER_MS, pause, repeating } from './repeating.js';

export interface Settings {
  /** For example `https://gateway.example`. */
  baseUrl: string;
  clientKey: string;
  /** How often a request is sent at most, the first time included; 6, which takes 15 seconds without the answers. */
  attempts?: number;
  /** How long one attempt may take; 40,000: the gateway answers within 35 seconds. */
  timeoutMs?: number;
  /** What sends requests; the platform's own. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  /** Your own key, if this call repeats an earlier one; else a new one is made for it. */
  idempotencyKey?: string;
  /** In a job: tells two calls of the same operation apart. */
  step?: string;
  signal?: AbortSignal;
}

export interface ReadOptions {
  signal?: AbortSignal;
}

/** A payment or a refund. */
type Identified = { refundId: string } | { transactionId: string };

/** The key of a call. */
type Keys = (operation: string, options: CallOptions) => string | Promise<string>;

const FIRST_LOOK_MS = 250;
const LONGEST_LOOK_MS = 5_000;
/** How long the last look may take at least, so that one who does not want to wait gets an answer, too. */
const LEAST_LOOK_MS = 1_000;

/** Calls a payment gateway. Each method throws a `GatewayError` for a refusal, and `NoAnswer` if none came. */
export class Gateway {
  /** For the generated functions: `listEvents({ client: gateway.core })`. Their requests are repeated, too. */
  readonly core: Client;
  readonly #keys: Keys;

  constructor(settings: Settings | Client, keys: Keys = (_, { idempotencyKey }) => idempotencyKey ?? crypto.randomUUID()) {
    this.core = 'request' in settings ? settings : coreOf(settings);
    this.#keys = keys;
  }

  async charge(body: ChargeRequest, options: CallOptions = {}): Promise<ChargeAnswer> {
    return (await createCharge({ ...(await this.#command('charge', options)), body })).data;
  }

  async refund(body: RefundRequest, options: CallOptions = {}): Promise<RefundAnswer> {
    return (await createRefund({ ...(await this.#command('refund', options)), body })).data;
  }

  async capture(id: string, body: CaptureRequest = {}, options: CallOptions = {}): Promise<CaptureAnswer> {
    return (await capturePayment({ ...(await this.#command('capture', options)), path: { id }, body })).data;
  }

  async cancel(id: string, options: CallOptions = {}): Promise<CancelAnswer> {
    return (await cancelPayment({ ...(await this.#command('cancel', options)), path: { id }, body: {} })).data;
  }

  async payment(id: string, options: ReadOptions = {}): Promise<PaymentAnswer> {
    return (await getPayment({ ...this.#reading(options), path: { id } })).data;
  }

  async refundById(id: string, options: ReadOptions = {}): Promise<RefundFound> {
    return (await getRefund({ ...this.#reading(options), path: { id } })).data;
  }

  /** All payments that fit, newest first, page by page. */
  async *payments(
    query: NonNullable<ListPaymentsData['query']> = {},
    options: ReadOptions = {},
  ): AsyncGenerator<Payment, void, undefined> {
    let next = query;
    for (;;) {
      const { data: page } = await listPayments({ ...this.#reading(options), query: next });
      yield* page.data;
      const last = page.data.at(-1);
      if (!page.hasMore || last === undefined) return;
      next = { ...query, startingAfter: last.transactionId };
    }
  }

  /**
   * Waits until a payment or refund that was answered `pending` is decided, and returns it; at most `timeoutMs`, also
   * for a gateway that does not answer, or a second if that is longer: it looks once in any case.
   */
  waitForDecision(of: { refundId: string }, timeoutMs?: number, signal?: AbortSignal): Promise<RefundFound>;
  waitForDecision(of: { transactionId: string }, timeoutMs?: number, signal?: AbortSignal): Promise<PaymentAnswer>;
  async waitForDecision(
    of: Identified,
    timeoutMs = 60_000,
    signal?: AbortSignal,
  ): Promise<RefundFound | PaymentAnswer> {
    const end = Date.now() + timeoutMs;
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, LONGEST_LOOK_MS)) {
      const now = await this.#look(of, end - Date.now(), signal);
      if (now !== undefined && now.status !== 'pending') return now;
      const left = end - Date.now();
      if (left <= 0) throw new StillPending('refundId' in of ? of.refundId : of.transactionId);
      await pause(Math.min(wait, left), signal);
    }
  }

  /** What it is now; `undefined` if the gateway does not say so in time. */
  async #look(of: Identified, leftMs: number, signal?: AbortSignal): Promise<RefundFound | PaymentAnswer | undefined> {
    const late = AbortSignal.timeout(Math.min(Math.max(Math.ceil(leftMs), LEAST_LOOK_MS), LONGEST_TIMER_MS));
    const options = { signal: signal === undefined ? late : AbortSignal.any([signal, late]) };
    try {
      return await ('refundId' in of ? this.refundById(of.refundId, options) : this.payment(of.transactionId, options));
    } catch (error) {
      if (late.aborted && !signal?.aborted && !(error instanceof GatewayError)) return undefined;
      throw error;
    }
  }

  /**
   * The same gateway for a job that may run again, for example after a crash: each call's key follows from the job's
   * name and the step, so that a second run gets the first run's answers and changes nothing.
   */
  job(name: string): Gateway {
    return new Gateway(this.core, (operation, { idempotencyKey, step }) => idempotencyKey ?? jobKey(name, step ?? operation));
  }

  async #command(operation: string, options: CallOptions) {
    const key = await this.#keys(operation, options);
    const headers = { 'Idempotency-Key': key };
    return { ...this.#reading(options), headers };
  }

  #reading({ signal }: ReadOptions) {
    return { client: this.core, throwOnError: true as const, ...(signal && { signal }) };
  }
}

/** The same for the same name and step, and another for every other: the name's length keeps the two apart. */
async function jobKey(name: string, step: string): Promise<string> {
  const text = new TextEncoder().encode(`${new TextEncoder().encode(name).length}:${name}:${step}`);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', text));
  return `job-${Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function coreOf({ baseUrl, clientKey, attempts = 6, timeoutMs = 40_000, fetch = globalThis.fetch }: Settings): Client {
  return createClient({
    baseUrl,
    auth: clientKey,
    fetch: repeating({ attempts, timeoutMs, fetch }),
    // The gateway never redirects; followed, a command would become a read.
    redirect: 'manual',
    // The gateway compares bytes: the order in which a caller sets fields must not make another request of it.
    bodySerializer: (body: unknown) => JSON.stringify(body, sorted),
  });
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
