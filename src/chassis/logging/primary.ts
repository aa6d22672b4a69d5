// The face for the primary process, which loads no container.
export { createLogging, type Logging } from './create-logging.js';
