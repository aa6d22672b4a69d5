/** Encrypts values of the configuration, checks it, and explains its keys: `npm run config -- help`. */
import { parseArgs } from 'node:util';
import { UsageError } from './usage-error.ts';

const HELP = `Configuration: encrypted values, checks, explanations. It reads what the service would read, from here.

  npm run config -- encrypt KEY        asks for the value, or reads standard input; prints enc:…
  npm run config -- decrypt KEY [enc:…]  the other way; without a text it reads standard input
  npm run config -- check              validates the whole; tells every fault
  npm run config -- explain KEY        what a key means, whether it is live, and which source sets it to what
  npm run config -- generate-key [FILE]  a new key for CONFIG_KEY_FILE; to the top of FILE, else printed

  --with v1|kms1   what encrypts: CONFIG_KEY_FILE (v1, the default) or AWS KMS (kms1)

Exit code 0: done; 1: the configuration, or the value, is not valid; 2: not understood.
`;

const INVALID = 1;
const NOT_UNDERSTOOD = 2;

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { with: { type: 'string', default: 'v1' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [command = 'help', ...rest] = positionals;
  if (values.help === true || command === 'help') process.stdout.write(HELP);
  else if (command === 'encrypt') await encrypt(one(rest, 'KEY'), values.with);
  else if (command === 'decrypt') await decrypt(rest[0], rest[1]);
  else if (command === 'check') await check();
  else if (command === 'explain') await explain(one(rest, 'KEY'));
  else if (command === 'generate-key') await generateKey(rest[0]);
  else throw new UsageError(`There is no command "${command}"`);
}

// What only asks for help, or is mistyped, does not load the service.
async function encrypt(key: string, scheme: string): Promise<void> {
  await (await import('./secret-values.ts')).encrypt(key, scheme);
}

async function decrypt(key: string | undefined, value: string | undefined): Promise<void> {
  await (await import('./secret-values.ts')).decrypt(key, value);
}

async function check(): Promise<void> {
  await (await import('./check.ts')).check();
}

async function explain(key: string): Promise<void> {
  await (await import('./explain.ts')).explain(key);
}

async function generateKey(file: string | undefined): Promise<void> {
  await (await import('./generate-key.ts')).generateKey(file);
}

function one([argument, ...others]: string[], name: string): string {
  if (argument === undefined) throw new UsageError(`${name} is missing`);
  if (others.length > 0)
    throw new UsageError(
      'A value is no argument: other processes would see it. It is asked for, or read from standard input',
    );
  return argument;
}

try {
  await run();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  const isUsage =
    error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(isUsage ? `${message}. See: npm run config -- help\n` : `${message}\n`);
  process.exitCode = isUsage ? NOT_UNDERSTOOD : INVALID;
}
