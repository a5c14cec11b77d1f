/** Says which part of a value cannot be cloned: the platform’s own error shows the part, and not where it lies. */

/** What a part is reached through, from the outside in. */
interface Step {
  readonly from: Step | null;
  readonly segment: string;
}

/** An object whose parts are being looked at. */
interface Frame {
  readonly parts: Iterator<[segment: string, value: unknown]>;
  readonly step: Step | null;
  readonly depth: number;
}

/** Beyond this many objects of unknown classes, none is tried out any more. */
const SUSPECTS = 2000;
/** Paths are shortened in the middle beyond this many steps. */
const LONGEST = 12;
/** Structured clone is recursive, and overflows somewhere beyond this depth. */
const DEEP = 500;

/**
 * What in `value` structured clone refuses, as in `args[0].handlers.onClick is a function`; `null` when nothing is found.
 * Property getters are called once more.
 *
 * @param error what the attempt to clone threw.
 * @param root what the value itself is called.
 */
export function describeUncloneable(value: unknown, error: unknown, root = 'value'): string | null {
  const suspects: [object, Step | null][] = [];
  const seen = new Set<object>();
  const frames: Frame[] = [];
  let deepest: Step | null = null;
  let depth = 0;

  /** Looks at one part; says what is wrong with it, or notes it for later. */
  const visit = (part: unknown, step: Step | null, level: number): string | null => {
    if (typeof part === 'function') return isClass(part) ? 'a class' : 'a function';
    if (typeof part === 'symbol') return 'a symbol';
    if (typeof part !== 'object' || part === null || seen.has(part)) return null;
    seen.add(part);
    const kind = uncloneableKind(part);
    if (kind !== null) return kind;
    if (isUnfamiliar(part) && suspects.length < SUSPECTS) suspects.push([part, step]);
    if (level > depth) {
      depth = level;
      deepest = step;
    }
    frames.push({ parts: partsOf(part), step, depth: level });
    return null;
  };

  const found = (step: Step | null, what: string) => `${pathOf(step, root)} is ${what}`;
  const atRoot = visit(value, null, 0);
  if (atRoot !== null) return found(null, atRoot);
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    let next: IteratorResult<[string, unknown]>;
    try {
      next = frame.parts.next();
    } catch (thrown) {
      if (!(thrown instanceof PartError)) throw thrown;
      return found(
        { from: frame.step, segment: thrown.segment },
        `a getter that throws ${show(thrown.cause)}`,
      );
    }
    if (next.done === true) {
      frames.pop();
      continue;
    }
    const [segment, part] = next.value;
    // Most parts are neither objects nor at fault, and need no step of their own.
    if (typeof part !== 'object' && typeof part !== 'function' && typeof part !== 'symbol') continue;
    const step = { from: frame.step, segment };
    const what = visit(part, step, frame.depth + 1);
    if (what !== null) return found(step, what);
  }

  const probe = probeFor(error);
  // Innermost first: what holds a part at fault cannot be cloned either.
  for (const [suspect, step] of suspects.reverse()) {
    const refusal = refusalOf(suspect, probe);
    if (refusal !== null) return found(step, refusal);
  }
  if (error instanceof RangeError && depth > DEEP) {
    return `${pathOf(deepest, root)} is nested ${depth} levels deep, which is too deep to clone`;
  }
  return null;
}

/** A part could not be read. */
class PartError extends Error {
  readonly segment: string;

  constructor(segment: string, cause: unknown) {
    super('', { cause });
    this.segment = segment;
  }
}

/** The parts of an object that structured clone goes into, in its order. */
function* partsOf(object: object): Generator<[segment: string, value: unknown]> {
  const { types } = process.getBuiltinModule('node:util');
  if (types.isMap(object)) {
    let n = 0;
    for (const [key, value] of Map.prototype.entries.call(object)) {
      yield [`<key ${n}>`, key];
      yield [isSimple(key) ? `.get(${show(key)})` : `<value ${n}>`, value];
      n++;
    }
  } else if (types.isSet(object)) {
    let n = 0;
    for (const value of Set.prototype.values.call(object)) yield [`<item ${n++}>`, value];
  } else if (types.isNativeError(object)) {
    if (Object.hasOwn(object, 'cause')) yield ['.cause', read(object, 'cause')];
  } else if (!isLeaf(object)) {
    if (Array.isArray(object)) for (let i = 0; i < object.length; i++) yield [`[${i}]`, read(object, i)];
    for (const key of Object.keys(object)) {
      if (!Array.isArray(object) || !/^\d+$/.test(key)) yield [segmentOf(key), read(object, key)];
    }
  }
}

/** Whether it is cloned as a whole, without its properties. */
function isLeaf(object: object): boolean {
  const { types } = process.getBuiltinModule('node:util');
  return (
    types.isArrayBufferView(object) ||
    types.isAnyArrayBuffer(object) ||
    types.isBoxedPrimitive(object) ||
    types.isDate(object) ||
    types.isRegExp(object)
  );
}

