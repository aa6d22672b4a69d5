import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../support/build.js';

/** Fenced commands of a document: run as they stand, in a folder of their own, in another terminal, or with Docker. */
export type StepKind = '' | 'clone' | 'terminal' | 'docker';

export interface Step {
  readonly kind: StepKind;
  readonly commands: string;
}

/** The `sh` blocks of a document, in order. */
export function stepsOf(document: string): Step[] {
  const text = readFileSync(join(PROJECT, document), 'utf8');
  return [...text.matchAll(/^```sh *(\w*)\n([^]*?)^```$/gm)].map(([, kind = '', commands = '']) => ({
    kind: kind as StepKind,
    commands,
  }));
}
