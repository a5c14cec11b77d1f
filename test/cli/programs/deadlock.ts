// Waits for a future that nobody will complete.
import * as asyncio from 'tsyncio';

export async function main(): Promise<void> {
  await asyncio.getRunningLoop().createFuture();
}
