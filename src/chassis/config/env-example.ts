import { z } from 'zod';
import { chassisConfigSchema } from './config.schema.js';

/** `.env.example` as the schema wants it: every key, what it does, its default. */
export function renderEnvExample(shape: z.ZodRawShape = {}): string {
  const schema = chassisConfigSchema.extend(shape);
  const blocks = Object.entries(schema.shape).map(([key, field]) => {
    const type = field as z.ZodType;
    // None where it must be set, and where it may be left out.
    const { data } = type.safeParse(undefined) as { data?: string | number };
    return `# ${type.description ?? ''}\n# ${key}=${data ?? ''}\n`;
  });
  return `# Every key the service reads, with its default. Copy to .env and uncomment what you change.\n\n${blocks.join('\n')}`;
}
