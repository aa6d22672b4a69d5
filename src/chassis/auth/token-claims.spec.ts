import { expect, test } from 'vitest';
import { toPrincipal } from './token-claims.js';

const names = {
  scopes: ['scope', 'scp'],
  roles: ['realm_access.roles', 'https://a.b/roles'],
  tenant: 'org.id',
};

test('scopes and roles come from every claim named, as a text or as a list', () => {
  const principal = toPrincipal(
    {
      sub: 'a',
      scope: 'read  write',
      scp: ['third', 4, null, ''],
      realm_access: { roles: ['admin'] },
      'https://a.b/roles': 'support',
      org: { id: 'acme' },
    },
    names,
  );
  expect(principal).toMatchObject({ id: 'a', tenant: 'acme' });
  expect([...(principal?.scopes ?? [])]).toEqual(['read', 'write', 'third']);
  expect([...(principal?.roles ?? [])]).toEqual(['admin', 'support']);
});

test.each([
  [{ client_id: 'c', azp: 'z' }, 'c'],
  [{ azp: 'z' }, 'z'],
  [{}, undefined],
  [{ sub: '' }, undefined],
  [{ sub: { a: 1 } }, undefined],
])('%j names %s', (claims, id) => {
  expect(toPrincipal(claims, names)?.id).toBe(id);
});

test('claims of the wrong type give nothing, and no path leads out of the claims', () => {
  const odd = { sub: 'a', scope: 7, scp: { read: true }, realm_access: 'roles', org: [] };
  const principal = toPrincipal(odd, { ...names, tenant: 'constructor.name' });
  expect([principal?.scopes.size, principal?.roles.size, principal?.tenant]).toEqual([0, 0, undefined]);
});
