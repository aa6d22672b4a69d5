/** From the start of the process to its first good answer. */
import { specOf } from '../harness/field.ts';
import { median, medianRatio } from '../harness/statistics.ts';
import { Target, type World } from '../harness/target.ts';

export interface StartRow {
  readonly name: string;
  readonly title: string;
  readonly ms: number;
  /** To the first of the targets. */
  readonly ratio: number;
}

export async function measureStart(
  names: readonly string[],
  rounds: number,
  world: World,
): Promise<StartRow[]> {
  const samples = new Map(names.map((name) => [name, [] as number[]]));
  // The first round only fills the operating system's file cache.
  for (let round = 0; round <= rounds; round++) {
    for (let place = 0; place < names.length; place++) {
      const name = names[(round + place) % names.length] ?? '';
      const target = await Target.start(specOf(name), world);
      await target.stop();
      if (round > 0) samples.get(name)?.push(target.startMs);
    }
  }
  const base = samples.get(names[0] ?? '') ?? [];
  return names.map((name) => {
    const mine = samples.get(name) ?? [];
    return { name, title: specOf(name).title, ms: median(mine), ratio: medianRatio(mine, base) };
  });
}
