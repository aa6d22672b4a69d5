import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../support/build.js';
import type { AlertmanagerOptions } from '../support/alertmanager-server.js';
import { BRIDGE_TOKEN } from './bridge-process.js';

/** The folder of the shipped files. */
export const ALERTMANAGER_FOLDER = join(PROJECT, 'docker/alertmanager');

export interface Overlay {
  /** Addresses, `host:port`, in place of the stack's. */
  readonly mail: string;
  readonly bridge: string;
  /** Further texts to replace. */
  readonly replace?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

/** The shipped configuration with addresses of the test and with waits of a second. */
export function shippedAlertmanager({
  mail,
  bridge,
  replace = {},
  files = {},
}: Overlay): AlertmanagerOptions {
  const replacements = {
    'mail:1025': mail,
    'bridge:8060': bridge,
    '/run/secrets/': 'secrets/',
    ...replace,
  };
  let config = read('alertmanager.yml').replaceAll(/(group_wait|group_interval): \w+/g, '$1: 1s');
  for (const [shipped, replaced] of Object.entries(replacements)) {
    if (!config.includes(shipped)) throw new Error(`alertmanager.yml has no ${shipped}: correct the overlay`);
    config = config.replaceAll(shipped, replaced);
  }
  return {
    config,
    files: {
      'templates/mail.tmpl': read('templates/mail.tmpl'),
      'secrets/bridge-token': BRIDGE_TOKEN,
      ...files,
    },
  };
}

function read(name: string): string {
  return readFileSync(join(ALERTMANAGER_FOLDER, name), 'utf8');
}
