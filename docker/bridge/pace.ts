export interface PaceOptions {
  /** Messages that the robot takes in a minute. DingTalk's limit is 20; beyond it nothing is taken for ten minutes. */
  readonly messagesPerMinute: number;
  /** First pause after the robot said that we are too fast, in milliseconds; doubled each time it says so again. */
  readonly pauseMs: number;
}

const MINUTE_MS = 60_000;
/** How long DingTalk shuts out a robot that was too fast. */
const LONGEST_PAUSE_MS = 600_000;

/** When the next message may be sent: within the robot's limit, and not during a pause that it asked for. */
export class Pace {
  readonly #options: PaceOptions;
  /** Times of the last minute's messages, oldest first. */
  #sent: number[] = [];
  #pausedUntil = 0;
  #pauseMs: number;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#pauseMs = options.pauseMs;
  }

  /** Milliseconds until the next message may be sent; 0 = now. */
  waitMs(now: number): number {
    this.#sent = this.#sent.filter((time) => time > now - MINUTE_MS);
    const oldest = this.#sent.at(-this.#options.messagesPerMinute);
    const untilRoom = oldest === undefined ? 0 : oldest + MINUTE_MS - now;
    return Math.max(0, untilRoom, this.#pausedUntil - now);
  }

  /** A message is sent now. */
  take(now: number): void {
    this.#sent.push(now);
  }

  /** The robot said that we are too fast. */
  pause(now: number): void {
    this.#pausedUntil = now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  /** The robot took a message. */
  resume(): void {
    this.#pauseMs = this.#options.pauseMs;
  }
}
