import type { Name } from '../shared/names.ts';

/** What a client is made from. */
export interface ClientSource {
  readonly name: Name;
  /** The contract's file and its text. */
  readonly file: string;
  readonly contract: string;
  /** The feature's. */
  readonly folder: string;
  /** Of a .proto that has several. */
  readonly service?: string;
}
