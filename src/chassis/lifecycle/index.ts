export { endOnSignals, type Closable } from './run.js';
export { Openings } from './openings.js';
