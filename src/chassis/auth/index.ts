export { Policy, Public, Roles, Scopes, type AccessPolicy } from './access.decorators.js';
export { readAccessRule, type AccessRule } from './access-rule.js';
export { AuthGuard } from './auth.guard.js';
export { AuthModule } from './auth.module.js';
export { Authentication } from './authentication.js';
export { Caller } from './caller.decorator.js';
export { namesOnce } from './unique-json.js';
