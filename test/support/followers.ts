import { Controller, Injectable, Module } from '@nestjs/common';
import { Config, OnConfigChange, type ChassisConfig, type ConfigChange } from '#chassis/config';
import type { LiveKeys } from './live-service.js';

/** Hears of changes, and does what a test says. */
@Injectable()
export class Follower {
  readonly heard: { readonly change: ConfigChange<LiveKeys>; readonly seen: string }[] = [];
  /** Calls that have ended. */
  ended = 0;
  work: (change: ConfigChange<LiveKeys>) => Promise<void> | void = () => undefined;

  constructor(private readonly config: Config<LiveKeys>) {}

  @OnConfigChange<LiveKeys>('GREETING', 'LOG_LEVELS')
  async follow(change: ConfigChange<LiveKeys>): Promise<void> {
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
