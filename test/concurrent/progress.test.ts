import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startProgress } from 'tsyncio/concurrent/lowlevel';

/** A terminal that remembers what is written to it. */
class Terminal {
  readonly isTTY: boolean;
  readonly columns = 80;
  readonly written: string[] = [];

  constructor(isTTY = true) {
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.written.push(text);
    return true;
  }

  /** What its last line shows. */
  get line(): string {
    const last = this.written.join('').split('\x1B[1G').at(-1) as string;
    return last.replaceAll('\x1B[0K', '');
  }

  get stream(): NodeJS.WriteStream {
    return this as unknown as NodeJS.WriteStream;
  }
}

const exitListeners = (): number => process.listenerCount('exit');

beforeEach(() => {
  delete process.env.TERM;
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000_000 });
});
afterEach(() => mock.timers.reset());

test('startProgress() writes nothing to what is no terminal', () => {
  const terminal = new Terminal(false);
  const progress = startProgress({ total: 10, stream: terminal.stream });
  mock.timers.tick(5000);
  progress.advance();
  progress.stop();
  assert.deepEqual(terminal.written, []);
});

test('startProgress() shows a bar with percent, count, rate and the time left', () => {
  const terminal = new Terminal();
  const progress = startProgress({ total: 100, label: 'hashing', stream: terminal.stream });
  assert.equal(terminal.line, `hashing ${'░'.repeat(24)}  0% · 0/100 · 0:00`);
  mock.timers.setTime(1_001_000);
  progress.advance(25);
  assert.equal(terminal.line, `hashing ${'█'.repeat(6)}${'░'.repeat(18)} 25% · 25/100 · 25.0/s · 0:03 left`);
  mock.timers.setTime(1_002_000);
  progress.advance(75);
  assert.equal(terminal.line, `hashing ${'█'.repeat(24)}100% · 100/100 · 40.0/s · 0:00 left`);
  progress.stop();
  assert.equal(terminal.line, `hashing ${'█'.repeat(24)}100% · 100/100 · 50.0/s · 0:02\n`);
});

test('startProgress() without a total shows how many, the rate and the time that has passed', () => {
  for (const total of [undefined, Number.POSITIVE_INFINITY]) {
    mock.timers.setTime(1_000_000);
    const terminal = new Terminal();
    const progress = startProgress({ stream: terminal.stream, ...(total === undefined ? {} : { total }) });
    assert.equal(terminal.line, '0 · 0:00');
    mock.timers.setTime(1_000_000 + 3_723_000);
    progress.advance(2);
    progress.stop();
    assert.equal(terminal.line, '2 · 1861.5 s each · 1:02:03\n');
  }
});

test('advance() draws at once, without the event loop, but not more often than ten times a second', () => {
  const terminal = new Terminal();
  const progress = startProgress({ total: 1_000_000, stream: terminal.stream });
  let drawn = 0;
  for (let ms = 1; ms <= 1000; ms++) {
    mock.timers.setTime(1_000_000 + ms); // no timer is run
    const before = terminal.written.length;
    for (let n = 0; n < 10; n++) progress.advance();
    if (terminal.written.length > before) drawn++;
  }
  assert.equal(drawn, 10);
  progress.stop();
});

test('stop() ends the line once, leaves no listener and no timer behind, and nothing to restore', () => {
  const before = exitListeners();
  const terminal = new Terminal();
  const progress = startProgress({ total: 2, stream: terminal.stream });
  assert.equal(exitListeners(), before + 1);
  progress.stop();
  progress.stop();
  progress.advance();
  mock.timers.tick(10_000);
  const all = terminal.written.join('');
  assert.ok(all.endsWith('0/2 · 0:00\x1B[0K\n'), JSON.stringify(all));
  assert.equal(exitListeners(), before);
  // No hidden cursor, no switched-off wrapping, no jump back to where the line began.
  for (const code of ['\x1B[?25l', '\x1B[?7l', '\x1B7', '\x1B8']) assert.ok(!all.includes(code));
});

test('startProgress() listens once for the exit, however many bars there are: Node warns of the eleventh listener', () => {
  const before = exitListeners();
  const all = Array.from({ length: 12 }, () => startProgress({ total: 2, stream: new Terminal().stream }));
  assert.equal(exitListeners(), before + 1);
  all.pop()?.stop();
  assert.equal(exitListeners(), before + 1);
  for (const each of all) each.stop();
  assert.equal(exitListeners(), before);
});

test('startProgress() listens for no signal, so that Ctrl-C goes on ending the process', () => {
  const listeners = () => process.listenerCount('SIGINT') + process.listenerCount('SIGTERM');
  const before = listeners();
  const progress = startProgress({ stream: new Terminal().stream });
  assert.equal(listeners(), before);
  progress.stop();
});

test('startProgress() does not keep a process alive, and the line is ended when it exits', () => {
  const program = fileURLToPath(new URL('./programs/forgotten-progress.js', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0);
  assert.match(stderr, /forgotten 3 .*\n$/s);
});
