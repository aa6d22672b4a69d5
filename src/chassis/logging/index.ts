export { createLogger } from './create-logger.js';
export { LoggingModule } from './logging.module.js';
export { ServiceLogger } from './service-logger.js';
