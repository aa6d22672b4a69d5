export { Broadcast } from './broadcast.js';
export { keepStreamsYoung } from './keep-streams-young.js';
