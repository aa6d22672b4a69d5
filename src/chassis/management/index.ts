export { ManagementServer } from './management.server.js';
