export { answerClientErrors } from './client-error.js';
export { HttpAdapter } from './http.adapter.js';
export { HttpEdge } from './http.edge.js';
export { acceptOnlyJson } from './json.parser.js';
export { createNotFoundHandler } from './not-found.js';
export { createResponseClass } from './secure-response.js';
export { createOpenApiDocument, isPageServed, serveOpenApi } from './openapi.js';
export { Returns } from './returns.decorator.js';
export { HeaderParam } from './header-param.decorator.js';
