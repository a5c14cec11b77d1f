// Sets context variables in plain code: one warning for all of it. In a context of one's own, there is none.

import * as asyncio from 'tsyncio';

new asyncio.Context().run(() => new asyncio.ContextVar('own').set(1));
await asyncio.run(async () => {
  new asyncio.ContextVar('task').set(1);
});
const first = new asyncio.ContextVar<string>('first');
first.set('first');
const second = new asyncio.ContextVar<string>('second');
second.set('second');
console.log(first.get(), second.get());
