import { setTimeout as sleep } from 'node:timers/promises';
import { targets } from '../targets.ts';
import { assertSame, histogramSamples } from './sameness.ts';
import { Target, type Kind, type World } from './target.ts';

/** Calls that warm a target up before anything is timed. */
export const WARM_UP_CALLS = 30_000;
const QUIET_MS = 1200;
const QUIET_TRIES = 10;

/** What a target did beside answering. */
export interface Tally {
  readonly spans: number;
  readonly lines: number;
  readonly samples: number;
}

/** Several targets at once, all checked and warm, ready to be called in turn. */
export class Field {
  readonly targets: readonly Target[];
  readonly #kind: Kind;

  private constructor(targets: readonly Target[], kind: Kind) {
    this.targets = targets;
    this.#kind = kind;
  }

  static async open(kind: Kind, names: readonly string[], world: World): Promise<Field> {
    const running: Target[] = [];
    try {
      for (const name of names) {
        const target = await Target.start(specOf(name), world);
        running.push(target);
        await assertSame(target, world);
        const client = await target.open(kind);
        await client.run({ calls: WARM_UP_CALLS });
        client.close();
      }
      return new Field(running, kind);
    } catch (error) {
      await stopAll(running);
      throw error;
    }
  }

  /** Calls `visit` for every target in every round; each round begins with the next one. */
  async rotate(rounds: number, visit: (target: Target, round: number) => Promise<void>): Promise<void> {
    const { length } = this.targets;
    for (let round = 0; round < rounds; round++) {
      for (let place = 0; place < length; place++) {
        const target = this.targets[(round + place) % length];
        if (target) await visit(target, round);
      }
    }
  }

  /** Spans, lines and histogram samples of each target so far, once all that was under way has come. */
  async tallies(): Promise<Map<string, Tally>> {
    const tallies = await this.#readTallies();
    for (let tries = 0; tries < QUIET_TRIES; tries++) {
      await sleep(QUIET_MS);
      const later = await this.#readTallies();
      const isQuiet = later.entries().every(([name, { spans }]) => tallies.get(name)?.spans === spans);
      for (const [name, tally] of later) tallies.set(name, tally);
      if (isQuiet) break;
    }
    return tallies;
  }

  close(): Promise<void> {
    return stopAll(this.targets);
  }

  async #readTallies(): Promise<Map<string, Tally>> {
    const route = { get: '/v1/items/:id', post: '/v1/items', grpc: 'getItem' }[this.#kind];
    const entries = this.targets.map(async (target) => {
      const { spans, lines } = await target.counts();
      const samples = await histogramSamples(target, route);
      return [target.spec.name, { spans, lines, samples }] as const;
    });
    return new Map(await Promise.all(entries));
  }
}

export function specOf(name: string) {
  const spec = targets.find((target) => target.name === name);
  if (!spec) throw new Error(`bench/targets.ts has no target ${name}`);
  return spec;
}

async function stopAll(running: readonly Target[]): Promise<void> {
  await Promise.all(running.map((target) => target.stop()));
}
