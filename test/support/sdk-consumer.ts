import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT, runTool } from './build.js';

const LIMIT_MS = 60_000;

/** The strictest that a consumer may be; libraries are checked, too. */
const TSCONFIG = {
  compilerOptions: {
    target: 'es2024',
    module: 'nodenext',
    types: ['node'],
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noFallthroughCasesInSwitch: true,
    noPropertyAccessFromIndexSignature: true,
    noUncheckedSideEffectImports: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    erasableSyntaxOnly: true,
    skipLibCheck: false,
  },
};

/**
 * A fresh project that has installed the client package made from the contracts in `root`, as `npm pack`
 * packs it.
 */
export class SdkConsumer implements Disposable {
  private constructor(
    readonly folder: string,
    /** The package's name. */
    readonly name: string,
    /** What is in the packed file. */
    readonly packed: readonly string[],
  ) {}

  static async install(root: string = PROJECT): Promise<SdkConsumer> {
    const folder = mkdtempSync(join(tmpdir(), 'sdk-consumer-'));
    const out = join(folder, 'sdk');
    await runTool('node', [join(PROJECT, 'scripts/sdk/make-sdk.ts'), '--out', out], { cwd: root });
    const { stdout } = await promisify(execFile)('npm', ['pack', '--json'], { cwd: out, timeout: LIMIT_MS });
    const [pack] = [JSON.parse(stdout) as Pack[] | Record<string, Pack>].flatMap((packs) =>
      Object.values(packs),
    );
    if (!pack) throw new Error(`npm pack packed nothing: ${stdout}`);
    const installed = join(folder, 'node_modules', pack.name);
    mkdirSync(installed, { recursive: true });
    await promisify(execFile)('tar', [
      '-xzf',
      join(out, pack.filename),
      '--strip-components=1',
      '-C',
      installed,
    ]);
    linkDependencies(folder, installed);
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...TSCONFIG, include: ['*.ts'] }));
    const files = pack.files.map(({ path }) => path);
    return new SdkConsumer(folder, pack.name, files);
  }

  get readme(): string {
    return readFileSync(join(this.folder, 'node_modules', this.name, 'README.md'), 'utf8');
  }

  /** Writes the README's examples as programs; returns their names. */
  writeExamples(): string[] {
    const examples = [...this.readme.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = '']) => code);
    return examples.map((code, index) => this.write(`example-${index}.ts`, code));
  }

  write(file: string, code: string): string {
    writeFileSync(join(this.folder, file), code);
    return file;
  }

  /**
   * `isThorough` checks the types of the packages themselves, too.
   * @throws Error with what the compiler says when a program has a fault of types
   */
  async compile(isThorough = false): Promise<void> {
    const parameters = isThorough ? [] : ['--skipLibCheck'];
    await runTool('tsc', ['-p', '.', ...parameters], { cwd: this.folder });
  }

  /** What a program prints. */
  run(file: string, addresses: { readonly http: string; readonly grpc: string }): Promise<string> {
    const env = { REST_URL: `http://${addresses.http}`, GRPC_URL: `http://${addresses.grpc}` };
    return runTool('node', [file], { cwd: this.folder, env, timeoutMs: LIMIT_MS });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

interface Pack {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** What npm would install beside the package, and the types of Node. */
function linkDependencies(folder: string, installed: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  for (const name of [...Object.keys(dependencies), '@types/node']) {
    const place = join(folder, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(PROJECT, 'node_modules', name), place);
  }
}
