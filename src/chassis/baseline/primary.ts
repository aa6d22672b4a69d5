// The face for the primary process, which loads no container.
export { connectionTimes } from './connection-times.js';
export { SecurityHeaders } from './security-headers.js';
