import { expect, test } from 'vitest';
import { Policy, Public, Roles, Scopes } from './access.decorators.js';
import { readAccessRule } from './access-rule.js';

class Yes {
  allows(): boolean {
    return true;
  }
}

@Scopes('base')
class Base {
  @Scopes('more', 'base')
  inherited(): void {}
}

@Scopes('own')
@Roles('a', 'b')
class Guarded extends Base {
  plain(): void {}

  @Public()
  open(): void {}

  @Roles('c')
  @Policy(Yes)
  strict(): void {}
}

@Public()
class Open {
  plain(): void {}

  @Scopes('read')
  closed(): void {}
}

test.each([
  [Guarded, 'plain', { isPublic: false, scopes: ['base', 'own'], roles: [['a', 'b']], policies: [] }],
  [Guarded, 'open', { isPublic: true, scopes: [], roles: [], policies: [] }],
  [
    Guarded,
    'strict',
    { isPublic: false, scopes: ['base', 'own'], roles: [['a', 'b'], ['c']], policies: [Yes] },
  ],
  [
    Guarded,
    'inherited',
    { isPublic: false, scopes: ['base', 'own', 'more'], roles: [['a', 'b']], policies: [] },
  ],
  [Base, 'inherited', { isPublic: false, scopes: ['base', 'more'], roles: [], policies: [] }],
  [Open, 'plain', { isPublic: true, scopes: [], roles: [], policies: [] }],
  [Open, 'closed', { isPublic: false, scopes: ['read'], roles: [], policies: [] }],
])('%o %s', (controller, name, rule) => {
  const handler = (controller.prototype as unknown as Record<string, object>)[name] as object;
  expect(readAccessRule(controller, handler)).toEqual(rule);
});
