/** The HTTP server of the examples as a program, and with peers that nobody here wrote: curl and wrk. A test without its peer is skipped. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inFolder } from '../node/file-stage.js';

/** Why a test is skipped that wants this program. */
function without(program: string): string | false {
  return spawnSync(program, ['--version']).error === undefined ? false : `no ${program}`;
}
const noCurl = without('curl');
const noWrk = without('wrk');
const root = fileURLToPath(new URL('../../../', import.meta.url));

interface Outcome {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
function run(program: string, args: readonly string[]): Promise<Outcome> {
  return outcomeOf(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
}

function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('latin1').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('latin1').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? signal, stdout, stderr }));
  });
}

interface Program {
  readonly url: string;
  at(...names: string[]): string;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Outcome>;
}

/** Runs the example as users do, for a folder with a few files. */
async function withProgram(
  args: readonly string[],
  body: (program: Program) => Promise<void>,
): Promise<void> {
  await inFolder(async (at) => {
    fs.mkdirSync(at('folder'));
    fs.writeFileSync(at('index.html'), '<h1>index</h1>\n');
    fs.writeFileSync(at('digits.txt'), '0123456789');
    fs.writeFileSync(at('big.bin'), Buffer.alloc(5_000_000, 'some content '));
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
    const main = path.join(root, 'build/examples/http-server/index.js');
    const cli = path.join(root, 'dist/cli/main.js');
    const child = spawn(process.execPath, [cli, 'run', main, '--', at(), '--port', '0', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = outcomeOf(child);
    try {
      const url = await new Promise<string>((resolve, reject) => {
        let text = '';
        child.stdout?.on('data', (more: string) => {
          text += more;
          const found = /serving .* at (http:\S+)\n/.exec(text);
          if (found !== null) resolve(found[1] as string);
        });
        void ended.then(({ stderr }) => reject(new Error(`it has ended: ${stderr}`)));
      });
      await body({ url, at, kill: (signal) => void child.kill(signal), ended });
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  });
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} lets the answer end that is under way, closes what is idle, and ends the program`, async () => {
    await withProgram(['--log'], async ({ url, kill, ended }) => {
      const net = await import('node:net');
      const { port } = new URL(url);
      const connect = () => net.connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
      // It has asked, and does not read; the other one is idle.
      const [slow, idle] = [connect(), connect()];
      const idleEnds = new Promise((resolve) => idle.resume().once('end', resolve));
      slow.write('GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n');
      const first = await new Promise<Buffer>((resolve) => slow.once('data', resolve));
      slow.pause();
      kill(signal);
      await idleEnds;
      idle.end();
      let received = first.length;
      slow.on('data', (data) => (received += data.length)).resume();
      await new Promise((resolve) => slow.once('end', resolve));
      slow.end();
      const head = first.subarray(0, first.indexOf('\r\n\r\n') + 4);
      assert.equal(received, head.length + 5_000_000);
      const { code: status, stdout, stderr } = await ended;
      assert.equal(status, code, stderr);
      assert.ok(stdout.endsWith('stopped\n'), stdout);
      assert.match(
        stderr,
        /^127\.0\.0\.1 - - \[.*\] "GET \/big\.bin HTTP\/1\.1" 200 5000000 "-" "-" [\d.]+ms\n/,
      );
    });
  });
}

test('wrong arguments, and a folder that is not there', async () => {
  const main = path.join(root, 'build/examples/http-server/index.js');
  const cli = path.join(root, 'dist/cli/main.js');
  for (const [args, said] of [
    [['a', 'b'], /usage: http-server/],
    [['--port', 'x'], /usage: http-server/],
    [['/no/such/folder'], /no such file or directory/],
  ] as const) {
    const { code, stderr } = await run(process.execPath, [cli, 'run', main, '--', ...args]);
    assert.equal(code, 1);
    assert.match(stderr, said);
  }
});

const CURL = ['--silent', '--show-error', '--noproxy', '*', '--max-time', '60'];

test('curl: files, folders, headers, ranges, conditions', { skip: noCurl }, async () => {
  await withProgram([], async ({ url, at }) => {
    const curl = async (...args: string[]) => {
      const { code, stdout, stderr } = await run('curl', [...CURL, ...args]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const status = (...args: string[]) => curl('-o', at('out'), '-w', '%{http_code}', ...args);
    assert.equal(await curl(url), '<h1>index</h1>\n');
    assert.match(await curl('-L', `${url}folder`), /<h1>\/folder\/<\/h1>/);
    assert.match(
      await curl('-I', `${url}digits.txt`),
      /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 10\r\n[\s\S]*\r\n\r\n$/,
    );
    assert.equal(await curl('-r', '2-4', `${url}digits.txt`), '234');
    assert.equal(await curl('-r', '-2', `${url}digits.txt`), '89');
    assert.equal(await status('-r', '10-', `${url}digits.txt`), '416');
    assert.equal(await status(`${url}big.bin`), '200');
    assert.ok(fs.readFileSync(at('out')).equals(fs.readFileSync(at('big.bin'))));
    // A download that broke off, continued.
    fs.truncateSync(at('out'), 1_234_567);
    assert.equal(await status('-C', '-', `${url}big.bin`), '206');
    assert.ok(fs.readFileSync(at('out')).equals(fs.readFileSync(at('big.bin'))));
    // What was fetched is not fetched again until it changes.
    assert.equal(await status('--etag-save', at('etag'), `${url}digits.txt`), '200');
    assert.equal(await status('--etag-compare', at('etag'), `${url}digits.txt`), '304');
    assert.equal(await status('-z', at('digits.txt'), `${url}digits.txt`), '304');
    fs.writeFileSync(at('digits.txt'), 'other');
    assert.equal(await status('--etag-compare', at('etag'), `${url}digits.txt`), '200');
    assert.equal(await status('-z', 'Sun, 09 Sep 2001 01:46:40 GMT', `${url}digits.txt`), '200');
    assert.equal(await status('--path-as-is', `${url}../../../../etc/passwd`), '404');
    assert.equal(await status(`${url}nothing`), '404');
    assert.equal(await status('-X', 'DELETE', `${url}digits.txt`), '405');
    assert.equal(await status('-X', 'BREW', `${url}digits.txt`), '501');
    assert.equal(await status('-H', 'Host:', `${url}digits.txt`), '400');
    assert.equal(await status('-H', `X: ${'x'.repeat(20_000)}`, `${url}digits.txt`), '431');
    assert.equal(await status(`${url}${'x'.repeat(20_000)}`), '414');
    assert.equal(await status('--http1.0', `${url}digits.txt`), '200');
  });
});

test('curl: one connection for many requests, bodies sent and dropped, 100-continue', {
  skip: noCurl,
}, async () => {
  await withProgram([], async ({ url, at }) => {
    const each = ['-o', at('out'), '-w', '%{http_code} %{num_connects}\n'];
    const urls = ['digits.txt', 'nothing', 'big.bin', '', 'digits.txt'].map((name) => url + name);
    const { stdout } = await run('curl', [...CURL, ...urls.flatMap((one) => [...each, one])]);
    assert.equal(stdout, '200 1\n404 0\n200 0\n200 0\n200 0\n');

    fs.writeFileSync(at('body'), Buffer.alloc(500_000));
    const post = (...more: string[]) => run('curl', [...CURL, '-v', ...each, ...more, `${url}digits.txt`]);
    // Small enough to be read; curl asks before it sends, and is told no at once.
    const data = ['--data-binary', `@${at('body')}`];
    for (const framing of [[], ['-H', 'Transfer-Encoding: chunked']]) {
      assert.match((await post(...data, ...framing, '-H', 'Expect:')).stdout, /^405 /);
      const { stdout, stderr } = await post(...data, ...framing, '-H', 'Expect: 100-continue');
      assert.match(stdout, /^405 /);
      assert.doesNotMatch(stderr, /100 Continue/);
    }
    fs.truncateSync(at('body'), 3_000_000);
    for (const framing of [[], ['-H', 'Transfer-Encoding: chunked']]) {
      assert.match((await post(...data, ...framing, '-H', 'Expect:')).stdout, /^413 /);
    }
  });
});

test('wrk: many connections at once, every answer right', { skip: noWrk }, async () => {
  await withProgram([], async ({ url, at }) => {
    // More than a connection is good for: they are closed and opened again.
    const { code, stdout, stderr } = await run('wrk', ['-t1', '-c50', '-d1s', `${url}digits.txt`]);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /Non-2xx|Socket errors/, stdout);
    assert.ok(Number(/(\d+) requests in/.exec(stdout)?.[1]) > 0, stdout);

    // Sixteen requests at a time on each connection.
    fs.writeFileSync(
      at('pipeline.lua'),
      'init = function() local r = {} for i = 1, 16 do r[i] = wrk.format("GET", "/digits.txt") end pipelined = table.concat(r) end\n' +
        'request = function() return pipelined end\n',
    );
    const pipelined = await run('wrk', ['-t1', '-c10', '-d1s', '-s', at('pipeline.lua'), url]);
    assert.equal(pipelined.code, 0, pipelined.stderr);
    assert.doesNotMatch(pipelined.stdout, /Non-2xx|Socket errors/, pipelined.stdout);
    assert.ok(Number(/(\d+) requests in/.exec(pipelined.stdout)?.[1]) > 0, pipelined.stdout);
  });
});
