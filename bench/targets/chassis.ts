/** A service of the chassis, started as `src/main.ts` starts its own. */
import 'reflect-metadata';
import { runService } from '#chassis';
import { ItemsModule } from './items.js';

await runService({ module: ItemsModule, root: new URL('../../../', import.meta.url) });
