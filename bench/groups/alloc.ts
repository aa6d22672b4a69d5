/** What one REST call allocates on V8's heaps: the growth between garbage collections, from `--trace-gc`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { specOf } from '../harness/field.ts';
import { Target, type World } from '../harness/target.ts';

const WARM_UP_CALLS = 10_000;
const CALLS = 40_000;
const SETTLE_MS = 200;

export interface AllocRow {
  readonly name: string;
  readonly title: string;
  readonly bytesPerCall: number;
}

export async function measureAlloc(names: readonly string[], world: World): Promise<AllocRow[]> {
  const rows: AllocRow[] = [];
  for (const name of names) {
    const target = await Target.start(specOf(name), world, { readsGc: true });
    try {
      const client = await target.openHttp('get');
      await client.run({ calls: WARM_UP_CALLS });
      await sleep(SETTLE_MS);
      const before = await target.counts();
      await client.run({ calls: CALLS });
      await sleep(SETTLE_MS);
      const after = await target.counts();
      client.close();
      const bytesPerCall = Math.round((after.allocatedBytes - before.allocatedBytes) / CALLS);
      rows.push({ name, title: target.spec.title, bytesPerCall });
    } finally {
      await target.stop();
    }
  }
  return rows;
}
