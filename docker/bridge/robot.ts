import { readBounded } from './read-bounded.ts';
import type { RobotMessage } from './message.ts';
import { signedUrl } from './sign.ts';

export interface RobotOptions {
  /** Webhook address with its access token. */
  readonly url: URL;
  /** Secret of the security setting "signature", `SEC…`. */
  readonly secret: string;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
}

/** What became of a message; only `refused` is final, a later try may succeed after the others. */
export interface RobotAnswer {
  readonly result: 'sent' | 'throttled' | 'failed' | 'refused';
  /** For the log: DingTalk's own code and words, or what happened to the connection. */
  readonly reason: string;
}

/** DingTalk's codes for too many messages: 130101 of robots, 410100 of the newer gateway. */
const THROTTLED = new Set<unknown>([130101, 410100]);
/** The system is busy, try again. */
const BUSY = -1;
const LONGEST_ANSWER_BYTES = 16_384;

/** A custom robot in a DingTalk group. */
export class Robot {
  readonly #options: RobotOptions;

  constructor(options: RobotOptions) {
    this.#options = options;
  }

  async send(message: RobotMessage): Promise<RobotAnswer> {
    const { url, secret, timeoutMs } = this.#options;
    try {
      const response = await fetch(signedUrl(url, secret, Date.now()), {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify(message),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      return judge(response.status, await readBounded(response.body ?? noBody(), LONGEST_ANSWER_BYTES));
    } catch (error) {
      return { result: 'failed', reason: describe(error) };
    }
  }
}

/** HTTP statuses tell about what stands in between; what DingTalk itself says has status 200. */
function judge(status: number, body: string): RobotAnswer {
  if (status === 429) return { result: 'throttled', reason: 'HTTP status 429' };
  if (status >= 500) return { result: 'failed', reason: `HTTP status ${status}` };
  const { errcode, errmsg } = parse(body);
  const reason = `HTTP status ${status}, errcode ${String(errcode)}: ${String(errmsg).slice(0, 200)}`;
  if (status === 200 && errcode === 0) return { result: 'sent', reason };
  if (THROTTLED.has(errcode)) return { result: 'throttled', reason };
  return { result: errcode === BUSY ? 'failed' : 'refused', reason };
}

function parse(body: string): { readonly errcode?: unknown; readonly errmsg?: unknown } {
  try {
    return Object(JSON.parse(body)) as { errcode?: unknown; errmsg?: unknown };
  } catch {
    return { errmsg: 'the answer is no JSON' };
  }
}

/** Such as `ECONNREFUSED` or `TimeoutError`: the messages of some errors hold the URL, and that the token. */
function describe(error: unknown): string {
  const { cause, name } = error as { readonly cause?: { readonly code?: string }; readonly name: string };
  return cause?.code ?? name;
}

async function* noBody(): AsyncGenerator<Uint8Array> {}
