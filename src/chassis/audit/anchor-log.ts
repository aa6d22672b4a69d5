import type { Logger } from '@nestjs/common';
import type { AuditAnchor } from './sink.js';

/**
 * Logs where the chain ends from time to time. The log is kept elsewhere, so that `audit:verify --expect`
 * finds out when the end of the chain was cut off, which the chain itself cannot tell.
 */
export class AnchorLog {
  #last: AuditAnchor | undefined;
  #told: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param intervalMs 0 = only when told to */
  constructor(
    intervalMs: number,
    private readonly logger: Logger,
  ) {
    if (intervalMs > 0) this.#timer = setInterval(() => this.#tellLast(), intervalMs).unref();
  }

  /** Remembers it for the next time. */
  note(anchor: AuditAnchor): void {
    this.#last = anchor;
  }

  /** Logs it now, unless that was done. */
  tell({ chain, seq, hash }: AuditAnchor): void {
    if (hash === this.#told) return;
    this.#told = hash;
    this.logger.log({ chain, seq, hash }, 'audit anchor');
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#tellLast();
  }

  #tellLast(): void {
    if (this.#last) this.tell(this.#last);
  }
}
