// A cancellation at every moment of every call about pipes and child processes: it comes out, nothing hangs, no process, no
// descriptor and no task is left. The moments are the iterations of the loop from the start of the call to its end.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, test } from 'node:test';
import * as asyncio from 'tsyncio';
import { type Kind, kinds } from '../core/both-kinds.js';
import { childrenOf, noProc, openDescriptors } from './descriptors.js';
import { Recorder } from './recorder.js';

type Coro<T> = asyncio.Coro<T>;
type Wait = Kind['wait'];

const { PIPE } = asyncio.subprocess;
const skip = process.platform === 'win32' ? 'the programs are those of Unix' : noProc;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tsyncio-cancel-'));
after(() => fs.rmSync(folder, { recursive: true }));
const { O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

interface Scene {
  readonly title: string;
  /** Readies what the call needs; `end` is run afterwards, whatever has happened. */
  readonly prepare: (wait: Wait) => Coro<{ call: () => Coro<unknown>; end?: () => Coro<unknown> }>;
}

const pipes = { stdin: PIPE, stdout: PIPE, stderr: PIPE } as const;

/** A scene about a process that runs already. */
function about(
  title: string,
  script: string,
  call: (child: asyncio.subprocess.Process, wait: Wait) => Coro<unknown>,
): Scene {
  return {
    title,
    *prepare(wait) {
      const child = (yield* wait(asyncio.createSubprocessShell(script, pipes))) as asyncio.subprocess.Process;
      return {
        call: () => call(child, wait),
        *end() {
          yield* wait(child.stop());
        },
      };
    },
  };
}

const scenes: Scene[] = [
  {
    title: 'createSubprocessExec()',
    *prepare(wait) {
      return {
        *call() {
          const child = yield* wait(asyncio.createSubprocessExec('cat', [], pipes));
          // Without this it would be the program's affair.
          yield* wait(child.stop());
        },
      };
    },
  },
  {
    title: 'subprocessExec()',
    *prepare(wait) {
      return {
        *call() {
          const loop = asyncio.getRunningLoop();
          const [transport] = yield* wait(loop.subprocessExec(() => new asyncio.SubprocessProtocol(), 'cat'));
          transport.close();
        },
      };
    },
  },
  {
    title: 'a program that is not there',
    *prepare(wait) {
      return {
        *call() {
          try {
            yield* wait(asyncio.createSubprocessExec('tsyncio-no-such-program', [], pipes));
          } catch (error) {
            asyncio.rethrowBase(error);
          }
        },
      };
    },
  },
  about('communicate()', 'cat; cat /dev/null >&2', function* (child, wait) {
    yield* wait(child.communicate(Buffer.alloc(300_000)));
  }),
  about('wait()', 'sleep 0.02', function* (child, wait) {
    yield* wait(child.wait());
  }),
  about('reading its output', 'echo one; echo two', function* (child, wait) {
    yield* wait((child.stdout as asyncio.StreamReader).readline());
    yield* wait((child.stdout as asyncio.StreamReader).read());
  }),
  about('writing to it', 'cat > /dev/null', function* (child, wait) {
    const stdin = child.stdin as asyncio.StreamWriter;
    stdin.write(Buffer.alloc(1 << 20));
    yield* wait(stdin.drain());
    stdin.close();
    yield* wait(stdin.waitClosed());
  }),
  about('stop()', 'trap "" TERM; while :; do sleep 0.01; done', function* (child, wait) {
    yield* wait(child.stop(0.03));
  }),
  about('withAsync()', 'exec sleep 60', function* (child, wait) {
    yield* wait(
      asyncio.withAsync(child, function* () {
        yield* asyncio.sleep(0);
      }),
    );
  }),
  {
    title: 'runProcess()',
    *prepare(wait) {
      return {
        *call() {
          yield* wait(asyncio.runProcess('cat', [], { input: 'x'.repeat(100_000) }));
        },
      };
    },
  },
  {
    title: 'runProcess() that times out',
    *prepare(wait) {
      return {
        *call() {
          const script = ['-c', 'trap "" TERM; while :; do sleep 0.01; done'];
          try {
            yield* wait(asyncio.runProcess('sh', script, { timeout: 0.02, killAfter: 0.02 }));
          } catch (error) {
            asyncio.rethrowBase(error);
          }
        },
      };
    },
  },
  ...(['connectReadPipe', 'connectWritePipe'] as const).map(
    (method): Scene => ({
      title: `${method}()`,
      *prepare(wait) {
        const name = path.join(folder, 'fifo');
        execFileSync('mkfifo', [name]);
        const r = fs.openSync(name, O_RDONLY | O_NONBLOCK);
        const w = fs.openSync(name, O_WRONLY | O_NONBLOCK);
        fs.unlinkSync(name);
        const [ours, other] = method === 'connectReadPipe' ? [r, w] : [w, r];
        let begun = false;
        return {
          *call() {
            begun = true;
            const loop = asyncio.getRunningLoop();
            const connecting: asyncio.Awaitable<[asyncio.BaseTransport, Recorder]> =
              method === 'connectReadPipe'
                ? (loop.connectReadPipe(() => new Recorder(), { fd: ours }) as never)
                : (loop.connectWritePipe(() => new Recorder(), { fd: ours }) as never);
            const [transport, protocol] = yield* wait(connecting);
            transport.close();
            yield* wait(protocol.told('lost'));
          },
          *end() {
            fs.closeSync(other);
            if (!begun) fs.closeSync(ours);
          },
        };
      },
    }),
  ),
];

/** Plays the scene, with a cancellation `moment` iterations after its start. Gives whether it had ended by itself by then. */
async function play(scene: Scene, { wait, go }: (typeof kinds)[number], moment: number): Promise<boolean> {
  let ended = false;
  function* main(): Coro<void> {
    const { call, end } = yield* scene.prepare(wait);
    const task = asyncio.createTask(go(call));
    for (let i = 0; i < moment && !task.done(); i++) yield* wait(asyncio.sleep(0));
    ended = task.done();
    task.cancel('of the test');
    yield* wait(asyncio.wait([task]));
    if (!ended) {
      assert.equal(task.cancelled() || task.exception() === null, true, String(task));
    } else if (task.exception() !== null) throw task.exception();
    if (end !== undefined) yield* end();
    // What close() began ends in the next iterations.
    for (let i = 0; childrenOf().length > 0; i++) {
      assert.ok(i < 100_000, `still there: ${JSON.stringify(childrenOf())}`);
      yield* wait(asyncio.sleep(0));
    }
    for (let i = 0; i < 5; i++) yield* wait(asyncio.sleep(0));
    const left = [...asyncio.allTasks()].filter((each) => each !== asyncio.currentTask());
    assert.deepEqual(left.map(String), []);
  }
  const loop = new asyncio.EventLoop();
  const reports: string[] = [];
  loop.setExceptionHandler((_, { message, exception }) => void reports.push(`${message} ${exception}`));
  await asyncio.run(go(main), { loopFactory: () => loop });
  assert.deepEqual(reports, []);
  return ended;
}

/** The moments that are looked at: all at first, then ever further apart, until the call has ended. */
function* moments(): Generator<number> {
  for (let moment = 0; ; moment += Math.max(1, Math.floor(moment / 8))) yield moment;
}

for (const scene of scenes) {
  for (const kind of kinds) {
    test(`a cancellation at every moment of ${scene.title} (${kind.name})`, { skip }, async () => {
      await play(scene, kind, Number.POSITIVE_INFINITY);
      const before = openDescriptors().length;
      let played = 0;
      for (const moment of moments()) {
        played += 1;
        if (await play(scene, kind, moment)) break;
        assert.equal(openDescriptors().length, before, `descriptors after a cancellation at ${moment}`);
        assert.deepEqual(childrenOf(), []);
        if (played > 30) break;
      }
      assert.ok(played > 1, 'there was nothing to cancel');
    });
  }
}
