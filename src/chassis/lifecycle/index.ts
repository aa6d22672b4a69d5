export { endOnSignals, type Closable } from './run.js';
