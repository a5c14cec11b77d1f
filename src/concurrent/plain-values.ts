/**
 * Small plain data as JSON, which costs less than half of V8's serializer. Only what arrives as structured clone would
 * deliver it: plain objects and dense arrays of finite numbers, strings, booleans and nulls, each object once. For all
 * else the answer is `null`.
 */

/** The most characters, and the most objects, that are looked at: beyond that the serializer is as good. */
const CHARACTERS = 2048;
const OBJECTS = 32;
/** The longest text: escapes may make it longer than what it stands for. */
const LONGEST = 2 * CHARACTERS;

const { isProxy } = process.getBuiltinModule('node:util').types;
const objectPrototype = Object.prototype;
const arrayPrototype = Array.prototype;

/** The objects on the way, so that none is written twice: two references to one object arrive as such. */
const seen: unknown[] = new Array(OBJECTS).fill(null);
let objects = 0;
let characters = 0;

/** The value as JSON; `null` when JSON would change it, or it is large. */
export function plainText(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  objects = 0;
  characters = CHARACTERS;
  let text: string | null = null;
  try {
    if (isPlain(value)) text = JSON.stringify(value);
  } catch {
    // A getter throws: so it will for the serializer, whose error is told.
  }
  seen.fill(null, 0, objects);
  return text !== null && text.length <= LONGEST ? text : null;
}

function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      characters -= value.length;
      return characters >= 0;
    case 'number':
      // Neither NaN nor an infinity nor the negative zero.
      return value - value === 0 && (value !== 0 || 1 / value > 0);
    case 'boolean':
      return true;
    case 'object':
      return value === null || (isNew(value) && isPlainObject(value));
    default:
      return false;
  }
}

function isNew(value: object): boolean {
  for (let index = 0; index < objects; index++) if (seen[index] === value) return false;
  if (objects === OBJECTS) return false;
  seen[objects] = value;
  objects += 1;
  return true;
}

function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === objectPrototype) {
    if (isProxy(value) || isSpecial(value)) return false;
    for (const key in value) {
      characters -= key.length;
      if (!isPlain((value as Record<string, unknown>)[key])) return false;
    }
    return true;
  }
  if (prototype !== arrayPrototype || !Array.isArray(value) || isProxy(value)) return false;
  if ('toJSON' in value) return false;
  // Neither holes nor properties beside the items, such as those of a match.
  let keys = 0;
  for (const _key in value) keys += 1;
  if (keys !== value.length) return false;
  for (let index = 0; index < value.length; index++) if (!isPlain(value[index])) return false;
  return true;
}

const { toString: classOf } = objectPrototype;

/** What has a class inside all the same: a boxed string, an error or a date whose prototype was replaced. */
function isSpecial(value: object): boolean {
  return 'toJSON' in value || classOf.call(value) !== '[object Object]';
}
