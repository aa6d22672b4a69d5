import { PATH_METADATA } from '@nestjs/common/constants.js';
import { PATTERN_METADATA } from '@nestjs/microservices/constants.js';
import 'reflect-metadata';

/** Whether Nest calls a method for what comes in over a transport. */
export function isHandler(method: object): boolean {
  return Reflect.hasMetadata(PATH_METADATA, method) || Reflect.hasMetadata(PATTERN_METADATA, method);
}
