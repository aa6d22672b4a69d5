export { Priority } from './priority.decorator.js';
export { declaredFor } from './declared-priorities.js';
export { LoadShedding, type SheddingDescription } from './load-shedding.js';
export { LoadSheddingModule } from './load-shedding.module.js';
