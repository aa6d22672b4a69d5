import { builtinModules } from 'node:module';
import { TemplateError } from './template-error.ts';

/** A DNS label that begins with a letter: it names containers, hosts and metrics as well as the package. */
const SERVICE = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const SCOPE = /^@[a-z0-9](?:[a-z0-9-]{0,37}[a-z0-9])?$/;
const FEATURE = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
/** Hosts and jobs of docker/compose.yaml, folders of the project, and words that npm keeps to itself. */
const TAKEN = new Set(
  [
    'service collector prometheus alertmanager bridge grafana tempo loki log-shipper postgres redis etcd consul',
    'load mail localhost chassis schematics generated features test npm node node-modules',
    ...builtinModules,
  ].flatMap((words) => words.split(' ')),
);

/** @throws {TemplateError} when the service cannot have this name */
export function requireServiceName(name: string): void {
  if (!SERVICE.test(name))
    throw new TemplateError(
      `--name ${JSON.stringify(name)} must be lower-case letters, digits and "-", begin with a letter, ` +
        'end with a letter or digit, and have at most 63 characters, as in "payments".',
    );
  if (TAKEN.has(name))
    throw new TemplateError(
      `--name ${name} is taken by Node, npm or the stack of docker/compose.yaml. Choose another, as "${name}-api".`,
    );
}

/** @throws {TemplateError} when npm would not take this scope */
export function requireScope(scope: string): void {
  if (SCOPE.test(scope)) return;
  throw new TemplateError(
    `--scope ${JSON.stringify(scope)} must be "@" and lower-case letters, digits and "-", as in "@acme".`,
  );
}

/** @throws {TemplateError} when no feature can have this name, such as one that leads out of its folder */
export function requireFeatureName(name: string): void {
  if (FEATURE.test(name)) return;
  throw new TemplateError(
    `${JSON.stringify(name)} is no name of a feature: those are lower-case letters, digits and "-", as in "invoices".`,
  );
}
