export { createLogging, type Logging } from './create-logging.js';
export { LOG_LEVELS, LogLevels, type LoggerState, type LogLevel } from './log-levels.js';
export { LoggingModule } from './logging.module.js';
export { ServiceLogger } from './service-logger.js';
