import { defineConfig } from 'vitest/config';

// `#chassis/*` and `#generated/*` are the sources here, not the build. Vitest hands these conditions
// to Node too, so nothing but our own may stand here.
const conditions = ['source'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // Patience with a machine that is busy with other things; what passes does not take it.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores: more workers only wait for each other.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'units',
          include: ['src/**/*.spec.ts', 'docker/**/*.spec.ts'],
          // They change nothing that others see, and so share what one of them has loaded.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'services',
          include: ['test/**/*.spec.ts'],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
    ],
  },
});
