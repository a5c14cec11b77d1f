import * as asyncio from 'tsyncio';

const { DEVNULL, PIPE } = asyncio.subprocess;

function* one() {
  const child = yield* asyncio.createSubprocessExec('echo', ['x'], {
    stdin: DEVNULL,
    stdout: PIPE,
    stderr: PIPE,
  });
  const [output] = yield* child.communicate();
  if (output.length !== 2 || child.returncode !== 0) throw new Error('the output is lost');
}

export default ({ processes, atOnce }) => ({
  units: processes,
  least: 15, // rounds: after 1,500 processes V8 has compiled what it will
  repeat: (times) =>
    asyncio.run(function* () {
      for (let i = 0; i < times * processes; i += atOnce)
        yield* asyncio.gather(Array.from({ length: atOnce }, () => one()));
    }),
});
