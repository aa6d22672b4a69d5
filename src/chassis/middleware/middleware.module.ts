import { Module, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ManifestFile } from './manifest-file.js';
import { MiddlewareFinder } from './middleware-finder.js';
import { MiddlewareLife } from './middleware-life.js';
import { MiddlewareMetrics } from './middleware.metrics.js';
import { Middlewares } from './middlewares.js';
import { PipelineControl } from './pipeline-control.js';
import { PluginLoader } from './plugin-loader.js';
import { Plugins } from './plugins.js';

/** Finds the middlewares, starts and ends them, and follows what is said of them at run time. */
@Module({})
export class MiddlewareModule {
  /** Once, in the application's root. */
  static forRoot(middlewares: Middlewares): DynamicModule {
    return {
      module: MiddlewareModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [
        { provide: Middlewares, useValue: middlewares },
        MiddlewareMetrics,
        MiddlewareFinder,
        MiddlewareLife,
        PluginLoader,
        ManifestFile,
        Plugins,
        PipelineControl,
      ],
      exports: [PipelineControl],
    };
  }
}
