import { currentCall, GrpcCall, HttpCall } from '../context/index.js';
import { isHandler, keepNature, methodsOf, overlaid, overlay, type Method } from '../lifecycle/index.js';
import { validateArguments } from '../pipeline/index.js';
import { HandlerPlans } from './handler-plans.js';
import type { HandlerDescription } from './link.js';
import { tagsOf } from './middleware.decorator.js';
import type { Middlewares } from './middlewares.js';
import { Passage } from './passage.js';

/**
 * Lays the pipeline over every handler, as Nest hands each new instance through `instrument.instanceDecorator`:
 * after the guards, around the validation of its arguments and whatever was laid over the handler before.
 */
export function createHandlerOverlay(middlewares: Middlewares): (instance: unknown) => unknown {
  return (instance) => {
    if (typeof instance !== 'object' || instance === null) return instance;
    for (const [name, original] of methodsOf(instance)) {
      const method = overlaid(instance, name, original);
      if (!isHandler(method)) continue;
      const { constructor } = instance;
      const handler = { name: `${constructor.name}.${name}`, tags: tagsOf(constructor, method) };
      overlay(instance, name, inPipeline(middlewares, handler, method));
    }
    return instance;
  };
}

function inPipeline(middlewares: Middlewares, handler: HandlerDescription, method: Method): Method {
  const plans = new HandlerPlans(middlewares, handler);
  return keepNature(method, function (this: unknown, ...args: unknown[]): unknown {
    const call = currentCall();
    // A guard has let it in when it had its answer already: nobody waits for the work.
    if (call?.abortReason) throw call.abortReason;
    if (middlewares.links.length > 0) {
      const isOfTransport = call instanceof HttpCall || call instanceof GrpcCall;
      const links = isOfTransport && !call.isInPipeline ? plans.of(call) : [];
      if (isOfTransport && links.length > 0)
        return new Passage(call, links, handler, this, method, args).run();
    }
    validateArguments(args);
    return method.apply(this, args);
  });
}
