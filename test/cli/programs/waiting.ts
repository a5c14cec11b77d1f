// Waits for a signal, and takes its time to clean up.
import * as asyncio from 'tsyncio';

export async function main(): Promise<void> {
  try {
    console.log('ready');
    await asyncio.sleep('1h');
  } finally {
    await asyncio.sleep(0);
    console.log('cleaned up');
  }
}
