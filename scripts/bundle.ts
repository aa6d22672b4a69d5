/**
 * `npm run build`, after the compiler: what `#chassis` and `#chassis/*` stand for, in a few files of
 * `dist/bundle/` instead of some five hundred in `dist/chassis/`. docs/adr/0016-a-bundle-of-the-chassis.md
 */
import { globSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { rolldown, type Plugin } from 'rolldown';

const ROOT = join(import.meta.dirname, '..');
const CHASSIS = join(ROOT, 'dist/chassis');

/**
 * Packages of many files that may exist twice: only the chassis reads YAML, and all copies of OpenTelemetry's
 * API share one state, which it keeps under a global symbol.
 */
const INCLUDED = new Set(['yaml', '@opentelemetry/api']);

const isOwn = (id: string): boolean => id.startsWith('.') || id.startsWith('#chassis') || isAbsolute(id);

/** Stack traces with `node --enable-source-maps` name the sources, not what the compiler made of them. */
const sourceMaps: Plugin = {
  name: 'source-maps-of-the-compiler',
  load: (id) =>
    id.startsWith(CHASSIS)
      ? { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') }
      : undefined,
};

// Of the sources: the compiler leaves behind in `dist/` what is no longer among them.
const entries = globSync(['index.ts', '*/index.ts'], { cwd: join(ROOT, 'src/chassis') }).map((file) =>
  file.slice(0, -'.ts'.length),
);
const bundle = await rolldown({
  input: Object.fromEntries(entries.map((entry) => [entry, join(CHASSIS, `${entry}.js`)])),
  external: (id) => !isOwn(id) && !INCLUDED.has(id),
  platform: 'node',
  // Decorators and registrations are side effects, and nothing here is unused.
  treeshake: false,
  // To the chassis' own files, `#chassis/…` means what the compiler wrote.
  resolve: { conditionNames: ['modules', 'node', 'import', 'default'] },
  plugins: [sourceMaps],
});
await bundle.write({
  dir: join(ROOT, 'dist/bundle'),
  format: 'esm',
  chunkFileNames: 'parts/[name].js',
  sourcemap: true,
  // Tokens, spans and loggers have their names from classes.
  keepNames: true,
});
await bundle.close();
