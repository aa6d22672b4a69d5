export { Broadcast } from './broadcast.js';
