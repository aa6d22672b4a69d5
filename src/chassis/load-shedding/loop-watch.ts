import { performance, type EventLoopUtilization } from 'node:perf_hooks';

/** How often the loop is looked at, in milliseconds … */
const LOOK_MS = 20;
/** … and while it has no rest: then each turn begins with this timer. */
const TURN_MS = 1;

/** Is told of the turns; answers whether every turn counts. */
export type OnTurn = (nowMs: number, activeMs: number, idleMs: number) => boolean;

/**
 * Watches the turns of the event loop: timers run between two of them, so a timer that is always due marks where
 * each one begins. A loop that has rest is looked at now and then only.
 */
export class LoopWatch {
  #steady: NodeJS.Timeout | undefined;
  #turn: NodeJS.Timeout | undefined;
  #last: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(private readonly onTurn: OnTurn) {}

  start(): void {
    this.#last = performance.eventLoopUtilization();
    this.#steady ??= setInterval(this.#look, LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#steady);
    clearTimeout(this.#turn);
    this.#steady = undefined;
    this.#turn = undefined;
  }

  readonly #look = (): void => {
    const last = this.#last;
    const now = performance.eventLoopUtilization();
    this.#last = now;
    if (!this.onTurn(performance.now(), now.active - last.active, now.idle - last.idle)) return;
    if (this.#turn) this.#turn.refresh();
    else this.#turn = setTimeout(this.#look, TURN_MS).unref();
  };
}
