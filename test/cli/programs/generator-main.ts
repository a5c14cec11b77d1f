// Greets its arguments, as a generator coroutine; its helper stands in another file.
import * as asyncio from 'tsyncio';
import { greeting } from './greeting.js';

export function* main(...names: string[]): asyncio.Coro<void> {
  yield* asyncio.sleep(0);
  console.log(greeting(names));
}
