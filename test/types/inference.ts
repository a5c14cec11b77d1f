/** What the compiler must infer, and what it must refuse. Nothing here runs: it is compiled with the tests. */

import * as asyncio from 'tsyncio';
import * as concurrent from 'tsyncio/concurrent';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<Expected>() {
  return <Actual>(
    _value: Actual,
    ..._same: Equal<Actual, Expected> extends true ? [] : ['the types differ']
  ) => {};
}

function* generatorKind(n: number): asyncio.Coro<string> {
  const number = yield* asyncio.sleep(n, 5);
  expectType<number>()(number);
  const nothing = yield* asyncio.sleep('250ms');
  expectType<void>()(nothing);
  return String(number);
}

async function asyncKind(n: number): Promise<Date> {
  return new Date(n);
}

export async function waiting(): Promise<void> {
  const task = asyncio.createTask(generatorKind(1), { name: 'one' });
  expectType<asyncio.Task<string>>()(task);
  expectType<string>()(await task);
  expectType<asyncio.Task<Date>>()(asyncio.createTask(() => asyncKind(1)));
  expectType<asyncio.Task<string>>()(asyncio.createTask(() => generatorKind(1)));

  const [text, date, five] = await asyncio.gather([
    generatorKind(1),
    () => asyncKind(2),
    asyncio.sleep(1, 5 as const),
  ]);
  expectType<string>()(text);
  expectType<Date>()(date);
  expectType<5>()(five);
  const outcomes = await asyncio.gather([generatorKind(1)], { returnExceptions: true });
  expectType<string | Error>()(outcomes[0]);
  const many = await asyncio.gather(new Set([generatorKind(1), generatorKind(2)]));
  expectType<string[]>()(many);

  const [done, pending] = await asyncio.wait([task]);
  expectType<Set<asyncio.Task<string>>>()(done);
  expectType<Set<asyncio.Task<string>>>()(pending);
  expectType<Date>()(await asyncio.waitFor(() => asyncKind(1), 2));
  for await (const future of asyncio.asCompleted([generatorKind(1)])) expectType<string>()(future.result());
  for (const next of asyncio.asCompleted([generatorKind(1)])) expectType<string>()(await next);

  expectType<number>()(await asyncio.timeout(1).run(async () => 5));
  expectType<string>()(await asyncio.timeout('2s').run(() => generatorKind(1)));
  expectType<boolean>()(
    await new asyncio.TaskGroup().run(async (group) => group.createTask(() => asyncKind(1)).done()),
  );

  const double = asyncio.coroutine(async (n: number) => 2 * n);
  expectType<(n: number) => asyncio.Coroutine<number>>()(double);
  const queue = new asyncio.Queue<string>();
  expectType<string>()(await queue.get());
  using guard = await new asyncio.Lock().guard();
  expectType<Disposable>()(guard);
}

/** What users of `returnExceptions` cannot know before the program runs. */
export async function gathering(returnExceptions: boolean): Promise<void> {
  const both = [generatorKind(1), () => asyncKind(2)] as const;
  expectType<[string | Error, Date | Error]>()(await asyncio.gather(both, { returnExceptions }));
  expectType<[string, Date]>()(await asyncio.gather(both, { returnExceptions: false }));
  expectType<[string, Date]>()(await asyncio.gather(both, {}));
}

export async function mixed(): Promise<void> {
  const attempts = [() => generatorKind(1), () => asyncKind(2)];
  const [winner, index] = await asyncio.staggeredRace(attempts, null);
  expectType<string | Date | null>()(winner);
  expectType<number | null>()(index);
  asyncio.shield(generatorKind(1)).addDoneCallback((future) => {
    expectType<asyncio.FutureLike<string>>()(future);
  });
}

export async function managers(unknown: asyncio.AsyncContextManager<number>): Promise<void> {
  expectType<number>()(await asyncio.withAsync(new asyncio.Lock(), async () => 5));
  expectType<string>()(await asyncio.withAsync(asyncio.openFile('a'), async (file) => await file.read()));
  expectType<asyncio.Path>()(await asyncio.withAsync(asyncio.temporaryDirectory(), async (path) => path));
  expectType<string>()(await asyncio.withAsync(asyncio.timeout(1), () => generatorKind(1)));
  // These may suppress an error: a group that was cancelled, and whatever an unknown manager is.
  expectType<number | undefined>()(await asyncio.withAsync(new asyncio.TaskGroup(), async () => 5));
  expectType<number | undefined>()(await asyncio.withAsync(unknown, async (value) => value));
}

export function variables(): void {
  const names = new asyncio.ContextVar<string[]>('names');
  expectType<string[]>()(names.get());
  expectType<string[]>()(names.get([]));
  expectType<string[] | null>()(names.get(null));
  expectType<string[] | undefined>()(names.get(undefined));
}

export function exceptions(error: unknown, known: asyncio.ExceptionGroup<TypeError> | Date): void {
  if (error instanceof asyncio.ExceptionGroup) expectType<readonly unknown[]>()(error.exceptions);
  else if (error instanceof asyncio.BaseExceptionGroup) expectType<readonly unknown[]>()(error.exceptions);
  if (known instanceof asyncio.ExceptionGroup) expectType<readonly TypeError[]>()(known.exceptions);
  class Mine extends asyncio.ExceptionGroup<Date> {
    mine = true;
  }
  if (error instanceof Mine) expectType<boolean>()(error.mine);
}

export async function processes(options: asyncio.subprocess.RunProcessOptions): Promise<void> {
  const { stdout } = await asyncio.runProcess('ls', [], options);
  expectType<asyncio.Bytes | string | null>()(stdout);
  expectType<string | null>()((await asyncio.runProcess('ls', [], { encoding: 'utf8' })).stdout);
  expectType<asyncio.Bytes | null>()((await asyncio.runProcess('ls')).stdout);
}

