import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { methodName } from '../shared/method-name.ts';
import { refuse } from '../shared/refuse.ts';
import { rpcKey } from '../shared/rpc-key.ts';

const ROOT = join(import.meta.dirname, '../..');
const PACKAGE = /^\s*package\s+([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\s*;/m;

export interface ProtoRpc {
  /** `getPayment`, as in the generated code. */
  readonly name: string;
  /** The client's method. */
  readonly method: string;
  readonly kind: 'unary' | 'serverStream' | 'clientStream' | 'bidi';
  /** As its `idempotency_level` says. */
  readonly isIdempotent: boolean;
}

export interface ProtoService {
  readonly name: string;
  /** `payments.v1.PaymentService`. */
  readonly fullName: string;
  /** Its definition in the generated code. */
  readonly constant: string;
  readonly rpcs: readonly ProtoRpc[];
}

/** What is looked at of a `FileDescriptorSet` in buf's JSON. */
interface Descriptors {
  readonly file: readonly {
    readonly name: string;
    readonly service?: readonly {
      readonly name: string;
      readonly method?: readonly {
        readonly name: string;
        readonly clientStreaming?: boolean;
        readonly serverStreaming?: boolean;
        readonly options?: { readonly idempotencyLevel?: string };
      }[];
    }[];
  }[];
}

/**
 * The services of a .proto, and the folder below proto/ that its package asks for.
 * @throws SchematicsException when buf cannot compile it or it has no package
 */
export async function readProto(text: string, file: string) {
  const packageName =
    PACKAGE.exec(text)?.[1] ?? refuse(`--from ${file}: the .proto has no "package" of lower-case words`);
  const folder = packageName.replaceAll('.', '/');
  const path = `${folder}/${basename(file)}`;
  const { file: files } = await compile(text, path, file);
  const services = files.find(({ name }) => name === path)?.service ?? [];
  return { folder, services: services.map((service) => describe(service, packageName)) };
}

/** Beside the project's own files, which it may import. */
async function compile(text: string, path: string, file: string): Promise<Descriptors> {
  const folder = mkdtempSync(join(tmpdir(), 'proto-'));
  try {
    cpSync(join(ROOT, 'proto'), folder, { recursive: true });
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    const { stdout } = await promisify(execFile)(
      join(ROOT, 'node_modules/.bin/buf'),
      ['build', '--path', path, '--exclude-source-info', '-o', '-#format=json'],
      { cwd: folder, maxBuffer: 64 * 1024 * 1024 },
    );
    return JSON.parse(stdout) as Descriptors;
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    return refuse(`--from ${file}: buf cannot compile it: ${stderr?.trim() || String(error)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function describe(
  { name, method = [] }: NonNullable<Descriptors['file'][number]['service']>[number],
  packageName: string,
): ProtoService {
  return {
    name,
    fullName: `${packageName}.${name}`,
    constant: `${name}Service`,
    rpcs: method.map((rpc) => ({
      name: rpcKey(rpc.name),
      method: methodName(rpcKey(rpc.name)),
      kind: kindOf(rpc),
      isIdempotent: /^(NO_SIDE_EFFECTS|IDEMPOTENT)$/.test(rpc.options?.idempotencyLevel ?? ''),
    })),
  };
}

function kindOf({ clientStreaming = false, serverStreaming = false }): ProtoRpc['kind'] {
  if (clientStreaming) return serverStreaming ? 'bidi' : 'clientStream';
  return serverStreaming ? 'serverStream' : 'unary';
}
