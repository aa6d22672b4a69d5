import { z } from 'zod';
import { chassisConfigSchema } from './config.schema.js';
import { isLive } from './fields.js';

const INTRODUCTION = `# Configuration keys

Every key that the service reads. How they are set and what happens when they change:
[configuration.md](configuration.md). **Live** keys take a new value while the service runs; the others hold until it is
started again. Written by the test that compares it with the schema (\`npx vitest run test/project -u\`).
`;

/** What JSON Schema says of one key, as far as the table shows it. */
interface Described {
  readonly type?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Described[];
}

/** `docs/configuration-keys.md`: type, default, live or static, and meaning of every key. */
export function renderKeysDocument(shape: z.ZodRawShape = {}): string {
  const { shape: all } = chassisConfigSchema.extend(shape);
  const rows = Object.entries(all).map(([key, field]) => renderRow(key, field as z.ZodType));
  return [
    INTRODUCTION,
    '| key | type | default | a change | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

/** What a key may be, in words; what has to be written as it stands is in backticks. */
export function typesOfKey(field: z.ZodType): string[] {
  return typesOf(z.toJSONSchema(field, { io: 'output', unrepresentable: 'any' }) as Described);
}

function renderRow(key: string, field: z.ZodType): string {
  const fallback = field.safeParse(undefined);
  const cells = [
    `\`${key}\``,
    typesOfKey(field).join(' or '),
    fallback.success ? renderDefault(fallback.data) : '– (must be set)',
    isLive(field) ? '**live**' : 'restart',
    field.description ?? '',
  ];
  return `| ${cells.map((cell) => cell.replaceAll(/[|<]/g, '\\$&')).join(' | ')} |`;
}

function renderDefault(value: unknown): string {
  if (value === undefined) return 'none';
  if (value === '') return 'empty';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** Each once: a number may be written as text, too, which the environment cannot help. */
function typesOf({ type, const: only, enum: words, minimum, maximum, anyOf }: Described): string[] {
  if (anyOf) {
    const types = [...new Set(anyOf.flatMap(typesOf))];
    return types.some((one) => one.startsWith('number')) ? types.filter((one) => one !== 'text') : types;
  }
  if (only !== undefined) return only === '' ? [] : [`\`${only}\``];
  if (words) return words.map((word) => `\`${word}\``);
  const range = minimum === undefined || maximum === undefined ? '' : ` ${minimum} – ${maximum}`;
  switch (type) {
    case 'integer':
      return [`whole number${range}`];
    case 'number':
      return [`number${range}`];
    case 'array':
      return ['list'];
    case 'object':
      return ['map'];
    default:
      return ['text'];
  }
}