export function pools(): void {
  const initializer = (size: number, name?: string) => console.log(size, name);
  new concurrent.ThreadPoolExecutor({ initializer, initargs: [5], env: process.env });
  new concurrent.ProcessPoolExecutor({ initializer, initargs: [5, 'a'], env: { ...process.env, A: 'a' } });
  new concurrent.InterpreterPoolExecutor({ initializer, initargs: [5] });
  const options: concurrent.ThreadPoolOptions<[number]> = { initializer, initargs: [5] };
  const pool: concurrent.ThreadPoolExecutor = new concurrent.ThreadPoolExecutor(options);
  expectType<concurrent.ThreadPoolExecutor>()(pool);
  // @ts-expect-error the initializer takes a number
  new concurrent.ThreadPoolExecutor({ initializer, initargs: ['a'] });
  // @ts-expect-error the initializer needs an argument
  new concurrent.ProcessPoolExecutor({ initializer, initargs: [] });
}

/** An option that is `undefined` is one that was not given: what a caller passes on need not be looked at. */
export async function passingOn(
  limit: number | undefined,
  timeout: asyncio.Duration | undefined,
  flag: boolean | undefined,
  label: string | undefined,
): Promise<void> {
  await asyncio.wait([asyncio.createTask(() => asyncKind(1))], { timeout, returnWhen: undefined });
  asyncio.asCompleted([generatorKind(1)], { timeout });
  asyncio.gather([generatorKind(1)], { returnExceptions: undefined });
  asyncio.formatCallGraph(null, { depth: limit, limit });
  asyncio.currentTask()?.getStack({ limit });
  asyncio.wrapPromise(asyncKind(1), { abort: undefined });
  asyncio.getRunningLoop().callExceptionHandler({ message: label, handle: undefined });
  const pool = new concurrent.ThreadPoolExecutor({ maxWorkers: limit, threadNamePrefix: label });
  new concurrent.ProcessPoolExecutor({
    maxTasksPerChild: limit,
    execArgv: undefined,
    initializer: undefined,
  });
  pool.map(Math.abs, [[1]], { timeout, chunksize: limit, buffersize: limit, progress: { label } });
  pool.withOptions({ timeout, kill: flag }).submit(Math.abs, 1).cancel({ interrupt: flag, kill: flag });
  await concurrent.waitAsync([pool.submit(Math.abs, 1)], { timeout });
  pool.shutdown({ wait: flag, cancelFutures: flag });
  await pool.shutdownAsync({ cancelFutures: flag });
  await asyncio.openFile('a', 'r', { encoding: undefined, permissions: limit });
  await asyncio.temporaryDirectory({ prefix: label, delete: flag });
  await asyncio.atomicWrite('a', 'b', { fsync: flag, newline: undefined });
  await asyncio.copyFile('a', 'b', { exclusive: flag, onProgress: undefined });
  await new asyncio.Path('a').mkdir({ mode: limit, parents: flag, existOk: flag });
}

/** What was read is nobody else's memory: platforms that refuse shared memory take it. */
export async function bytes(reader: asyncio.StreamReader): Promise<void> {
  expectType<Buffer<ArrayBuffer>>()(await reader.read());
  const memory: ArrayBuffer = (await reader.readline()).buffer;
  expectType<ArrayBuffer>()(memory);
  expectType<Buffer<ArrayBuffer>>()(await new asyncio.Path('a').readBytes());
}

/** What `for await` takes can be handed to whoever wants an `AsyncIterable`. */
export async function iterables(
  reader: asyncio.StreamReader,
  text: asyncio.TextFile,
  binary: asyncio.BinaryFile,
  events: asyncio.EventStream<[number]>,
): Promise<void> {
  const take = async <T>(items: AsyncIterable<T>): Promise<T> => {
    for await (const item of items) return item;
    throw new Error('nothing');
  };
  expectType<asyncio.Bytes>()(await take(reader));
  expectType<string>()(await take(text));
  expectType<asyncio.Bytes>()(await take(binary));
  expectType<[number]>()(await take(events));
  expectType<asyncio.Path>()(await take(new asyncio.Path('a').iterdir()));
  expectType<number>()(await take(new concurrent.ThreadPoolExecutor().map(Math.abs, [[1]])));
  for await (const line of reader) expectType<asyncio.Bytes>()(line);
  for await (const line of text) expectType<string>()(line);
  for await (const event of events) expectType<[number]>()(event);
  for await (const path of new asyncio.Path('a').glob('*')) expectType<asyncio.Path>()(path);
  asyncio.toReadable(reader);
}

export async function refused(): Promise<void> {
  // @ts-expect-error a promise has started already: pass () => asyncKind(1)
  asyncio.createTask(asyncKind(1));
  // @ts-expect-error the same
  await asyncio.run(asyncKind(1));
  // @ts-expect-error a duration has a unit, or is a number
  await asyncio.sleep('250');
  // @ts-expect-error no such unit
  await asyncio.sleep('2 days');
  // @ts-expect-error an iterable is expected
  await asyncio.gather(generatorKind(1), generatorKind(2));
  // @ts-expect-error coroutines are no futures: make tasks first
  await asyncio.wait([() => asyncKind(1)]);
  // @ts-expect-error the queue holds strings
  await new asyncio.Queue<string>().put(5);
  // @ts-expect-error a point in time is a number
  asyncio.timeoutAt('2s');
  // @ts-expect-error no such mode
  await asyncio.wait([asyncio.createTask(() => asyncKind(1))], { returnWhen: 'SOMETIMES' });
}
