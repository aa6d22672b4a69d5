import {
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { Config } from '../config/index.js';
import { HealthService } from '../health/index.js';
import { MetricsRegistry } from '../metrics/index.js';
import { AuditRecorder } from './audit-recorder.js';
import { AuditTrail } from './audit-trail.js';
import type { Auditing } from './create-auditing.js';
import { InstanceAuditor } from './instance-auditor.js';

/** Provides `AuditRecorder` everywhere, opens the trail at the start and closes it after the last call. */
@Module({})
export class AuditModule implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly trail: AuditTrail,
    private readonly auditor: InstanceAuditor,
    private readonly config: Config,
    private readonly health: HealthService,
    private readonly metrics: MetricsRegistry,
  ) {}

  /** Once, in the application's root. */
  static forRoot({ trail, auditor }: Auditing, config: Config): DynamicModule {
    // Loaded on demand: a service whose trail is in files may have no database.
    const database = () =>
      import('./database-sink.module.js').then((module) => module.DatabaseSinkModule.of(trail));
    return {
      module: AuditModule,
      global: true,
      imports: config.get('AUDIT_SINK') === 'database' ? [database()] : [],
      providers: [
        AuditRecorder,
        { provide: AuditTrail, useValue: trail },
        { provide: InstanceAuditor, useValue: auditor },
      ],
      exports: [AuditRecorder, AuditTrail],
    };
  }

  onModuleInit(): void {
    this.#addMetrics();
    if (!this.trail.isEnabled) return;
    this.health.addDependency({
      name: 'audit',
      kind: this.config.get('AUDIT_SINK'),
      isCritical: this.config.get('AUDIT_ON_FAILURE') === 'refuse' && this.auditor.audited > 0,
      check: async () => {
        await this.trail.check();
        const { outage } = this.trail;
        if (outage) throw new Error(`the audit trail cannot be written: ${outage.cause}`);
      },
    });
  }

  /** A service that audits nothing needs no place for it. @throws {StartError} */
  async onApplicationBootstrap(): Promise<void> {
    if (this.auditor.audited > 0) await this.trail.open();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.trail.close();
  }

  #addMetrics(): void {
    const written = { entries: 0 };
    const durations = this.metrics.histogram({
      name: 'audit_write_duration_seconds',
      help: 'Time until a batch of audit entries was durable.',
    });
    this.trail.onWritten = (entries, seconds) => {
      written.entries += entries;
      durations.observe(seconds);
    };
    this.metrics.counter({
      name: 'audit_entries_total',
      help: 'Audit entries: written ones, calls refused because none could be written, entries lost for that.',
      labels: ['result'],
      collect: (counter) => {
        const { refused, lost } = this.trail.counts;
        counter.labels('written').value = written.entries;
        counter.labels('refused').value = refused;
        counter.labels('lost').value = lost;
      },
    });
    this.metrics.gauge({
      name: 'audit_entries_waiting',
      help: 'Audit entries that are not durable yet.',
      acrossWorkers: 'sum',
      collect: (gauge) => gauge.set(this.trail.counts.waiting),
    });
    this.metrics.gauge({
      name: 'audit_sink_up',
      help: '0 while the audit trail cannot be written, 1 otherwise, also with AUDIT_SINK=none.',
      collect: (gauge) => gauge.set(this.trail.outage ? 0 : 1),
    });
  }
}
