export { Broadcast } from './broadcast.js';
export { fromMessages } from './from-messages.js';
export { isAsyncIterable } from './is-async-iterable.js';
export { leaveIteration, leaveMessages } from './leave.js';
export { keepStreamsYoung } from './keep-streams-young.js';
