import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import type { OptionSchema, SchematicInfo } from './schematics.ts';

/** What every schematic takes. */
const COMMON: ParseArgsOptionsConfig = {
  'dry-run': { type: 'boolean', short: 'd' },
  help: { type: 'boolean', short: 'h' },
};

export interface Parsed {
  readonly options: Readonly<Record<string, string | boolean | number>>;
  readonly isDryRun: boolean;
}

/** The schematic's name, `undefined` when none is given. */
export function schematicOf([first]: readonly string[]): string | undefined {
  return first?.startsWith('-') ? undefined : first;
}

export function isHelp(parameters: readonly string[]): boolean {
  return parameters.includes('--help') || parameters.includes('-h');
}

/**
 * The options of a command line: `nest generate <schematic> [name] [--option[=value]] [--no-option]`.
 * @throws Error naming the option or argument that the schematic does not have
 */
export function parseOptions(schematic: SchematicInfo, parameters: readonly string[]): Parsed {
  const { values, positionals } = parseArgs({
    args: parameters.slice(1),
    options: { ...COMMON, ...configOf(schematic.options) },
    allowPositionals: true,
    allowNegative: true,
  });
  const { 'dry-run': isDryRun = false, ...given } = values;
  const options: Record<string, string | boolean | number> = {};
  for (const [key, value] of [...argumentsOf(schematic, positionals), ...Object.entries(given)])
    options[camelCase(key)] = valueOf(key, schematic.options[camelCase(key)], value as string | boolean);
  for (const key of schematic.required)
    if (!(key in options))
      throw new Error(`${key} is missing: nest generate ${schematic.name} <${key}> (--help tells more)`);
  return { options, isDryRun: Boolean(isDryRun) };
}

function configOf(options: SchematicInfo['options']): ParseArgsOptionsConfig {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, alias }]) => [
      kebabCase(name),
      { type: type === 'boolean' ? 'boolean' : 'string', ...(alias && { short: alias }) },
    ]),
  );
}

function argumentsOf(schematic: SchematicInfo, values: readonly string[]): [string, string][] {
  return values.map((value, index) => {
    const name = positionalsOf(schematic)[index];
    if (name === undefined)
      throw new Error(`"${value}" is too much: nest generate ${schematic.name} --help tells what fits`);
    return [name, value];
  });
}

/** The names of a schematic's arguments, in their order; Nest's take a path second. */
export function positionalsOf({ options }: SchematicInfo): string[] {
  const indexed = Object.entries(options)
    .flatMap(([name, { $default }]) =>
      $default?.index === undefined ? [] : [{ name, index: $default.index }],
    )
    .toSorted((one, other) => one.index - other.index)
    .map(({ name }) => name);
  return indexed.length === 1 && 'path' in options ? [...indexed, 'path'] : indexed;
}

function valueOf(name: string, option: OptionSchema | undefined, value: string | boolean) {
  if (option?.enum && !option.enum.includes(String(value)))
    throw new Error(`--${name} must be one of ${option.enum.join(', ')}`);
  if (option?.type !== 'number') return value;
  const number = Number(value);
  if (value === '' || Number.isNaN(number)) throw new Error(`--${name} must be a number`);
  return number;
}

export function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
