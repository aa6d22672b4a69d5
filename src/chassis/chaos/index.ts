export type { ActiveFault } from './active-fault.js';
export { Chaos } from './chaos.js';
export { ChaosModule } from './chaos.module.js';
export { readNewFault } from './new-fault.js';
