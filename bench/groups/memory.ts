/** Resident memory at the first answer and after the warm-up's calls. */
import { specOf, WARM_UP_CALLS } from '../harness/field.ts';
import { Target, type World } from '../harness/target.ts';

export interface MemoryRow {
  readonly name: string;
  readonly title: string;
  readonly startedMiB: number;
  readonly loadedMiB: number;
}

export async function measureMemory(names: readonly string[], world: World): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  for (const name of names) {
    const target = await Target.start(specOf(name), world);
    try {
      const startedMiB = toMiB(target.residentBytes());
      const client = await target.openHttp('get');
      await client.run({ calls: WARM_UP_CALLS });
      const loadedMiB = toMiB(target.residentBytes());
      client.close();
      rows.push({ name, title: target.spec.title, startedMiB, loadedMiB });
    } finally {
      await target.stop();
    }
  }
  return rows;
}

function toMiB(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
