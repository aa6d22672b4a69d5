import { Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { z } from 'zod';
import { ValidationPipe } from './validation.pipe.js';

interface Parameter {
  readonly schema?: unknown;
  readonly pipes?: readonly (Type<PipeTransform> | PipeTransform)[];
}

/**
 * Gives every handler's parameter that has a schema the pipe that validates it. A global pipe would run for all the others, too: two promises each and call.
 */
@Injectable()
export class SchemaParameters {
  constructor(
    private readonly pipe: ValidationPipe,
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** To be called before a transport is connected: Nest reads them then. */
  bind(): void {
    for (const { metatype } of this.discovery.getControllers()) {
      if (!metatype) continue;
      for (const method of this.scanner.getAllMethodNames(metatype.prototype as object))
        this.#bindMethod(metatype, method);
    }
  }

  #bindMethod(controller: object, method: string): void {
    const parameters = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) as
      Record<string, Parameter> | undefined;
    if (!parameters) return;
    const bound = Object.entries(parameters).map(([key, parameter]) => [key, this.#withPipe(parameter)]);
    Reflect.defineMetadata(ROUTE_ARGS_METADATA, Object.fromEntries(bound), controller, method);
  }

  #withPipe(parameter: Parameter): Parameter {
    if (!(parameter.schema instanceof z.ZodType)) return parameter;
    // The class may serve another application of this process, too.
    const others = (parameter.pipes ?? []).filter((pipe) => !(pipe instanceof ValidationPipe));
    return { ...parameter, pipes: [this.pipe, ...others] };
  }
}
