export { ErrorFilter } from './error.filter.js';
export { validate } from './validate.js';
export { ValidationPipe } from './validation.pipe.js';
