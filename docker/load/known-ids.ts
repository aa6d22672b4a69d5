const MAX_IDS = 50;

/** Ids that answers had, so that later calls ask for what exists. */
export class KnownIds {
  readonly #ids = new Map<string, string[]>();

  /** Notes the `id` of a JSON answer, at the top or one level down. */
  learn(collection: string, answer: string): void {
    const id = idOf(answer);
    if (id === undefined) return;
    const ids = this.#ids.get(collection) ?? [];
    this.#ids.set(collection, [id, ...ids].slice(0, MAX_IDS));
  }

  any(collection: string): string | undefined {
    const ids = this.#ids.get(collection) ?? [];
    return ids[Math.floor(Math.random() * ids.length)];
  }
}

function idOf(answer: string): string | undefined {
  if (!answer.startsWith('{')) return undefined;
  const body = JSON.parse(answer) as Record<string, unknown>;
  const candidates = [body, ...Object.values(body)] as ({ id?: unknown } | null)[];
  return candidates.map((value) => value?.id).find((value) => typeof value === 'string');
}
