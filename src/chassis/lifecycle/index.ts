export { assertOnHandlers } from './assert-on-handlers.js';
export { controllerMethods, type ControllerMethod } from './controller-methods.js';
export { DrainHooks } from './drain-hooks.js';
export { HookWatch } from './hook-watch.js';
export { LifecycleModule } from './lifecycle.module.js';
export { isHandler } from './is-handler.js';
export { keepNature } from './keep-nature.js';
export { markedMethods, NOT_LASTING, type MarkedMethod } from './marked-methods.js';
export { methodsOf, methodsOn, type Method } from './methods-of.js';
export { OnDrain, type DrainMoment } from './on-drain.decorator.js';
export { overlaid, overlay } from './overlay.js';
export { Openings } from './openings.js';
export { endOnSignals } from './end-on-signals.js';
export {
  Shutdown,
  type BeginOptions,
  type ForcedStage,
  type ShutdownReport,
  type ShutdownStage,
} from './shutdown.js';
