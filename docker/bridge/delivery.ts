import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.ts';
import type { RobotMessage } from './message.ts';
import type { Metrics } from './metrics.ts';
import type { Pace } from './pace.ts';
import type { Robot, RobotAnswer } from './robot.ts';

export interface DeliveryOptions {
  /** Unset = messages go to the log. */
  readonly robot: Robot | undefined;
  readonly pace: Pace;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Longest time for one message with all its tries, in milliseconds; then Alertmanager has to try again. */
  readonly limitMs: number;
  /** Wait after the first failed try, in milliseconds; doubled each time. */
  readonly retryMs: number;
}

/** What became of a message: only `throttled` and `failed` are worth another call of Alertmanager. */
export type Outcome =
  | { readonly result: 'sent' | 'refused'; readonly reason: string }
  | { readonly result: 'throttled' | 'failed'; readonly reason: string; readonly retryAfterMs: number };

/**
 * Sends messages at the robot's pace and tries again while there is time. Nothing is kept beyond the call:
 * Alertmanager remembers what was not delivered, and sends it again also to a bridge that was restarted.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #stopping = new AbortController();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Nobody waits any longer; requests under way end by themselves. */
  stop(): void {
    this.#stopping.abort();
  }

  async deliver(message: RobotMessage): Promise<Outcome> {
    const { robot, pace, log, limitMs, retryMs } = this.#options;
    if (!robot) {
      log.info('message', { title: message.markdown.title, text: message.markdown.text });
      return { result: 'sent', reason: 'written to the log' };
    }
    const end = Date.now() + limitMs;
    let reason = 'too many messages in the last minute';
    let pauseMs = retryMs;
    while (await this.#getsTurn(end)) {
      const answer = await this.#try(robot, message);
      if (answer.result === 'sent' || answer.result === 'refused')
        return { result: answer.result, reason: answer.reason };
      ({ reason } = answer);
      // When throttled, the pace knows for how long.
      if (answer.result === 'throttled') continue;
      if (!(await this.#waits(pauseMs, end))) return { result: 'failed', reason, retryAfterMs: pauseMs };
      pauseMs *= 2;
    }
    return { result: 'throttled', reason, retryAfterMs: pace.waitMs(Date.now()) };
  }

  async #try(robot: Robot, message: RobotMessage): Promise<RobotAnswer> {
    const { pace, log, metrics } = this.#options;
    const answer = await robot.send(message);
    metrics.count('bridge_robot_requests_total', answer.result);
    if (answer.result === 'sent') pace.resume();
    if (answer.result === 'throttled') pace.pause(Date.now());
    if (answer.result !== 'sent') log.warn(`robot: ${answer.result}`, { reason: answer.reason });
    return answer;
  }

  /** Waits for the pace and takes a turn. @returns false when none comes before `end` */
  async #getsTurn(end: number): Promise<boolean> {
    const { pace } = this.#options;
    for (;;) {
      const waitMs = pace.waitMs(Date.now());
      if (!(await this.#waits(waitMs, end))) return false;
      // Another call may have taken the turn meanwhile.
      if (pace.waitMs(Date.now()) > 0) continue;
      pace.take(Date.now());
      return true;
    }
  }

  /** @returns false, at once, when that would take beyond `end` or the bridge is stopping */
  async #waits(waitMs: number, end: number): Promise<boolean> {
    const { signal } = this.#stopping;
    if (signal.aborted || Date.now() + waitMs > end) return false;
    return sleep(waitMs, true, { signal }).catch(() => false);
  }
}
