export { ErrorFilter } from './error.filter.js';
export { isHandler, SchemaParameters } from './schema-parameters.js';
export { Unvalidated, validateArguments } from './unvalidated.js';
export { validate } from './validate.js';
export { ValidationPipe } from './validation.pipe.js';
