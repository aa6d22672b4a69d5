import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { generateKeyLine } from '#chassis/secrets';

/** A new key, printed, or put to the top of a file: it encrypts from then on, the others still decrypt. */
export async function generateKey(file: string | undefined): Promise<void> {
  const line = `${generateKeyLine()}\n`;
  if (file === undefined) {
    process.stdout.write(line);
    return;
  }
  const isNew = !existsSync(file);
  const rest = isNew ? '' : readFileSync(file, 'utf8');
  writeFileSync(`${file}.new`, line + rest, { mode: 0o600, flag: 'wx' });
  renameSync(`${file}.new`, file);
  const [id] = line.split(' ');
  console.error(
    isNew
      ? `Key ${id} is in ${file}. Keep a copy where secrets are kept: without it the values are lost.`
      : `Key ${id} encrypts from now on; the others of ${file} still decrypt.`,
  );
}
