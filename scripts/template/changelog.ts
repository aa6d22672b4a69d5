import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPackage, writePackage } from './package-json.ts';

const FIRST_VERSION = '0.1.0';

const CHANGELOG = `# Changelog

The format is that of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/); versions follow
[Semantic Versioning](https://semver.org).

## [Unreleased]
`;

/** A CHANGELOG with nothing in it, and the first version in package.json. */
export function resetChangelog(root: string): void {
  writeFileSync(join(root, 'CHANGELOG.md'), CHANGELOG);
  writePackage(root, { ...readPackage(root), version: FIRST_VERSION });
}
