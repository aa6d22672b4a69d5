// The face for the primary process, which loads no container.
export { SecurityHeaders } from './security-headers.js';
