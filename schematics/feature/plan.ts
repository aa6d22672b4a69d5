import { nameOf, spell, wordsOf, type Name } from '../shared/names.ts';
import { pluralOf, singularOf } from '../shared/plural.ts';
import { refuse } from '../shared/refuse.ts';

/** The options of schema.json. */
export interface FeatureOptions {
  readonly name: string;
  readonly rest?: boolean;
  readonly grpc?: boolean;
  readonly crud?: boolean;
  readonly database?: boolean;
  readonly singular?: string;
  readonly plural?: string;
}

/** What is going to be written. */
export interface FeaturePlan {
  /** Several: the feature, its folder, route, table. */
  readonly items: Name;
  /** One: the record, its messages and reasons. */
  readonly item: Name;
  readonly rest: boolean;
  readonly grpc: boolean;
  readonly crud: boolean;
  readonly database: boolean;
}

/**
 * The options as the templates need them.
 * @throws SchematicsException when a name is not valid or both transports are switched off
 */
export function planFeature(options: FeatureOptions): FeaturePlan {
  const { rest, grpc, crud = false, database = true } = options;
  // A flag for one transport alone means that one; none means both.
  const isOpen = rest !== true && grpc !== true;
  const transports = { rest: rest ?? isOpen, grpc: grpc ?? isOpen };
  if (!transports.rest && !transports.grpc)
    refuse('There is nothing to serve: give --rest or --grpc or neither');
  return { ...namesOf(options), ...transports, crud, database };
}

function namesOf({ name, singular, plural }: FeatureOptions): Pick<FeaturePlan, 'items' | 'item'> {
  nameOf(name);
  const words = wordsOf(name);
  return {
    items: plural === undefined ? checked(pluralOf(words), 'name') : nameOf(plural, '--plural'),
    item: singular === undefined ? checked(singularOf(words), 'name') : nameOf(singular, '--singular'),
  };
}

/** What the rules made of a name may be reserved although the name itself is not: `dates`, `date`. */
function checked(words: readonly string[], option: string): Name {
  return nameOf(spell(words).kebab, option);
}
