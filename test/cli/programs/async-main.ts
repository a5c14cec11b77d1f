// Greets its arguments, as an async function.
import * as asyncio from 'tsyncio';

export async function main(...names: string[]): Promise<void> {
  await asyncio.sleep(0);
  console.log(asyncio.currentTask()?.constructor.name, 'hello', ...names);
}
