import { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import { AcceptQueue } from '../../src/chassis/load-shedding/accept-queue.js';

/** What is asked about each call, and told of it; `Admission` of load shedding does both. */
interface Judge {
  readonly isBusy: boolean;
  judge(rank: number, nowMs: number, queuedMs: number): string | undefined;
  began(rank: number, nowMs: number): void;
  ended(rank: number, beganMs: number, durationMs: number): void;
  turned(nowMs: number, activeMs: number, idleMs: number): void;
}

/** Calls a second that come at random (a Poisson process), from one time on until another. */
export interface Arrivals {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly perSecond: number;
  /** Place of the class in `PRIORITIES`. */
  readonly rank: number;
}

export interface SimulatedCall {
  readonly arrivedMs: number;
  readonly rank: number;
  isRefused: boolean;
  /** It was seen by the program. */
  seenMs: number;
  endedMs: number;
}

export interface LoopModel {
  /** Time of the loop that an admitted call takes. */
  readonly serviceMs: number;
  /** … and a refused one. */
  readonly refusalMs: number;
  /**
   * `sockets`: every call is seen when the one before it is done, as over HTTP/1.1. `bundle`: all that have
   * come are seen, and only then are those that were admitted done, as the streams of one gRPC connection. `connections`: each call comes on a connection of its own, and
   * each turn takes one of them.
   */
  readonly order: 'sockets' | 'bundle' | 'connections';
  /** Work that is none of calls': the loop is held up so long, once, at a time. */
  readonly hiccup?: { readonly atMs: number; readonly forMs: number };
}

const TURN_MS = 1;
const LOOK_MS = 20;

/**
 * Node's event loop as a queue: it takes all that has arrived, works it off, looks at its timers, takes what
 * has arrived meanwhile. With a clock of its own, so that a minute takes a moment.
 */
export class SimulatedLoop {
  readonly calls: SimulatedCall[] = [];
  readonly #server = new EventEmitter();
  readonly #accepts = new AcceptQueue();
  #now = 0;
  #idleMs = 0;
  #toldIdleMs = 0;
  #toldAt = 0;

  constructor(
    private readonly judge: Judge,
    private readonly model: LoopModel,
    /** From 0 up to 1. */
    private readonly random: () => number,
  ) {
    this.#accepts.watch(this.#server as Server);
  }

  run(arrivals: readonly Arrivals[], untilMs: number): this {
    const queue = arrivals
      .flatMap((each) => this.#arrive(each))
      .toSorted((a, b) => a.arrivedMs - b.arrivedMs);
    let next = 0;
    let isHeldUp = this.model.hiccup !== undefined;
    while (this.#now < untilMs) {
      const batch: SimulatedCall[] = [];
      const most = this.model.order === 'connections' ? 1 : Infinity;
      for (
        let call = queue[next];
        call && call.arrivedMs <= this.#now && batch.length < most;
        call = queue[++next]
      )
        batch.push(call);
      if (batch.length === 0) this.#wait(Math.min(queue[next]?.arrivedMs ?? Infinity, untilMs));
      else this.#work(batch);
      if (isHeldUp && this.#now >= (this.model.hiccup?.atMs ?? 0)) {
        isHeldUp = false;
        this.#now += this.model.hiccup?.forMs ?? 0;
      }
      if (this.#now >= this.#dueAt) this.#turn();
    }
    return this;
  }

  get #dueAt(): number {
    return this.#toldAt + (this.judge.isBusy ? TURN_MS : LOOK_MS);
  }

  #arrive({ fromMs, untilMs, perSecond, rank }: Arrivals): SimulatedCall[] {
    const calls: SimulatedCall[] = [];
    const draw = (): number => (-Math.log(1 - this.random()) * 1000) / perSecond;
    for (let at = fromMs + draw(); at < untilMs; at += draw())
      calls.push({ arrivedMs: at, rank, isRefused: false, seenMs: 0, endedMs: 0 });
    return calls;
  }

  #wait(untilMs: number): void {
    const end = Math.max(this.#now, Math.min(untilMs, this.#dueAt));
    this.#idleMs += end - this.#now;
    this.#now = end;
  }

  #work(batch: readonly SimulatedCall[]): void {
    const admitted: SimulatedCall[] = [];
    for (const call of batch) {
      call.seenMs = this.#now;
      call.isRefused = this.judge.judge(call.rank, this.#now, this.#accept()) !== undefined;
      this.calls.push(call);
      if (call.isRefused) {
        this.#now += this.model.refusalMs;
        call.endedMs = this.#now;
      } else {
        this.judge.began(call.rank, this.#now);
        if (this.model.order !== 'bundle') this.#serve(call);
        else admitted.push(call);
      }
    }
    for (const call of admitted) this.#serve(call);
  }

  /** @returns how long the call's connection may have waited for it */
  #accept(): number {
    if (this.model.order !== 'connections') return 0;
    this.#server.emit('connection');
    return this.#accepts.waitMs;
  }

  #serve(call: SimulatedCall): void {
    this.#now += this.model.serviceMs;
    call.endedMs = this.#now;
    this.judge.ended(call.rank, call.seenMs, this.#now - call.seenMs);
  }

  #turn(): void {
    const idleMs = this.#idleMs - this.#toldIdleMs;
    this.#accepts.turned(this.#now, idleMs);
    this.judge.turned(this.#now, this.#now - this.#toldAt - idleMs, idleMs);
    this.#toldIdleMs = this.#idleMs;
    this.#toldAt = this.#now;
  }
}
