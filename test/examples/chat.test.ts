/** The chat server: names, commands, limits, readers that are slow, an orderly end. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as asyncio from 'tsyncio';
import { type ChatOptions, ChatServer } from '../../examples/chat/chat-server.js';
import { readLine, TOO_LONG } from '../../examples/chat/line-reader.js';
import fc from '../property.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Somebody at a terminal. */
class Person {
  readonly reader: asyncio.StreamReader;
  readonly writer: asyncio.StreamWriter;

  constructor([reader, writer]: asyncio.StreamPair) {
    this.reader = reader;
    this.writer = writer;
  }

  static async at(port: number): Promise<Person> {
    return new Person(await asyncio.openConnection('127.0.0.1', port));
  }

  /** Somebody who has said a name, and read what comes then. */
  static async named(port: number, name: string): Promise<Person> {
    const person = await Person.at(port);
    person.say(name);
    await person.hears('*** welcome! what is your name?');
    assert.match(await person.line(), new RegExp(`^\\*\\*\\* hello ${name}; here are .*${name}`));
    return person;
  }

  say(text: string): void {
    this.writer.write(Buffer.from(`${text}\n`));
  }

  async line(): Promise<string> {
    const line = await asyncio.timeout(60).run(() => this.reader.readline());
    return line.toString().replace(/\r\n$/, '');
  }

  async hears(...lines: string[]): Promise<void> {
    for (const line of lines) assert.equal(await this.line(), line);
  }

  /** Everything until the connection ends. */
  async rest(): Promise<string> {
    return (await asyncio.timeout(60).run(() => this.reader.read())).toString();
  }
}

/** Runs a body with a server, and stops that. What it logs is checked for mishaps. */
async function withChat(
  body: (port: number, server: ChatServer) => Promise<void>,
  options: ChatOptions = {},
): Promise<void> {
  const log: string[] = [];
  await asyncio.run(async () => {
    const server = new ChatServer({ log: (line) => void log.push(line), ...options });
    await new asyncio.TaskGroup().run(async (group) => {
      const listening = asyncio.getRunningLoop().createFuture<asyncio.SocketAddress>();
      group.createTask(() => server.run((address) => listening.setResult(address)));
      const [, port] = (await listening) as [string, number];
      await body(port, server);
      server.stop();
    });
  });
  assert.deepEqual(
    log.filter((line) => /Error|went wrong/.test(line)),
    [],
  );
}

test('everybody hears who comes, what is said, and who goes', async () => {
  await withChat(async (port) => {
    const ada = await Person.named(port, 'Ada');
    const bob = await Person.named(port, 'bob');
    await ada.hears('*** bob has joined');
    bob.say('hello, Ada');
    for (const each of [ada, bob]) await each.hears('<bob> hello, Ada');
    ada.say('/me waves');
    for (const each of [ada, bob]) await each.hears('* Ada waves');
    ada.say('/who');
    await ada.hears('*** here are Ada, bob');
    bob.say('/nick Robert');
    for (const each of [ada, bob]) await each.hears('*** bob is now known as Robert');
    bob.say('/QUIT');
    assert.equal(await bob.rest(), '');
    await ada.hears('*** Robert has left (bye)');
    ada.say('/who');
    await ada.hears('*** here are Ada');
  });
});

test('names are checked, and each is taken once, whatever its letters', async () => {
  await withChat(async (port) => {
    const ada = await Person.named(port, 'Ada');
    const other = await Person.at(port);
    await other.hears('*** welcome! what is your name?');
    for (const bad of ['', 'a b', 'x'.repeat(21), '/who', '<b>']) {
      other.say(bad);
      await other.hears('*** no: a name is 1 to 20 letters, digits, "_" or "-"; what is your name?');
    }
    other.say('ADA');
    await other.hears('*** no: the name Ada is taken; what is your name?');
    other.say('Zoë');
    await other.hears('*** hello Zoë; here are Ada, Zoë; /help tells more');
    await ada.hears('*** Zoë has joined');
    other.say('/nick ada');
    await other.hears('*** no: the name Ada is taken');
    other.say('/nick');
    await other.hears('*** no: a name is 1 to 20 letters, digits, "_" or "-"');
    ada.say('/nick ADA'); // one's own, in other letters
    for (const each of [ada, other]) await each.hears('*** Ada is now known as ADA');
    other.say('/nick zed');
    await ada.hears('*** Zoë is now known as zed');
    const again = await Person.named(port, 'Zoë'); // it is free again
    again.writer.close();
  });
});

