import type { Builder } from '@grafana/grafana-foundation-sdk/cog';

/**
 * At the top of the dashboard, where it is seen: the SDK gives everything that can be placed a place in a menu, the only
 * one that its schema knows, and no builder takes that back.
 */
export function shown<T extends { placement?: unknown }>(builder: Builder<T>): Builder<T> {
  return {
    build() {
      const { placement: _menu, ...rest } = builder.build();
      return rest as T;
    },
  };
}
