/** JSON that a test takes apart. */
// oxlint-disable-next-line typescript/no-explicit-any -- a test reaches into it at will
export type Json = any;

const json = (schema: object) => ({ content: { 'application/json': { schema } } });
const parcel = { $ref: '#/components/schemas/Parcel' };
const writers = [{ bearer: ['parcels:write'] }];

/** The REST contract of a service of parcels, as of its last release. */
export const PARCELS = {
  openapi: '3.1.0',
  info: { title: 'parcels', version: '1.2.0' },
  paths: {
    '/v1/parcels': {
      get: {
        operationId: 'listParcels',
        tags: ['parcels'],
        parameters: [
          { name: 'pageSize', in: 'query', required: false, schema: { type: 'integer', maximum: 100 } },
          { name: 'size', in: 'query', required: false, schema: { type: 'string', enum: ['small', 'large'] } },
        ],
        responses: { '200': { description: 'A page', ...json({ $ref: '#/components/schemas/ParcelPage' }) } },
      },
      post: {
        operationId: 'createParcel',
        tags: ['parcels'],
        security: writers,
        requestBody: { required: true, ...json({ $ref: '#/components/schemas/NewParcel' }) },
        responses: { '201': { description: 'The new parcel', ...json(parcel) } },
      },
    },
    '/v1/parcels/{id}': {
      get: {
        operationId: 'getParcel',
        tags: ['parcels'],
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        responses: { '200': { description: 'The parcel', ...json(parcel) }, '404': { description: 'None' } },
      },
      delete: {
        operationId: 'deleteParcel',
        tags: ['parcels'],
        security: writers,
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        responses: { '204': { description: 'Gone' } },
      },
    },
  },
  components: {
    schemas: {
      NewParcel: {
        type: 'object',
        properties: {
          name: { type: 'string', maxLength: 100 },
          size: { type: 'string', enum: ['small', 'large'] },
          note: { type: 'string' },
        },
        required: ['name', 'size'],
        additionalProperties: false,
      },
      Parcel: {
        type: 'object',
        properties: {
          id: { type: 'string' },
          name: { type: 'string' },
          size: { type: 'string', enum: ['small', 'large'] },
          note: { type: 'string' },
          sentAt: { type: 'string', format: 'date-time' },
        },
        required: ['id', 'name', 'size', 'sentAt'],
        additionalProperties: false,
      },
      ParcelPage: {
        type: 'object',
        properties: { parcels: { type: 'array', items: parcel }, nextPageToken: { type: 'string' } },
        required: ['parcels'],
        additionalProperties: false,
      },
    },
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer' },
      apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
    },
  },
};
