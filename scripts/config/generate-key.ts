import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
  replace(file, line + rest);
  const [id] = line.split(' ');
  console.error(
    isNew
      ? `Key ${id} is in ${file}. Keep a copy where secrets are kept: without it the values are lost.`
      : `Key ${id} encrypts from now on; the others of ${file} still decrypt.`,
  );
}

/** The whole new text, or what was there. */
function replace(file: string, text: string): void {
  const next = `${file}.new`;
  try {
    writeFileSync(next, text, { mode: 0o600, flag: 'wx' });
    renameSync(next, file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new Error(
        `${next} is there: another generate-key is at work, or was ended half-way. Then remove it and try again`,
        { cause: error },
      );
    rmSync(next, { force: true });
    throw new Error(`${file} cannot be written and is as it was: ${message}`, { cause: error });
  }
}
