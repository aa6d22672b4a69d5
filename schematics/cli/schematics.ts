import { logging, schema } from '@angular-devkit/core';
import { UnknownSchematicException, type Collection, type Schematic } from '@angular-devkit/schematics';
import { NodeWorkflow } from '@angular-devkit/schematics/tools/index.js';
import { join } from 'node:path';

/** What a file of the project becomes. */
export interface Change {
  readonly kind: 'create' | 'update' | 'delete';
  /** From the project's folder. */
  readonly path: string;
}

/** One option of a schematic, as its schema.json describes it. */
export interface OptionSchema {
  readonly type?: 'string' | 'boolean' | 'number';
  readonly description?: string;
  readonly default?: string | boolean | number;
  readonly enum?: readonly string[];
  readonly alias?: string;
  /** It is also the argument at this place. */
  readonly $default?: { readonly $source: string; readonly index?: number };
}

export interface SchematicInfo {
  readonly name: string;
  readonly description: string;
  readonly aliases: readonly string[];
  readonly options: Readonly<Record<string, OptionSchema>>;
  readonly required: readonly string[];
}

export interface RunOptions {
  readonly isDryRun?: boolean;
  /** Called for every change before the first one is made. */
  readonly onChange?: (change: Change) => void;
}

const FAULTS = { alreadyExist: 'is there already', doesNotExist: 'is not there' } as const;

interface Description {
  readonly description?: string;
  readonly aliases?: string[];
  readonly schemaJson?: {
    readonly properties?: Readonly<Record<string, OptionSchema>>;
    readonly required?: string[];
  };
}

/** The collection of the project and, for what it has not, Nest's. */
export class Schematics {
  readonly #root: string;
  readonly #file: string;
  readonly #collection: Collection<object, object>;

  constructor(root: string) {
    this.#root = root;
    this.#file = join(root, 'schematics/collection.json');
    this.#collection = this.#workflow(true).engine.createCollection(this.#file);
  }

  /** @throws Error when there is none of this name or alias */
  get(name: string): SchematicInfo {
    try {
      return describe(this.#collection.createSchematic(name));
    } catch (error) {
      if (!(error instanceof UnknownSchematicException)) throw error;
      throw new Error(`There is no schematic "${name}"; "nest generate --help" lists them`, { cause: error });
    }
  }

  list(): SchematicInfo[] {
    return this.#collection
      .listSchematicNames()
      .toSorted()
      .map((name) => this.get(name));
  }

  /**
   * Writes what the schematic says, or only tells it.
   * @throws Error when the schematic refuses its options or a file is in the way
   */
  async run(
    { name }: SchematicInfo,
    options: Readonly<Record<string, unknown>>,
    { isDryRun = false, onChange }: RunOptions = {},
  ): Promise<Change[]> {
    const workflow = this.#workflow(isDryRun);
    const changes: Change[] = [];
    const faults: string[] = [];
    workflow.reporter.subscribe((event) => {
      const path = event.path.replace(/^\//, '');
      if (event.kind === 'error') faults.push(`${path} ${FAULTS[event.description]}`);
      else {
        const change: Change = { kind: event.kind === 'rename' ? 'update' : event.kind, path };
        changes.push(change);
        onChange?.(change);
      }
    });
    const request = { collection: this.#file, schematic: name, options, logger: consoleLogger() };
    try {
      await workflow.execute(request).toPromise();
    } catch (error) {
      throw faults.length > 0 ? new Error(faults.join('; '), { cause: error }) : error;
    }
    return changes;
  }

  #workflow(dryRun: boolean): NodeWorkflow {
    const workflow = new NodeWorkflow(this.#root, { dryRun, schemaValidation: true, packageManager: 'npm' });
    workflow.registry.addPostTransform(schema.transforms.addUndefinedDefaults);
    workflow.registry.addSmartDefaultProvider('argv', () => undefined);
    return workflow;
  }
}

function describe({ description }: Schematic<object, object>): SchematicInfo {
  const { description: text = '', aliases = [], schemaJson } = description as Description;
  const { properties = {}, required = [] } = schemaJson ?? {};
  return { name: description.name, description: text, aliases, options: properties, required };
}

function consoleLogger(): logging.Logger {
  const logger = new logging.Logger('generate');
  logger.subscribe(({ level, message }) => {
    if (level !== 'debug') console[level === 'info' ? 'log' : 'error'](message);
  });
  return logger;
}
