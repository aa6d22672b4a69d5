type Decorate = (instance: unknown) => unknown;

/**
 * For `instrument.instanceDecorator`. Nest only warns of what that throws and goes on with the bare instance, which
 * would run without its policies and its audit: the faults are kept until all instances are made.
 */
export class InstanceDecorator {
  readonly #faults: unknown[] = [];

  constructor(private readonly overlay: Decorate) {}

  readonly decorate: Decorate = (instance) => {
    try {
      return this.overlay(instance);
    } catch (error) {
      this.#faults.push(error);
      throw error;
    }
  };

  /** @throws the first fault */
  assertAllDecorated(): void {
    if (this.#faults.length > 0) throw this.#faults[0];
  }
}
