import { createParamDecorator } from '@nestjs/common';
import { currentCall } from '../context/index.js';

/**
 * The caller, a `Principal`, as a parameter of a REST or gRPC handler; `undefined` in a public handler
 * and where no authentication is configured.
 *
 * @example
 * ```ts
 * @Get('mine')
 * list(@Caller() caller: Principal | undefined) { … }
 * ```
 */
export const Caller: () => ParameterDecorator = createParamDecorator(() => currentCall()?.principal);