function read(object: object, key: string | number): unknown {
  try {
    return (object as Record<string, unknown>)[key];
  } catch (error) {
    throw new PartError(typeof key === 'number' ? `[${key}]` : segmentOf(key), error);
  }
}

function segmentOf(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function isSimple(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** What the kinds of objects are called that are never cloned; `null` for all others. */
function uncloneableKind(object: object): string | null {
  const { types } = process.getBuiltinModule('node:util');
  if (types.isProxy(object)) return 'a Proxy';
  if (types.isPromise(object)) return 'a promise: await it first';
  if (types.isWeakMap(object)) return 'a WeakMap';
  if (types.isWeakSet(object)) return 'a WeakSet';
  if (object instanceof WeakRef) return 'a WeakRef';
  if (types.isGeneratorObject(object)) return 'a generator: collect what it yields first, as in [...values]';
  if (types.isMapIterator(object) || types.isSetIterator(object)) return 'an iterator';
  if (types.isModuleNamespaceObject(object)) return 'the namespace of a module';
  if (types.isArgumentsObject(object)) return "an 'arguments' object: spread it, as in [...arguments]";
  if (types.isSymbolObject(object)) return 'a symbol';
  return null;
}

/** Whether it is of a kind that may hide something of the platform's. */
function isUnfamiliar(object: object): boolean {
  const prototype = Object.getPrototypeOf(object) as object | null;
  return (
    prototype !== null &&
    prototype !== Object.prototype &&
    prototype !== Array.prototype &&
    prototype !== Map.prototype &&
    prototype !== Set.prototype &&
    prototype !== Date.prototype
  );
}

/** The clone that failed: what goes to a process is written by `v8.serialize`, which refuses more. */
function probeFor(error: unknown): (value: unknown) => void {
  const { name, code } = Object(error) as { name?: unknown; code?: unknown };
  const isStructuredClone =
    !(error instanceof Error) || name === 'DataCloneError' || name === 'RangeError' || code !== undefined;
  if (isStructuredClone) return (value) => structuredClone(value);
  return (value) => {
    if (ArrayBuffer.isView(value) && value.buffer instanceof SharedArrayBuffer) throw new SharedMemoryError();
    process.getBuiltinModule('node:v8').serialize(value);
  };
}

/** Here is something that only threads can share; `v8.serialize` by itself would copy it. */
class SharedMemoryError extends Error {}

/** What an object is called that cannot be cloned by itself; `null` when it can. */
function refusalOf(object: object, probe: (value: unknown) => void): string | null {
  try {
    probe(object);
    return null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    const message = error instanceof Error ? error.message : '';
    if (message.includes('detached')) return 'a detached ArrayBuffer: it was transferred before';
    const name = classOf(object);
    const article = /^(?:[AEIO]|U(?!int|RL))/.test(name) ? 'an' : 'a';
    if (error instanceof SharedMemoryError) {
      return `${article} ${name} over shared memory, which a process cannot share: send a copy of it`;
    }
    if (message.includes('needs transfer')) {
      return `${article} ${name}, which can only be transferred: wrap it in transfer()`;
    }
    return `${article} ${name}, which cannot be cloned`;
  }
}

function classOf(object: object): string {
  try {
    const { name } = object.constructor;
    if (typeof name === 'string' && name !== '' && name !== 'Object') return name;
  } catch {
    // a getter: its tag will do
  }
  return Object.prototype.toString.call(object).slice('[object '.length, -1);
}

function isClass(fn: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(fn));
}

function pathOf(step: Step | null, root: string): string {
  const segments: string[] = [];
  for (let at = step; at !== null; at = at.from) segments.push(at.segment);
  segments.reverse();
  const half = LONGEST / 2;
  return segments.length <= LONGEST
    ? root + segments.join('')
    : `${root}${segments.slice(0, half).join('')}…${segments.slice(-half).join('')}`;
}

function show(value: unknown): string {
  if (value instanceof Error) return String(value);
  return process
    .getBuiltinModule('node:util')
    .inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY });
}

/** The error for arguments that cannot be sent, with the place inside them. */
export function unsendableArguments(
  args: readonly unknown[],
  cause: unknown,
  what: string,
  root = 'args',
): TypeError {
  const where = describeUncloneable(args, cause, root);
  const detail = where ?? (cause instanceof Error ? cause.message : String(cause));
  return new TypeError(`Cannot send ${what}: ${detail}`, { cause });
}

/** The error for a result that cannot be sent, with the place inside it. */
export function unsendableResult(value: unknown, cause: unknown): TypeError {
  const where = describeUncloneable(value, cause, 'result') ?? String(cause);
  return new TypeError(`Cannot send the result back: ${where}`, { cause });
}
