export { Audit, type AuditOptions } from './audit.decorator.js';
export { AuditModule } from './audit.module.js';
export { AuditRecorder } from './audit-recorder.js';
export { AuditTrail } from './audit-trail.js';
export { createAuditing, type Auditing } from './create-auditing.js';
export type { AuditFact, AuditOperator, AuditResult } from './entry.js';
export { auditRefusedRequests, type Refusals } from './refusals.js';
