/** Whose a file is: replaced by an upgrade, never touched, merged, or made from others. */
export type Owner = keyof typeof OWNERS;

/** Files and folders by owner; of two that hold a file, the longer path says. UPGRADING.md has the same table. */
export const OWNERS = {
  chassis: [
    'src/chassis',
    'src/main.ts',
    'proto/google',
    'proto/grpc',
    'test',
    'scripts',
    'schematics',
    'bench',
    'docker',
    'grafana',
    'docs',
    'Makefile',
    '.ci',
    '.vscode',
    '.dependency-cruiser.js',
    '.editorconfig',
    '.gitattributes',
    '.npmrc',
    '.nvmrc',
    '.oxlintrc.json',
    '.prettierignore',
    '.prettierrc.json',
    'buf.gen.yaml',
    'knip.json',
    'nest-cli.json',
    'redocly.yaml',
    'tsconfig.build.json',
    'tsconfig.json',
    'vitest.config.ts',
    'CONTRIBUTING.md',
    'UPGRADING.md',
  ],
  yours: [
    'src/features',
    'src/app.module.ts',
    'proto',
    'test/features',
    'grafana/features',
    'bench/codecs',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
  ],
  shared: [
    'package.json',
    'package-lock.json',
    'config',
    '.gitignore',
    '.dockerignore',
    'buf.yaml',
    'docker/Dockerfile',
    'docker/compose.yaml',
  ],
  made: [
    'src/generated',
    'contracts',
    'grafana/dashboards',
    'docs/configuration-keys.md',
    'docs/metrics.md',
    '.env.example',
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The owner of a file; one that is not listed is the user's. */
export function ownerOf(path: string): Owner {
  const entries = Object.entries(OWNERS) as [Owner, readonly string[]][];
  const found = entries.flatMap(([owner, folders]) =>
    folders
      .filter((folder) => path === folder || path.startsWith(`${folder}/`))
      .map((folder) => ({ owner, folder })),
  );
  return found.toSorted((one, other) => other.folder.length - one.folder.length)[0]?.owner ?? 'yours';
}
