// Prints whether a new loop is in debug mode.

import * as asyncio from 'tsyncio';

await asyncio.run(function* () {
  console.log(asyncio.getRunningLoop().getDebug());
});
