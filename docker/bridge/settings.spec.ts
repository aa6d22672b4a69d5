import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadSettings, SettingsError } from './settings.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bridge-settings-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('without a robot only the token of Alertmanager is needed; the line feed at the end of a file is not part of it', () => {
  const settings = loadSettings({ BRIDGE_TOKEN_FILE: file('token', 'abc\n') });
  expect(settings.robot).toBeUndefined();
  expect(settings.server).toMatchObject({ host: '127.0.0.1', port: 8060, token: 'abc', atMobiles: [] });
});

test('a robot has an address and a secret, each from its file', () => {
  const { robot } = loadSettings({
    BRIDGE_TOKEN_FILE: file('token', 'abc'),
    DINGTALK_WEBHOOK_URL_FILE: file('url', 'https://oapi.dingtalk.com/robot/send?access_token=t\n'),
    DINGTALK_SECRET_FILE: file('secret', 'SECx\n'),
  });
  expect(robot?.url.href).toBe('https://oapi.dingtalk.com/robot/send?access_token=t');
  expect(robot?.secret).toBe('SECx');
});

test('tells every fault together, and no secret', () => {
  const env = {
    BRIDGE_TOKEN_FILE: file('token', 'two words-hunter2'),
    DINGTALK_WEBHOOK_URL_FILE: file('url', 'ftp://hunter2'),
    DINGTALK_SECRET_FILE: join(folder, 'missing'),
    DINGTALK_AT_MOBILES: '13800000000,nobody',
    BRIDGE_PORT: 'hunter2',
    DINGTALK_MESSAGES_PER_MINUTE: '0',
  };
  const load = (): unknown => loadSettings(env);
  expect(load).toThrow(SettingsError);
  for (const name of Object.keys(env)) expect(load).toThrow(name);
  expect(load).not.toThrow('hunter2');
});

test.each(['http://oapi.dingtalk.com/robot/send', 'oapi.dingtalk.com', 'http://evil@example.org'])(
  'the address %s would send the token in the clear, or nowhere',
  (url) => {
    const env = {
      BRIDGE_TOKEN_FILE: file('token', 'abc'),
      DINGTALK_WEBHOOK_URL_FILE: file('url', url),
      DINGTALK_SECRET_FILE: file('secret', 'SECx'),
    };
    expect(() => loadSettings(env)).toThrow('DINGTALK_WEBHOOK_URL_FILE has to hold the https address');
  },
);
