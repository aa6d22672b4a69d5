import 'reflect-metadata';
import { runService } from '#chassis';
import { service } from './app.module.js';

await runService(service);
