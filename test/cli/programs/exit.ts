// Leaves with the code that it is given, or with a text.
import * as asyncio from 'tsyncio';

export async function main(code?: string): Promise<void> {
  await asyncio.sleep(0);
  throw code === undefined
    ? new asyncio.SystemExit()
    : new asyncio.SystemExit(Number.isNaN(Number(code)) ? code : Number(code));
}
