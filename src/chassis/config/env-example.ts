import { z } from 'zod';
import { chassisConfigSchema } from './config.schema.js';

/** `.env.example` as the schema wants it: every key, what it does, its default. */
export function renderEnvExample(shape: z.ZodRawShape = {}): string {
  const schema = chassisConfigSchema.extend(shape);
  const blocks = Object.entries(schema.shape).map(([key, field]) => {
    const type = field as z.ZodType;
    const fallback = type.safeParse(undefined);
    const value = fallback.success ? String(fallback.data) : '';
    return `# ${type.description ?? ''}\n# ${key}=${value}\n`;
  });
  return `# Every key the service reads, with its default. Copy to .env and uncomment what you change.\n\n${blocks.join('\n')}`;
}
