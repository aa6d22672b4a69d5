const INITIAL_SLOTS = 256;

/**
 * Streams of one HTTP/2 session by their ids: what Node does with its `Map` of them, without what a `Map`
 * leaves behind. Open addressing with linear probing; deleting moves the followers back, so nothing grows
 * with the number of streams that have been.
 */
export class StreamTable<Stream> {
  size = 0;
  /** 0 is the session itself, no stream: it marks a free slot. */
  #ids = new Int32Array(INITIAL_SLOTS);
  #streams = Array.from<Stream | undefined>({ length: INITIAL_SLOTS });
  #mask = INITIAL_SLOTS - 1;

  get(id: number): Stream | undefined {
    return this.#streams[this.#slotOf(id)];
  }

  set(id: number, stream: Stream): this {
    // Half full at most, so that a free slot is near.
    if (this.size * 2 > this.#mask) this.#grow();
    const slot = this.#slotOf(id);
    if (this.#ids[slot] === 0) this.size += 1;
    this.#ids[slot] = id;
    this.#streams[slot] = stream;
    return this;
  }

  delete(id: number): boolean {
    const slot = this.#slotOf(id);
    if (this.#ids[slot] !== id) return false;
    this.size -= 1;
    this.#closeGap(slot);
    return true;
  }

  forEach(visit: (stream: Stream, id: number) => void): void {
    const ids = this.#ids.slice();
    const streams = this.#streams.slice();
    for (const [slot, id] of ids.entries()) if (id !== 0) visit(streams[slot] as Stream, id);
  }

  /** Where `id` is, or would be. */
  #slotOf(id: number): number {
    let slot = this.#homeOf(id);
    while (this.#ids[slot] !== 0 && this.#ids[slot] !== id) slot = (slot + 1) & this.#mask;
    return slot;
  }

  /** Ids of one side are all odd or all even. */
  #homeOf(id: number): number {
    return (id >>> 1) & this.#mask;
  }

  #closeGap(left: number): void {
    let gap = left;
    for (let slot = (gap + 1) & this.#mask; this.#ids[slot] !== 0; slot = (slot + 1) & this.#mask) {
      const way = (slot - this.#homeOf(this.#ids[slot] as number)) & this.#mask;
      if (way < ((slot - gap) & this.#mask)) continue;
      this.#ids[gap] = this.#ids[slot] as number;
      this.#streams[gap] = this.#streams[slot];
      gap = slot;
    }
    this.#ids[gap] = 0;
    this.#streams[gap] = undefined;
  }

  #grow(): void {
    const ids = this.#ids;
    const streams = this.#streams;
    const slots = ids.length * 2;
    this.#ids = new Int32Array(slots);
    this.#streams = Array.from<Stream | undefined>({ length: slots });
    this.#mask = slots - 1;
    this.size = 0;
    for (const [slot, id] of ids.entries()) if (id !== 0) this.set(id, streams[slot] as Stream);
  }
}
