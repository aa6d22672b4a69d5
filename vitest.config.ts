import { defineConfig } from 'vitest/config';

// `#chassis/*` and `#generated/*` are the sources here, not the build. Vitest hands these conditions
// to Node too, so nothing but our own may stand here.
const conditions = ['source'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.spec.ts', 'test/**/*.spec.ts', 'docker/**/*.spec.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    globalSetup: ['test/support/global-setup.ts'],
    // Two cores: more workers only wait for each other.
    maxWorkers: 2,
  },
});
