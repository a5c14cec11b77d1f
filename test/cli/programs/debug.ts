// Says whether the loop is in debug mode.
import * as asyncio from 'tsyncio';

export async function main(...args: string[]): Promise<void> {
  console.log(asyncio.getRunningLoop().getDebug(), ...args);
}
