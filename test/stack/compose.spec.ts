import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chassisConfigSchema, loadChassisConfig } from '#chassis/config';
import { PROJECT } from '../support/build.js';
import { faultsOf, portsOf, readCompose, textOf, yamlOf, type ComposeService } from './stack-files.js';

const compose = readCompose();
const services = Object.entries(compose.services);
/** Why these have no health check. */
const UNCHECKED: Readonly<Record<string, string>> = {
  collector: 'its image holds the collector alone, nothing that could ask it; Prometheus scrapes it',
  'log-shipper': 'as the collector',
  load: 'a client: it serves nothing',
};

test('the compose file is one by the Compose specification', () => {
  expect(faultsOf(yamlOf('docker/compose.yaml'), 'compose-spec.json')).toEqual([]);
});

test('a fault is one by the schema', () => {
  expect(faultsOf({ services: { one: { imago: 'x' } } }, 'compose-spec.json')).not.toEqual([]);
});

describe.each(services)('%s', (name, service) => {
  test('has an image of one version, or one that is built here', () => {
    if (service.build) return expect(existsSync(join(PROJECT, service.build.dockerfile))).toBe(true);
    expect(service.image).toMatch(/^[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.]+)?$/);
    if (!/postgres/.test(service.image ?? '')) expect(service.image).toMatch(/:v?\d+\.\d+\.\d+/);
  });

  test('has no rights that it does not need', () => {
    expect(service).toMatchObject({
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      read_only: true,
      restart: 'unless-stopped',
    });
    for (const key of [
      'privileged',
      'cap_add',
      'devices',
      'pid',
      'ipc',
      'network_mode',
      'userns_mode',
      'cgroup',
    ])
      expect(service, key).not.toHaveProperty(key);
    expect(JSON.stringify(service)).not.toMatch(
      /docker\.sock|podman\.sock|\/var\/lib\/docker|\/var\/run\/docker/,
    );
  });

  test('has limits of what every engine can limit, rootless ones too', () => {
    const { limits } = service.deploy?.resources ?? { limits: {} };
    expect(limits.memory).toMatch(/^\d+M$/);
    expect(limits.pids).toBeGreaterThan(0);
    expect(Object.keys(limits)).toEqual(['memory', 'pids']);
    const soft = /^(\d+)MiB$/.exec(String(service.environment?.['GOMEMLIMIT'] ?? ''))?.[1];
    if (soft !== undefined) expect(Number(soft)).toBeLessThan(Number.parseInt(limits.memory ?? '', 10));
  });

  test('has a health check, where there is something to run one with', () => {
    if (name in UNCHECKED) return expect(service.healthcheck?.test).toBeUndefined();
    expect(service.healthcheck?.test?.[0]).toBe('CMD');
    expect(service.healthcheck).toMatchObject({ interval: '10s', timeout: '5s', retries: 6 });
  });

  test('is reachable from this machine only', () => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  test('mounts what is there: files of the project read-only, volumes that are declared', () => {
    for (const volume of service.volumes ?? []) {
      const [source = '', target, mode] = volume.split(':');
      expect(target).toMatch(/^\//);
      if (!source.startsWith('.')) {
        expect(Object.keys(compose.volumes)).toContain(source);
        continue;
      }
      // `z`: readable where SELinux labels files, too.
      expect(mode).toBe('ro,z');
      expect(existsSync(join(PROJECT, 'docker', source)), source).toBe(true);
    }
  });

  test('waits for what starts with it, and for its health where that is checked', () => {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      const dependency = compose.services[other];
      expect(dependency, other).toBeDefined();
      expect(startsWith(dependency ?? {}, service), `${name} without ${other}`).toBe(true);
      const isChecked = !(other in UNCHECKED) && !(name === 'log-shipper');
      expect(condition).toBe(isChecked ? 'service_healthy' : 'service_started');
    }
  });
});

test('every volume, secret and port is used once, and every secret is a file', () => {
  const mounted = new Set(
    services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0])),
  );
  expect(Object.keys(compose.volumes).filter((volume) => !mounted.has(volume))).toEqual([]);
  const secrets = new Set(services.flatMap(([, service]) => service.secrets ?? []));
  expect([...secrets].toSorted()).toEqual(Object.keys(compose.secrets).toSorted());
  for (const { file } of Object.values(compose.secrets))
    expect(existsSync(join(PROJECT, 'docker', file)), file).toBe(true);
  const ports = services.flatMap(([, service]) => (service.ports ?? []).map((port) => port.split(':')[1]));
  expect(ports).toEqual([...new Set(ports)]);
});

test('the service gets keys that it has, with values that it takes', async () => {
  const { environment = {} } = compose.services['service'] ?? {};
  const known = new Set(Object.keys(chassisConfigSchema.shape));
  expect(Object.keys(environment).filter((key) => !known.has(key))).toEqual([]);
  const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)]));
  const config = await loadChassisConfig({ env, directory: PROJECT });
  expect(config.get('DATABASE_URL')).toContain('@postgres:5432/service');
  expect(config.get('MANAGEMENT_HOST')).toBe('0.0.0.0');
});

test('a program of docker/ is there with what it imports, in a folder of its own', () => {
  const programs = services.flatMap(([, { command, volumes = [] }]) =>
    (command ?? []).flatMap((word) => {
      const [, folder, file] = /^([\w-]+)\/([\w-]+\.ts)$/.exec(word) ?? [];
      return folder === undefined ? [] : [{ folder, file, volumes }];
    }),
  );
  expect(programs.map(({ file }) => file)).toEqual(['with-log-file.ts', 'bridge.ts', 'load.ts']);
  for (const { folder, file, volumes } of programs) {
    expect(existsSync(join(PROJECT, 'docker', folder, String(file)))).toBe(true);
    expect(volumes).toContain(`./${folder}:/app/${folder}:ro,z`);
    for (const source of globSync(`docker/${folder}/*.ts`, { cwd: PROJECT }))
      expect(textOf(source), source).not.toMatch(/from '\.\.\//);
  }
});

test('Node is the one that the project pins', () => {
  const { packages } = JSON.parse(textOf('package-lock.json')) as {
    packages: Readonly<Record<string, { version: string }>>;
  };
  const images = services.map(([, { image = '' }]) => image).filter((image) => image.startsWith('node:'));
  expect(images).toEqual([`node:${packages['node_modules/node']?.version}-slim`]);
});

test('every address in a configuration is a service and a port of it', () => {
  const files = globSync('docker/**/*.{yaml,yml}', { cwd: PROJECT }).filter(
    (file) => !/\/tests\/|example/.test(file),
  );
  expect(files).toContain('docker/collector/collector.yaml');
  for (const file of files) {
    const addresses = [...withoutComments(textOf(file)).matchAll(/\b([a-z][a-z-]+):(\d{4,5})\b(?!:)/g)];
    for (const [address, host = '', port = ''] of addresses) {
      if (['localhost', 'version'].includes(host)) continue;
      const service = compose.services[host];
      expect(service, `${address} in ${file}`).toBeDefined();
      expect(portsOf(service ?? {}), `${address} in ${file}`).toContain(port);
    }
  }
});

function startsWith(dependency: ComposeService, service: ComposeService): boolean {
  return (dependency.profiles ?? []).every((profile) => service.profiles?.includes(profile));
}

function withoutComments(text: string): string {
  return text.replaceAll(/(^|\s)#.*$/gm, '');
}
