// A module whose import begins with one flag and ends with another; both stand in its URL.

import { existsSync, writeFileSync } from 'node:fs';
import * as asyncio from 'tsyncio';

const { searchParams } = new URL(import.meta.url);
writeFileSync(searchParams.get('started') as string, '');
while (!existsSync(searchParams.get('go') as string)) await new Promise((resolve) => setTimeout(resolve, 1));

export async function sleepLong(): Promise<void> {
  await asyncio.sleep('1h');
}
