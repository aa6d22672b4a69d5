#!/usr/bin/env node
/**
 * The project's `nest`: Nest's own, but for `generate`. Nest's `generate` refuses options that it does not
 * know, works in the project's folder only, gives names to a shell and answers 0 when it has failed.
 */
import { generate } from '../cli/generate.ts';

const [command, ...parameters] = process.argv.slice(2);
if (command === 'generate' || command === 'g') process.exitCode = await generate(parameters);
else await import('@nestjs/cli/bin/nest.js');
