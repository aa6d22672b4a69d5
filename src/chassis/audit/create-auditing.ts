import type { Config } from '../config/index.js';
import { AuditTrail } from './audit-trail.js';
import { InstanceAuditor } from './instance-auditor.js';

/** The audit trail before there is a container. */
export interface Auditing {
  readonly trail: AuditTrail;
  readonly auditor: InstanceAuditor;
}

export function createAuditing(config: Config): Auditing {
  const trail = new AuditTrail(config);
  return { trail, auditor: new InstanceAuditor(trail) };
}
