export { answer, type Answer } from './answer.js';
export type { CallMiddleware, MiddlewareContext, NoSettings, Outcome } from './call-middleware.js';
export { createHandlerOverlay } from './handler-overlay.js';
export { Middleware, Tags, type MiddlewareOptions } from './middleware.decorator.js';
export { MiddlewareModule } from './middleware.module.js';
export { Middlewares } from './middlewares.js';
export { PipelineControl } from './pipeline-control.js';
export type { Plugin, PluginMiddleware, PluginTools } from './plugin-loader.js';
