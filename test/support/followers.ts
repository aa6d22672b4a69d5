import { Controller, Injectable, Module } from '@nestjs/common';
import { z } from 'zod';
import {
  Config,
  ConfigKeys,
  live,
  OnConfigChange,
  type ConfigOf,
  type ChassisConfig,
  type ConfigChange,
} from '#chassis/config';
import type { LiveKeys } from './live-service.js';

const followerConfig = {
  FOLLOWER_PACE: live(z.coerce.number().default(1).describe('A key that a provider brings along.')),
};
export type FollowerKeys = LiveKeys & ConfigOf<typeof followerConfig>;

/** Hears of changes, and does what a test says. */
@Injectable()
@ConfigKeys(followerConfig)
export class Follower {
  readonly heard: { readonly change: ConfigChange<FollowerKeys>; readonly seen: string }[] = [];
  /** Calls that have ended. */
  ended = 0;
  work: (change: ConfigChange<FollowerKeys>) => Promise<void> | void = () => undefined;

  constructor(private readonly config: Config<FollowerKeys>) {}

  @OnConfigChange<FollowerKeys>('GREETING', 'LOG_LEVELS', 'FOLLOWER_PACE')
  async follow(change: ConfigChange<FollowerKeys>): Promise<void> {
    this.heard.push({ change, seen: this.config.get('GREETING') });
    try {
      await this.work(change);
    } finally {
      this.ended += 1;
    }
  }
}

@Controller()
export class FollowingController {
  levels: string | undefined;

  @OnConfigChange('LOG_LEVELS')
  follow({ next }: ConfigChange<ChassisConfig>): void {
    this.levels = next.LOG_LEVELS;
  }
}

/** Give it to `TestApp.start({ service: liveService, imports: [FollowersModule] })`. */
@Module({ providers: [Follower], controllers: [FollowingController] })
export class FollowersModule {}
