import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compareContracts } from '../../scripts/contract/compare.js';
import { readContracts } from '../../scripts/contract/contracts.js';
import { findDrift } from '../../scripts/contract/drift/find-drift.js';
import { servicesOf } from '../../scripts/sdk/services.js';
import { PARCELS_PROTO } from './parcels.proto.js';
import { ContractProject } from './project.js';

/** Of another service: an rpc that is called like one of ours. */
const BANK = `syntax = "proto3";
package bank.v1;
service BankService {
  rpc CreateParcel(Money) returns (Money);
}
message Money {
  string currency = 1;
}
`;
const BUF = 'version: v2\nmodules:\n  - path: proto\nlint:\n  ignore:\n    - proto/google\n';

let project: ContractProject;
beforeEach(() => {
  project = new ContractProject();
  setBank(BANK);
  project.git('init', '--quiet', '--initial-branch=main');
  project.commit('feat: parcels, paid at the bank');
  project.git('tag', 'v1.2.0');
});
afterEach(() => project[Symbol.dispose]());

test('the contract of another service, which a client brought along, is no promise of this one', async () => {
  const contracts = await readContracts(project.root);
  expect(findDrift(contracts, project.root).faults).toEqual([]);
  expect(servicesOf(contracts.descriptors).map(({ key }) => key)).toEqual(['parcelService']);
});

test('it may change, and go with its client', async () => {
  setBank(BANK.replace('currency = 1', 'code = 2'));
  expect((await compareContracts(project.root)).grpc).toEqual([]);
  project.write('buf.yaml', BUF);
  project.setProto(PARCELS_PROTO);
  expect((await compareContracts(project.root)).grpc).toEqual([]);
});

test('its messages are part of the promise where the own services use them', async () => {
  const paid = PARCELS_PROTO.replace('import ', 'import "bank/v1/bank.proto";\nimport ').replace(
    'google.protobuf.Timestamp sent_at = 5;',
    '$&\n  bank.v1.Money price = 6;',
  );
  setBank(BANK, paid);
  project.commit('feat: prices');
  project.git('tag', 'v1.3.0');
  setBank(BANK.replace('CreateParcel', 'Pay').replace('currency = 1', 'code = 2'), paid);
  const { grpc } = await compareContracts(project.root);
  expect(grpc.map(({ text }) => text)).toEqual([expect.stringMatching(/field "1" with name "currency"/)]);
});

function setBank(bank: string, parcels = PARCELS_PROTO): void {
  project.write('buf.yaml', `${BUF}    - proto/bank/v1/bank.proto\n`);
  project.write('theirs/bank/v1/bank.proto', bank);
  project.setProto(parcels, undefined, [join(project.root, 'theirs/bank')]);
}
