import * as asyncio from 'tsyncio';

async function one() {
  const { stdout } = await asyncio.runProcess('echo', ['x'], { encoding: 'utf-8' });
  if (stdout !== 'x\n') throw new Error('the output is lost');
}

export default ({ processes, atOnce }) => ({
  units: processes,
  least: 15, // rounds: after 1,500 processes V8 has compiled what it will
  repeat: (times) =>
    asyncio.run(async () => {
      for (let i = 0; i < times * processes; i += atOnce)
        await asyncio.gather(Array.from({ length: atOnce }, () => () => one()));
    }),
});
