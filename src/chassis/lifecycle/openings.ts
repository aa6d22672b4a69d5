/** What can be closed. */
export interface Opened {
  close(): Promise<void>;
}

/**
 * What is opened while the container is made. A container that fails half-way has no shutdown that
 * could close it; whoever starts the service does it then.
 */
export class Openings {
  readonly #openings: Promise<Opened>[] = [];

  /** Remembers what is being opened and hands it on. */
  add<T extends Opened>(opening: Promise<T>): Promise<T> {
    this.#openings.push(opening);
    return opening;
  }

  /** Closes what was opened, the last first; what did not open is none. */
  async close(): Promise<void> {
    for (const opening of this.#openings.toReversed()) {
      await opening.then(
        (opened) => opened.close(),
        () => undefined,
      );
    }
  }
}
