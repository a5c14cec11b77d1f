import { execa } from 'execa';

async function one() {
  const { stdout } = await execa('echo', ['x'], { stdin: 'ignore' });
  if (stdout !== 'x') throw new Error('the output is lost');
}

export default ({ processes, atOnce }) => ({
  units: processes,
  async repeat(times) {
    for (let i = 0; i < times * processes; i += atOnce)
      await Promise.all(Array.from({ length: atOnce }, one));
  },
});
