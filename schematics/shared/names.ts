import { refuse } from './refuse.ts';

const MAX_LENGTH = 40;
/** TypeScript's reserved words and proto's, and names that would hide what generated code uses. */
const RESERVED = new Set(
  `abstract any arguments as async await boolean break case catch class const constructor continue debugger declare default
   delete do else enum eval export extends false finally for from function get if implements import in instanceof
   interface is let module namespace new null number object of package private protected public readonly require
   return set static string super switch symbol this throw true try type typeof undefined unknown var void while
   with yield array audit body buffer controller database date
   error generated injectable kysely map migration module param promise query record res returns rpcs scopes bool bytes double fixed32 fixed64 float
   int32 int64 message oneof option optional repeated reserved rpc service sfixed32 sfixed64 sint32 sint64 stream
   syntax uint32 uint64 google grpc prototype binaryreader binarywriter infinity math then uint8array
   apioperation apiresponse fastifyreply headerparam httpcode ifmatch ifnonematch pick selectable
   serviceerror`.split(/\s+/),
);

/** One name in every spelling that files and code need. */
export interface Name {
  /** `invoice-item`: files, folders, routes. */
  readonly kebab: string;
  /** `invoiceItem`: variables. */
  readonly camel: string;
  /** `InvoiceItem`: classes. */
  readonly pascal: string;
  /** `invoice_item`: proto, tables. */
  readonly snake: string;
  /** `INVOICE_ITEM`: reasons, enum values. */
  readonly constant: string;
  /** `invoice item`: prose. */
  readonly text: string;
  /** `Invoice item`: the beginning of a sentence, a title. */
  readonly sentence: string;
}

/**
 * A name in any case: `InvoiceItem`, `invoiceItem`, `invoice_item`, `invoice-item`, `"invoice item"`.
 * @param option what the name is, for the message
 * @throws SchematicsException when it is no name of 1 to 40 ASCII letters and digits, or is reserved
 */
export function nameOf(text: string, option = 'name'): Name {
  if (!/^[A-Za-z][A-Za-z0-9]*(?:[-_ ][A-Za-z][A-Za-z0-9]*)*$/.test(text))
    refuse(
      `${option} ${JSON.stringify(text)} is not valid: ASCII letters and digits, words joined by "-", "_", a space or case, ` +
        'a letter first in each, such as invoice-items',
    );
  if (text.length > MAX_LENGTH) refuse(`${option} "${text}" is longer than ${MAX_LENGTH} characters`);
  const name = spell(wordsOf(text));
  if (RESERVED.has(name.camel.toLowerCase()) || RESERVED.has(name.snake))
    refuse(`${option} "${text}" is a reserved word; choose another name, such as ${name.kebab}-records`);
  return name;
}

export function spell(words: readonly string[]): Name {
  const pascal = words.map(capitalise).join('');
  return {
    kebab: words.join('-'),
    camel: pascal.charAt(0).toLowerCase() + pascal.slice(1),
    pascal,
    snake: words.join('_'),
    constant: words.join('_').toUpperCase(),
    text: words.join(' '),
    sentence: capitalise(words.join(' ')),
  };
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Lower-case words: `HTTPClient` is `http`, `client`. */
export function wordsOf(text: string): string[] {
  return text
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[-_ ]/);
}
