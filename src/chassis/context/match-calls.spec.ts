import { expect, test } from 'vitest';
import { HttpCall } from './http-call.js';
import { matcherOf, type CallPatterns } from './match-calls.js';

/** Methods of which a call of the route is meant. */
function meant(patterns: CallPatterns): string[] {
  const covers = matcherOf(patterns);
  return ['GET', 'HEAD', 'POST'].filter((method) =>
    covers(Object.assign(new HttpCall('id', method, '/v1/orders'), { route: '/v1/orders' })),
  );
}

test.each([
  [['GET'], ['GET', 'HEAD']],
  [
    ['POST', 'GET'],
    ['GET', 'HEAD', 'POST'],
  ],
  [['HEAD'], ['HEAD']],
  [['POST'], ['POST']],
  [undefined, ['GET', 'HEAD', 'POST']],
])('the methods %j mean %j', (methods, expected) => {
  expect(meant({ methods })).toEqual(expected);
  expect(meant({ methods, routes: ['/v1/*'] })).toEqual(expected);
  expect(meant({ methods, routes: ['/v2/*'] })).toEqual([]);
});
