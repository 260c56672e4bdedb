import type { ErrorBody, ErrorCode } from './generated/index.js';

/** An answer of 400 or above. `code` says what happened; `retryable` whether the same request can succeed later. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  /**
   * Of a later release, it may be one that this client does not know. `undefined` if something else than the gateway
   * answered, for example a proxy before it.
   */
  readonly code: ErrorCode | (string & {}) | undefined;
  readonly param: string | undefined;
  readonly declineCode: string | undefined;
  readonly providerCode: string | undefined;
  readonly retryable: boolean | undefined;
  readonly transactionId: string | undefined;
  readonly requestId: string | undefined;

  constructor(
    readonly status: number,
    detail: Partial<ErrorBody['error']>,
    /** The key of the request, to send it again under. */
    readonly idempotencyKey: string | undefined,
  ) {
    super(detail.message ?? `the answer is ${status} and has no message`);
    this.code = typeof detail.code === 'string' ? detail.code : undefined;
    this.param = detail.param;
    this.declineCode = detail.declineCode;
    this.providerCode = detail.providerCode;
    this.retryable = detail.retryable;
    this.transactionId = detail.transactionId;
    this.requestId = detail.requestId;
  }
}

/** No answer came, however often the request was sent. It may have been carried out: send it again under its key. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(
    readonly idempotencyKey: string | undefined,
    cause: unknown,
  ) {
    super('no answer came; the outcome is not known until the request is sent again under its key', { cause });
  }
}

/** The payment or refund is still `pending` after the time that the caller wanted to wait. It will be decided. */
export class StillPending extends Error {
  override readonly name = 'StillPending';

  constructor(
    /** Its `transactionId` or `refundId`. */
    readonly id: string,
  ) {
    super(`${id} is still pending`);
  }
}
