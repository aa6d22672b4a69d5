import { Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService } from '@nestjs/core';
import { z } from 'zod';
import { controllerMethods, isHandler, type ControllerMethod } from '../lifecycle/index.js';
import { DeferringPipe } from './unvalidated.js';
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
  readonly #deferring: DeferringPipe;

  constructor(
    private readonly pipe: ValidationPipe,
    private readonly discovery: DiscoveryService,
  ) {
    this.#deferring = new DeferringPipe(pipe);
  }

  /** To be called before a transport is connected: Nest reads them then. */
  bind(): void {
    for (const each of controllerMethods(this.discovery)) this.#bindMethod(each);
  }

  #bindMethod({ controller, name, method }: ControllerMethod): void {
    const parameters = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) as
      Record<string, Parameter> | undefined;
    if (!parameters) return;
    const alone = isHandler(method) ? this.#deferring : this.pipe;
    const bound = Object.entries(parameters).map(([key, parameter]) => [
      key,
      this.#withPipe(parameter, alone),
    ]);
    Reflect.defineMetadata(ROUTE_ARGS_METADATA, Object.fromEntries(bound), controller, name);
  }

  /** Pipes after the validation need its result at once; without them it happens within the middlewares. */
  #withPipe(parameter: Parameter, alone: PipeTransform): Parameter {
    if (!(parameter.schema instanceof z.ZodType)) return parameter;
    // The class may serve another application of this process, too.
    const others = (parameter.pipes ?? []).filter((pipe) => !isValidation(pipe));
    return { ...parameter, pipes: others.length > 0 ? [this.pipe, ...others] : [alone] };
  }
}

function isValidation(pipe: unknown): boolean {
  return pipe instanceof ValidationPipe || pipe instanceof DeferringPipe;
}
