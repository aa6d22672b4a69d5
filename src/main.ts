import 'reflect-metadata';
import { enableCompileCache } from 'node:module';

// Compiled code is kept for the next start, in the system's folder for temporary files or NODE_COMPILE_CACHE.
// Only what is imported after this line profits.
enableCompileCache();

// The primary of several workers loads nothing of the application.
const { becomePrimary } = await import('#chassis/workers');
if (!(await becomePrimary({ root: new URL('../', import.meta.url) }))) {
  const [{ runService }, { service }] = await Promise.all([import('#chassis'), import('./app.module.js')]);
  await runService(service);
}
