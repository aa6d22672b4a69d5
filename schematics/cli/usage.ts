import { kebabCase, positionalsOf } from './options.ts';
import type { OptionSchema, SchematicInfo } from './schematics.ts';

/** What `nest generate --help` prints. */
export function listing(schematics: readonly SchematicInfo[]): string {
  const rows = schematics.map(({ name, aliases, description }): [string, string] => [
    [name, ...aliases].join(', '),
    description,
  ]);
  return [
    'Usage: nest generate <schematic> <name> [options]',
    '',
    ...table(rows),
    '',
    'nest generate <schematic> --help tells the options of one.',
  ].join('\n');
}

/** What `nest generate <schematic> --help` prints. */
export function usage(schematic: SchematicInfo): string {
  const positionals = positionalsOf(schematic);
  const rows = Object.entries(schematic.options)
    .filter(([name]) => !positionals.includes(name))
    .map(([name, option]): [string, string] => [flagOf(name, option), describe(option)]);
  const names = positionals.map((name) => (schematic.required.includes(name) ? `<${name}>` : `[${name}]`));
  return [
    `Usage: nest generate ${[schematic.name, ...names].join(' ')} [options]`,
    '',
    schematic.description,
    '',
    ...table([
      ...positionals.map((name): [string, string] => [name, describe(schematic.options[name] ?? {})]),
      ...rows,
      ['-d, --dry-run', 'Tell what would be written, and write nothing.'],
    ]),
  ].join('\n');
}

function flagOf(name: string, { type, default: byDefault, alias }: OptionSchema): string {
  const flag = kebabCase(name);
  const short = alias ? `-${alias}, ` : '';
  if (type === 'boolean') return `${short}--${byDefault === true ? 'no-' : ''}${flag}`;
  return `${short}--${flag} <${type ?? 'string'}>`;
}

function describe({ description = '', enum: values, default: byDefault }: OptionSchema): string {
  const choice = values ? ` One of ${values.join(', ')}.` : '';
  return `${description}${choice}${typeof byDefault === 'boolean' || byDefault === undefined ? '' : ` Default: ${byDefault}.`}`;
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}
