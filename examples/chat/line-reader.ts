/** Lines that people type: one that is too long is passed over as a whole, and what would move the cursor is taken out. */

import * as asyncio from 'tsyncio';

export const TOO_LONG: unique symbol = Symbol('too long');

/** The next line without its end; `null` when there are no more. The reader's limit is the longest one. */
export async function readLine(reader: asyncio.StreamReader): Promise<string | typeof TOO_LONG | null> {
  let tooLong = false;
  for (;;) {
    try {
      const line = await reader.readuntil('\n');
      return tooLong ? TOO_LONG : clean(line);
    } catch (error) {
      if (error instanceof asyncio.LimitOverrunError) {
        tooLong = true;
        await reader.readexactly(error.consumed);
      } else if (error instanceof asyncio.IncompleteReadError) {
        return error.partial.length > 0 && !tooLong ? clean(error.partial) : null;
      } else {
        throw error;
      }
    }
  }
}

/** Without control characters: what one writes must not do things to the terminals of others. */
function clean(line: Buffer): string {
  return line
    .toString()
    .replaceAll(/\p{Cc}/gu, '')
    .trim();
}
