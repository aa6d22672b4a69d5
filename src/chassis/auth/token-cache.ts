interface Entry<Value> {
  readonly digest: string;
  readonly value: Value;
}

/**
 * A map by digest that keeps between half of `size` and `size` entries: two generations, of which the older is
 * dropped whole when the younger is full. What is asked for moves to the younger one, so what is in use
 * stays; neither order nor timers have to be kept. Of two digests that begin alike the later one stays.
 */
export class TokenCache<Value> {
  readonly #generationSize: number;
  /** By number: V8 makes a text unique first, in a table of all texts, to look it up in a `Map`. */
  #young = new Map<number, Entry<Value>>();
  #old = new Map<number, Entry<Value>>();

  /** @param size most entries, 2 or more */
  constructor(size: number) {
    this.#generationSize = Math.max(1, Math.floor(size / 2));
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(digest: string): Value | undefined {
    const place = placeOf(digest);
    const young = this.#young.get(place);
    if (young?.digest === digest) return young.value;
    const old = this.#old.get(place);
    if (old?.digest !== digest) return undefined;
    this.#keep(place, old);
    return old.value;
  }

  set(digest: string, value: Value): void {
    this.#keep(placeOf(digest), { digest, value });
  }

  delete(digest: string): void {
    const place = placeOf(digest);
    if (this.#young.get(place)?.digest === digest) this.#young.delete(place);
    if (this.#old.get(place)?.digest === digest) this.#old.delete(place);
  }

  #keep(place: number, entry: Entry<Value>): void {
    if (this.#young.size >= this.#generationSize && !this.#young.has(place)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(place, entry);
    this.#old.delete(place);
  }
}

/** The first 30 bits of a digest, one byte a character: as many as a number has that V8 keeps without a box. */
function placeOf(digest: string): number {
  const high = digest.charCodeAt(0) & 0x3f;
  return (high << 24) | (digest.charCodeAt(1) << 16) | (digest.charCodeAt(2) << 8) | digest.charCodeAt(3);
}
