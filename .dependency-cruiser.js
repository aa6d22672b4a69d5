/**
 * Who may import whom; docs/architecture.md says why. A capability (a folder of src/chassis) may import
 * the faces of capabilities in the rows above its own: never of its own row, never below.
 */
const LAYERS = [
  ['errors'],
  ['context', 'secrets'],
  ['config', 'streams'],
  ['health', 'lifecycle', 'metrics'],
  ['baseline', 'flags', 'resilience'],
  ['auth', 'database', 'live-config', 'load-shedding', 'logging', 'pipeline', 'redis', 'tls', 'tracing'],
  ['audit', 'chaos', 'clients', 'jobs', 'rate-limit'],
  ['middleware'],
  ['grpc', 'http', 'workers'],
  ['management'],
];
const SPEC = '\\.spec\\.ts$';
const FACES = ['^src/chassis/index\\.ts$', '^src/chassis/[^/]+/(index|primary)\\.ts$'];

const layerRules = LAYERS.flatMap((row, index) => {
  const above = LAYERS.slice(0, index).flat();
  return row.map((capability) => ({
    name: `layer-of-${capability}`,
    comment: `${capability} may import ${above.join(', ') || 'no capability'}`,
    severity: 'error',
    from: { path: `^src/chassis/${capability}/`, pathNot: SPEC },
    to: { path: '^src/chassis/', pathNot: `^src/chassis/(${[capability, ...above].join('|')})/` },
  }));
});

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...layerRules,
    {
      name: 'capability-without-layer',
      comment: 'Give the new capability its row in LAYERS',
      severity: 'error',
      from: {},
      to: { path: '^src/chassis/[^/]+/', pathNot: `^src/chassis/(${LAYERS.flat().join('|')})/` },
    },
    {
      name: 'primary-stays-small',
      comment: 'The primary of several workers loads no container; a primary.ts is the face without one',
      severity: 'error',
      from: { path: '^src/chassis/(workers/|[^/]+/primary\\.ts$)', pathNot: SPEC },
      to: { path: '(/|^)node_modules/(@nestjs|fastify|@grpc|pg|prom-client)/', reachable: true },
    },
    {
      name: 'chassis-knows-no-feature',
      severity: 'error',
      from: { path: '^src/chassis/', pathNot: SPEC },
      to: { path: '^src/', pathNot: '^src/(chassis|generated)/' },
    },
    {
      name: 'chassis-imports-relative',
      comment: 'Cycles through # aliases would go unseen',
      severity: 'error',
      from: { path: '^src/chassis/' },
      to: { dependencyTypes: ['aliased'] },
    },
    {
      name: 'stop-at-the-face',
      comment: 'Import ../<capability>/index.js, not what is behind it',
      severity: 'error',
      from: { path: '^src/chassis/([^/]+)/', pathNot: SPEC },
      to: { path: '^src/chassis/[^/]+/', pathNot: ['^src/chassis/$1/', ...FACES] },
    },
    {
      name: 'stop-at-the-face-from-outside',
      comment: 'Import #chassis/<capability>, not what is behind it',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/chassis/[^/]+/', SPEC] },
      to: { path: '^src/chassis/[^/]+/', pathNot: FACES },
    },
    {
      name: 'features-use-the-alias',
      comment: 'The chassis is #chassis/…, not a relative path',
      severity: 'error',
      from: { path: '^src/(features/|[^/]+$)', pathNot: SPEC },
      to: { path: '^src/(chassis|generated)/', dependencyTypesNot: ['aliased'] },
    },
    {
      name: 'features-know-only-faces-of-each-other',
      comment: "Another feature's index.ts, if it has one, and nothing else of it",
      severity: 'error',
      from: { path: '^src/features/([^/]+)/' },
      to: {
        path: '^src/(features|[^/]+$)',
        pathNot: ['^src/features/$1/', '^src/features/[^/]+/index\\.ts$'],
      },
    },
    {
      name: 'generated-is-a-leaf',
      severity: 'error',
      from: { path: '^src/generated/' },
      to: { path: '^src/', pathNot: '^src/generated/' },
    },
    {
      name: 'source-knows-no-test',
      severity: 'error',
      from: { path: '^src/', pathNot: SPEC },
      to: { path: ['^(test|bench|scripts|dist)/', SPEC] },
    },
    {
      name: 'no-cycle',
      comment: 'A cycle of types alone is none when the program runs',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphan',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '^src/generated/' },
      to: {},
    },
    { name: 'not-found', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'not-declared',
      comment: 'Add the package to package.json',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-dev-dependency-in-production',
      severity: 'error',
      from: { path: '^src/', pathNot: SPEC },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'types', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.d.ts'],
    },
  },
};
