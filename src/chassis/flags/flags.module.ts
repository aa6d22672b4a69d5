import { Global, Module } from '@nestjs/common';
import { FeatureFlags } from './feature-flags.js';

/** Provides `FeatureFlags` everywhere. */
@Global()
@Module({ providers: [FeatureFlags], exports: [FeatureFlags] })
export class FlagsModule {}