test('lines that are too long, unknown commands, and what would move the cursor', async () => {
  await withChat(
    async (port) => {
      const ada = await Person.named(port, 'Ada');
      ada.say('x'.repeat(51));
      await ada.hears('*** no: a line has at most 50 bytes');
      ada.say('x'.repeat(100_000));
      await ada.hears('*** no: a line has at most 50 bytes');
      ada.say('x'.repeat(50));
      await ada.hears(`<Ada> ${'x'.repeat(50)}`);
      ada.say('/dance');
      await ada.hears('*** there is no /dance: try /help');
      ada.say('\x1b[2Jhello\x07\r');
      await ada.hears('<Ada> [2Jhello');
      ada.say('');
      ada.writer.write(Buffer.from('the end has no newline'));
      ada.writer.writeEof();
      await ada.hears('<Ada> the end has no newline');
      assert.equal(await ada.rest(), '');
    },
    { lineLimit: 50 },
  );
});

test('readLine() finds the lines however they come, and passes over the long ones', async () => {
  const text = fc.array(fc.constantFrom('a', 'bc', '\n', '\n', 'x'.repeat(30), 'é'), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 7 }), async (parts, size) => {
      const whole = Buffer.from(parts.join(''));
      const limit = 16;
      const expected = whole
        .toString()
        .split('\n')
        .map((line, i, all) => (i < all.length - 1 && Buffer.byteLength(line) > limit ? TOO_LONG : line));
      const unfinished = expected.pop() as string;
      await asyncio.run(async () => {
        const reader = new asyncio.StreamReader({ limit });
        const feeding = asyncio.createTask(async () => {
          for (let at = 0; at < whole.length; at += size) {
            reader.feedData(whole.subarray(at, at + size));
            await asyncio.sleep(0);
          }
          reader.feedEof();
        });
        const found: unknown[] = [];
        for (let line = await readLine(reader); line !== null; line = await readLine(reader))
          found.push(line);
        await feeding;
        // What has no end is given unless it was too long already.
        if (found.length > expected.length) assert.equal(found.pop(), unfinished);
        else assert.ok(unfinished === '' || Buffer.byteLength(unfinished) > limit);
        assert.deepEqual(found, expected);
      });
    }),
  );
});

test('who says nothing is disconnected, and told why', async () => {
  await withChat(
    async (port) => {
      const silent = await Person.at(port);
      assert.equal(
        await silent.rest(),
        '*** welcome! what is your name?\r\n*** goodbye: idle for too long\r\n',
      );
    },
    { idle: '10ms' },
  );
});

test('who does not read is disconnected, and holds nobody up', async () => {
  await withChat(
    async (port, server) => {
      const slow = await Person.named(port, 'slow');
      slow.writer.transport.pauseReading();
      const ada = await Person.named(port, 'Ada');
      const text = 'x'.repeat(60_000);
      for (let i = 0; server.room.names.includes('slow'); i += 1) {
        assert.ok(i < 2000, 'it takes everything');
        ada.say(text);
        assert.match(await ada.line(), /^<Ada> x+$|slow has left/);
      }
      ada.say('/who');
      while (true) {
        const line = await ada.line();
        if (line === '*** here are Ada') break;
        assert.match(line, /^<Ada> x+$|^\*\*\* slow has left \(too slow a reader\)$/);
      }
      slow.writer.transport.resumeReading();
      const rest = await slow.rest();
      assert.ok(rest.endsWith('x\r\n*** goodbye: too slow a reader\r\n'), rest.slice(-100));
    },
    { lineLimit: 65_536, backlog: 8, patience: 60 },
  );
});

