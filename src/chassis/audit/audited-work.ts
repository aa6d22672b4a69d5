import { Logger } from '@nestjs/common';
import type { CallContext } from '../context/index.js';
import { callCancelled, toServiceError } from '../errors/index.js';
import type { AuditMark } from './audit.decorator.js';
import type { AuditTrail } from './audit-trail.js';
import type { AuditFact, AuditResult } from './entry.js';

const logger = new Logger('Audit');

/** One run of an audited method, from its admission to its last entry. */
export class AuditedWork {
  readonly #target: string | undefined;
  readonly #detail: Readonly<Record<string, unknown>> | undefined;
  #hasBegun = false;

  constructor(
    private readonly trail: AuditTrail,
    private readonly mark: AuditMark,
    private readonly call: CallContext | undefined,
    /** A handler leaves it to a method below it to record the same action. */
    private readonly isHandler: boolean,
    args: unknown[],
  ) {
    // Before the work, which may change what it was given.
    this.#target = mark.target?.(...args);
    this.#detail = mark.detail?.(...args);
    if (isHandler && call) trail.enter(call);
  }

  /** The entry before the work. @throws {ServiceError} AUDIT_UNAVAILABLE */
  async begin(): Promise<void> {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    await this.trail.record(this.#fact('ok', this.#target, 'begin'), this.call);
  }

  /** The entry after it. @throws {ServiceError} AUDIT_UNAVAILABLE */
  async succeed(value?: unknown): Promise<void> {
    await this.#end('ok', this.#targetOf(value) ?? this.#target);
  }

  /** The same for what was thrown. @throws {ServiceError} AUDIT_UNAVAILABLE */
  async fail(thrown: unknown): Promise<void> {
    await this.#end(resultOf(thrown), this.#target);
  }

  /** Its reader left before the end; nobody waits for the entry. */
  leave(): void {
    // A failure is told by the trail's outage; the entry waits there.
    this.fail(this.call?.abortReason ?? callCancelled()).catch(() => undefined);
  }

  async #end(result: AuditResult, target: string | undefined): Promise<void> {
    const { call, mark, trail } = this;
    if (this.isHandler && call && trail.hasRecorded(call, mark.action) && !this.#hasBegun) return;
    await trail.record(this.#fact(result, target, this.#hasBegun ? 'end' : undefined), call);
  }

  #fact(result: AuditResult, target: string | undefined, phase: AuditFact['phase']): AuditFact {
    return { action: this.mark.action, target, result, detail: this.#detail, phase };
  }

  /** The work is done: whatever the application's function does here, it has its entry. */
  #targetOf(value: unknown): string | undefined {
    try {
      return value === undefined ? undefined : this.mark.targetOfResult?.(value);
    } catch (error) {
      logger.error(
        { err: error, action: this.mark.action },
        'targetOfResult failed; the entry has no target',
      );
      return undefined;
    }
  }
}

/** What a thrown value comes to in an entry. */
export function resultOf(thrown: unknown): AuditResult {
  const { code, reason } = toServiceError(thrown);
  return { code, reason };
}
