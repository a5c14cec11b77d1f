import { spawn } from 'node:child_process';

function one() {
  return new Promise((resolve, reject) => {
    const child = spawn('echo', ['x'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = [];
    child.stdout.on('data', (data) => output.push(data));
    child.stderr.resume();
    child.once('error', reject);
    child.once('close', (code) => {
      if (Buffer.concat(output).length === 2 && code === 0) resolve();
      else reject(new Error('the output is lost'));
    });
  });
}

export default ({ processes, atOnce }) => ({
  units: processes,
  least: 15, // rounds: after 1,500 processes V8 has compiled what it will
  async repeat(times) {
    for (let i = 0; i < times * processes; i += atOnce)
      await Promise.all(Array.from({ length: atOnce }, one));
  },
});
