// Starts load.mjs for the JavaScript contenders.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Starts the process; `next()` is the next word that it says. */
export function otherSide(...args) {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('load.mjs', import.meta.url)), ...args.map(String)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let text = '';
  let wake = () => {};
  child.stdout.setEncoding('utf8').on('data', (more) => {
    text += more;
    wake();
  });
  return {
    go: () => child.stdin.write('go\n'),
    end: () => child.stdin.end(),
    async next() {
      while (!text.includes('\n')) await new Promise((resolve) => (wake = resolve));
      const [line, ...rest] = text.split('\n');
      text = rest.join('\n');
      return line;
    },
  };
}

/** Has a client load the server at `port`, and measures from when all are connected. */
export async function load(port, { connections, size }, messages, restart) {
  const client = otherSide('client', port, connections, size, messages);
  await client.next();
  restart();
  client.go();
  await client.next();
}
