export { askGuardsAtOnce } from './ask-guards.js';
export { ErrorFilter } from './error.filter.js';
export { SchemaParameters } from './schema-parameters.js';
export { Unvalidated, validateArguments } from './unvalidated.js';
export { validate } from './validate.js';
export { ValidationPipe } from './validation.pipe.js';
