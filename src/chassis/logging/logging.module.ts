import { Inject, Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { Config } from '../config/index.js';
import { CallObservers } from '../context/index.js';
import { MetricsRegistry } from '../metrics/index.js';
import { CallLog } from './call-log.js';
import type { Logging } from './create-logging.js';
import { LogLevels } from './log-levels.js';

const LOGGING = Symbol('Logging');

/** nestjs-pino over the service's one pino logger, without pino-http: the transport edges know the calls. */
@Module({})
export class LoggingModule implements OnModuleInit {
  constructor(
    private readonly callLog: CallLog,
    private readonly observers: CallObservers,
    private readonly metrics: MetricsRegistry,
    @Inject(LOGGING) private readonly logging: Logging,
  ) {}

  /** Once, in the application's root. Needs global providers of `Config` and `CallObservers`. */
  static forRoot(logging: Logging): DynamicModule {
    return {
      module: LoggingModule,
      global: true,
      imports: [LoggerModule.forRoot({ pinoHttp: { logger: logging.logger }, forRoutes: [] })],
      providers: [
        { provide: LOGGING, useValue: logging },
        { provide: LogLevels, useValue: logging.levels },
        { provide: CallLog, inject: [Config], useFactory: (config: Config) => new CallLog(config, logging) },
      ],
      exports: [LoggerModule, LogLevels],
    };
  }

  onModuleInit(): void {
    this.observers.add(this.callLog);
    this.metrics.counter({
      name: 'log_lines_dropped_total',
      help: 'Log lines that were lost: their reader was too slow, or gone.',
      collect: (counter) => (counter.labels().value = this.logging.dropped()),
    });
    this.metrics.counter({
      name: 'log_call_lines_left_out_total',
      help: 'Lines of successful calls that LOG_CALL_SAMPLE_RATIO left out.',
      collect: (counter) => (counter.labels().value = this.callLog.leftOut),
    });
  }
}
