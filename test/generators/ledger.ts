import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProjectCopy } from '../support/project-copy.js';

const FIXTURES = join(import.meta.dirname, 'fixtures/ledger');
/** The feature's folder. */
export const LEDGER_FOLDER = 'src/features/ledger';

/** Adds a feature that was not generated, and contracts of others beside it. */
export function addLedger(project: ProjectCopy): void {
  mkdirSync(join(project.root, LEDGER_FOLDER), { recursive: true });
  mkdirSync(join(project.root, 'test/features'), { recursive: true });
  for (const file of readdirSync(FIXTURES)) {
    const text = readFileSync(join(FIXTURES, file), 'utf8');
    if (file === 'ledger.spec.ts.txt') project.write('test/features/ledger.spec.ts', text);
    else if (file.endsWith('.txt')) project.write(`${LEDGER_FOLDER}/${file.slice(0, -'.txt'.length)}`, text);
    else project.write(file, text);
  }
  const root = project.read('src/app.module.ts').replace(/imports: \[([^\]]*)\]/, (_all, others: string) => {
    return `imports: [${others}${others.trim() ? ', ' : ''}LedgerModule]`;
  });
  const added = "import { LedgerModule } from './features/ledger/ledger.module.js';\n";
  project.write('src/app.module.ts', root.replace('\n/** Which features', `${added}\n/** Which features`));
}
