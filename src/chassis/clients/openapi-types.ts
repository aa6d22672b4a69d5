/** An operation as openapi-typescript describes it. */
export interface OpenApiOperation {
  readonly parameters: { readonly path?: unknown; readonly query?: unknown; readonly header?: unknown };
  readonly responses: object;
}

type Success = 200 | 201 | 202 | 203 | 204 | 205 | 206 | '2XX';

/** A property that is left out, optional or required, as the document has it. */
type Given<Name extends string, Value> = [Value] extends [undefined]
  ? unknown
  : undefined extends Value
    ? { readonly [Key in Name]?: Value }
    : { readonly [Key in Name]: Value };

type BodyOf<Operation> = Operation extends {
  readonly requestBody: { readonly content: { readonly 'application/json': infer Body } };
}
  ? Body
  : Operation extends {
        readonly requestBody?: { readonly content: { readonly 'application/json': infer Body } };
      }
    ? Body | undefined
    : undefined;

type JsonOf<Response> = Response extends {
  readonly content: { readonly 'application/json': infer Body };
}
  ? Body
  : undefined;

/** What an operation takes: `parameters` of its path, `query`, `headers`, `body`. */
export type OperationInput<Operation extends OpenApiOperation> = Given<
  'parameters',
  Operation['parameters']['path']
> &
  Given<'query', Operation['parameters']['query']> &
  Given<'headers', Operation['parameters']['header']> &
  Given<'body', BodyOf<Operation>>;

/** What a successful operation answers. */
export type OperationAnswer<Operation extends OpenApiOperation> = JsonOf<
  Operation['responses'][keyof Operation['responses'] & Success]
>;
