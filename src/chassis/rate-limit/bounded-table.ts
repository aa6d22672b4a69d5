/** Entries that a new one looks at, to find some that may go … */
const SWEEP = 2;
/** … once there are so many: fewer are not worth the work, and callers that come again find theirs. */
const SWEEP_FROM = 4096;
/** Entries among which the one to go is chosen when none may. */
const SAMPLE = 16;

/** What a table may forget. */
export interface Forgettable {
  /** From this time on the entry says nothing that a new one would not. */
  readonly staleAt: number;
}

/**
 * Entries by key, a bounded number of them, however many keys there are. Beyond a few
 * thousand each new entry removes up to two that are stale. At the bound the stalest of a few others goes: for a bucket, the fullest.
 */
export class BoundedTable<Entry extends Forgettable> {
  readonly #entries = new Map<string, Entry>();
  #cursor = this.#entries.entries();
  /** Entries that had to go before they were stale. */
  evictions = 0;

  constructor(
    private readonly maxEntries: number,
    private readonly create: () => Entry,
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  /** The entry of this key, made when there is none. */
  find(key: string, nowMs: number): Entry {
    return this.#entries.get(key) ?? this.#add(key, nowMs);
  }

  entries(): IterableIterator<[string, Entry]> {
    return this.#entries.entries();
  }

  /** Whether there was one. */
  delete(key: string): boolean {
    return this.#entries.delete(key);
  }

  #add(key: string, nowMs: number): Entry {
    if (this.#entries.size >= SWEEP_FROM) this.#sweep(nowMs);
    if (this.#entries.size >= this.maxEntries) this.#evict(nowMs);
    const entry = this.create();
    // A copy: a key that is a part of a larger text, such as a token, would keep all of it.
    this.#entries.set(Buffer.from(key).toString(), entry);
    return entry;
  }

  #sweep(nowMs: number): void {
    for (let index = 0; index < SWEEP; index++) {
      const next = this.#next();
      if (next && next[1].staleAt <= nowMs) this.#entries.delete(next[0]);
    }
  }

  #evict(nowMs: number): void {
    let victim: [string, Entry] | undefined;
    for (let index = 0; index < SAMPLE; index++) {
      const next = this.#next();
      if (next && (!victim || next[1].staleAt < victim[1].staleAt)) victim = next;
    }
    if (!victim) return;
    if (victim[1].staleAt > nowMs) this.evictions += 1;
    this.#entries.delete(victim[0]);
  }

  /** Goes round and round; `undefined` at each end. */
  #next(): [string, Entry] | undefined {
    const { value, done } = this.#cursor.next();
    if (done !== true) return value;
    this.#cursor = this.#entries.entries();
    return undefined;
  }
}