test('who neither reads nor goes is cut off when the patience ends', async () => {
  await withChat(
    async (port, server) => {
      const slow = await Person.named(port, 'slow');
      slow.writer.transport.pauseReading();
      const ada = await Person.named(port, 'Ada');
      while (server.room.names.includes('slow')) {
        ada.say('x'.repeat(60_000));
        await ada.line();
      }
      server.stop();
      await ada.rest();
    },
    { lineLimit: 65_536, backlog: 8, patience: 0.01 },
  );
});

test('a connection that breaks is a member that leaves', async () => {
  await withChat(async (port) => {
    const ada = await Person.named(port, 'Ada');
    const bob = await Person.named(port, 'bob');
    await ada.hears('*** bob has joined');
    const socket = bob.writer.transport as unknown as { _socket: { resetAndDestroy(): void } };
    socket._socket.resetAndDestroy();
    await ada.hears('*** bob has left (the connection was lost)');
  });
});

test('a hundred people hear the same in the same order', async () => {
  await withChat(
    async (port) => {
      const people = await asyncio.gather(
        Array.from({ length: 100 }, (_, i) => async () => await Person.named(port, `p${i}`)),
      );
      for (const [i, each] of people.entries()) each.say(`I am number ${i}`);
      const heard = await asyncio.gather(
        people.map((each) => async () => {
          const lines: string[] = [];
          while (lines.length < 100) {
            const line = await each.line();
            if (line.startsWith('<')) lines.push(line);
          }
          return lines;
        }),
      );
      assert.equal(new Set(heard[0]).size, 100);
      for (const each of heard) assert.deepEqual(each, heard[0]);
    },
    { backlog: 1000 },
  );
});

test('a stop, or a cancellation, tells everybody, also who has no name yet', async () => {
  for (const how of ['stop', 'cancel'] as const) {
    await asyncio.run(async () => {
      const server = new ChatServer();
      const listening = asyncio.getRunningLoop().createFuture<asyncio.SocketAddress>();
      const task = asyncio.createTask(() => server.run((address) => listening.setResult(address)));
      const [, port] = (await listening) as [string, number];
      const people = [
        await Person.named(port, 'Ada'),
        await Person.named(port, 'bob'),
        await Person.at(port),
      ];
      await people[2]?.hears('*** welcome! what is your name?');
      await people[0]?.hears('*** bob has joined');
      if (how === 'stop') server.stop();
      else task.cancel();
      for (const each of people) assert.equal(await each.rest(), '*** goodbye: the server is going down\r\n');
      await asyncio.wait([task]);
      assert.equal(task.cancelled(), how === 'cancel');
      await assert.rejects(async () => await Person.at(port), asyncio.ConnectionRefusedError);
    });
  }
});

/** Until the program says it. */
function said(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let text = '';
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const found = pattern.exec(text);
      if (found !== null) resolve(found);
    });
    child.once('close', () => reject(new Error(`it ended without saying ${pattern}: ${text}`)));
  });
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal}: the program tells everybody, and exits with ${code}`, {
    skip: process.platform === 'win32' && 'the signals are those of Unix',
  }, async () => {
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
    const file = path.join(root, 'build/examples/chat/index.js');
    const child = spawn(process.execPath, [path.join(root, 'dist/cli/main.js'), 'run', file, '0'], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const port = Number((await said(child, /listening at 127\.0\.0\.1:(\d+)/))[1]);
    const last = said(child, /everybody has gone\n$/);
    await asyncio.run(async () => {
      const ada = await Person.named(port, 'Ada');
      child.kill(signal);
      assert.equal(await ada.rest(), '*** goodbye: the server is going down\r\n');
    });
    await last;
    assert.equal(await ended, code);
  });
}
