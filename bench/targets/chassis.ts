/** A service of the chassis, started as `src/main.ts` starts its own. */
import 'reflect-metadata';
import { enableCompileCache } from 'node:module';

enableCompileCache();
const [{ runService }, { ItemsModule }] = await Promise.all([import('#chassis'), import('./items.js')]);

await runService({ module: ItemsModule, root: new URL('../../../', import.meta.url) });
