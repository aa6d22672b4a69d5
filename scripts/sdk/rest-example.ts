import {
  operationsOf,
  resolve,
  type LocatedOperation,
  type OpenApi,
  type Schema,
} from '../contract/open-api.ts';

/** The README's part about REST: the first read of the document as a call; nothing for a service without one. */
export function restExample(document: OpenApi, name: string): string {
  const operation = operationsOf(document).find(({ method }) => method === 'get');
  if (!operation) return '';
  return `## REST

\`\`\`ts
import { CallError, createRestClient, orThrow } from '${name}/rest';

const rest = createRestClient({ baseUrl: process.env['REST_URL'] ?? 'http://127.0.0.1:3000' });
try {
  const answer = await orThrow(rest.GET('${operation.path}'${optionsOf(document, operation)}));
  console.log(answer);
} catch (error) {
  if (!(error instanceof CallError)) throw error;
  console.error(error.code, error.reason, error.requestId);
}
\`\`\`

\`rest\` is an [openapi-fetch](https://openapi-ts.dev/openapi-fetch/) client: without \`orThrow\` a call resolves
to \`{ data, error, response }\`, with the headers in \`response\`.`;
}

function optionsOf(document: OpenApi, operation: LocatedOperation): string {
  const parameters = parametersOf(document, operation);
  return parameters === '' ? '' : `, { params: ${parameters} }`;
}

/** The required parameters, with values that fit their types. */
function parametersOf(document: OpenApi, { parameters = [] }: LocatedOperation): string {
  const places = (['path', 'query', 'header'] as const).map((place) => {
    const here = parameters.filter(({ in: where, required }) => where === place && required === true);
    const values = here.map(
      ({ name, schema = {} }) => `${JSON.stringify(name)}: ${valueOf(resolve(document, schema))}`,
    );
    return values.length === 0 ? '' : `${place}: { ${values.join(', ')} }`;
  });
  const given = places.filter(Boolean).join(', ');
  return given === '' ? '' : `{ ${given} }`;
}

function valueOf({ enum: [first] = [], type, format, minimum = 1 }: Schema): string {
  if (first !== undefined) return JSON.stringify(first);
  if (type === 'integer' || type === 'number') return String(minimum);
  if (type === 'boolean') return 'true';
  return format === 'uuid' ? `'00000000-0000-0000-0000-000000000000'` : `'example'`;
}
