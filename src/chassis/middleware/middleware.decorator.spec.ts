import { expect, test } from 'vitest';
import { Tags, tagsOf } from './middleware.decorator.js';

@Tags('orders')
@Tags('billing', 'slow')
class Controller {
  @Tags('first')
  @Tags('second')
  method(this: void): void {}

  other(this: void): void {}
}

test('a handler bears the tags of every decorator on it and on its class', () => {
  const { method, other } = Controller.prototype;
  expect([...tagsOf(Controller, method)].toSorted()).toEqual([
    'billing',
    'first',
    'orders',
    'second',
    'slow',
  ]);
  expect([...tagsOf(Controller, other)].toSorted()).toEqual(['billing', 'orders', 'slow']);
});
