export { describeApi } from './describe-api.js';
export { runService } from './run-service.js';
export { serviceKeys } from './service-keys.js';
export {
  startService,
  type RunningService,
  type ServiceDefinition,
  type StartOptions,
} from './start-service.js';
