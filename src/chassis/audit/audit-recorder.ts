import { Injectable } from '@nestjs/common';
import { AuditTrail } from './audit-trail.js';
import type { AuditFact } from './entry.js';

/**
 * Writes entries of the audit trail by hand, where `@Audit` does not fit: in jobs, in loops, for what is
 * found out half-way. Caller, request id, trace id and address come from the call it runs in.
 *
 * @example
 * ```ts
 * constructor(private readonly audit: AuditRecorder) {}
 * await this.audit.record({ action: 'accounts.close', target: account.id, detail: { reason } });
 * ```
 */
@Injectable()
export class AuditRecorder {
  constructor(private readonly trail: AuditTrail) {}

  /**
   * Resolves when the entry is durable.
   * @throws {ServiceError} AUDIT_UNAVAILABLE when it cannot be written and AUDIT_ON_FAILURE is `refuse`
   */
  record(fact: AuditFact): Promise<void> {
    return this.trail.record(fact);
  }
}
