import type * as Swagger from '@nestjs/swagger';

type Documentation = (swagger: typeof Swagger) => void;

const waiting: Documentation[] = [];

/**
 * Documents something once the document is asked for. `@nestjs/swagger` is the largest package of the
 * service: one that only answers calls never loads it on our behalf.
 */
export function whenDocumented(documentation: Documentation): void {
  waiting.push(documentation);
}

/** Loads `@nestjs/swagger` and tells it all that waits. */
export async function loadSwagger(): Promise<typeof Swagger> {
  const swagger = await import('@nestjs/swagger');
  for (const documentation of waiting.splice(0)) documentation(swagger);
  return swagger;
}
