/**
 * Reads the text of a function: whether it can be compiled elsewhere, and which names it takes from outside itself. The
 * parser is acorn, the scopes are eslint-scope's.
 */

import type * as Acorn from 'acorn';
import type * as EslintScope from 'eslint-scope';
import { refusalOfBuiltIn } from './built-ins.js';
import { compilerHelper, VITE_IMPORT, VITE_MODULE } from './compiler-helpers.js';
import { requireOwn } from './own-packages.js';
import { cannot } from './refusals.js';
import { isWorkerGlobal } from './worker-globals.js';

/** What has to be known to compile the text of a function somewhere else. @internal */
export interface FunctionSource {
  /** An expression, or with `method` the definition of one: `name(a) {…}`. */
  readonly text: string;
  readonly method: boolean;
  /** It is not strict code: it would not compile as such. */
  readonly sloppy: boolean;
  /** The names, besides globals, that whoever compiles it must supply: `require`, and what compilers emit calls of. */
  readonly needs: readonly string[];
  /** It imports files, which may be TypeScript: not only packages and modules of Node's. */
  readonly importsFiles: boolean;
}

type AnyNode = Acorn.AnyNode;
type FunctionNode = Acorn.FunctionExpression | Acorn.ArrowFunctionExpression;

/** Texts seen before: the same arrow function in a loop is a new function each time. */
const known = new Map<string, FunctionSource>();
const KNOWN_LIMIT = 1000;

/**
 * @throws TypeError when the function cannot run by its text alone; the message says why, and what to do instead.
 * @internal
 */
export function readFunction(fn: (...args: never[]) => unknown, label: string): FunctionSource {
  const text = Function.prototype.toString.call(fn);
  const before = known.get(text);
  if (before !== undefined) return before;
  const source = readOrRefuse(fn, text, label);
  if (known.size >= KNOWN_LIMIT) known.delete(known.keys().next().value as string);
  known.set(text, source);
  return source;
}

function readOrRefuse(fn: (...args: never[]) => unknown, text: string, label: string): FunctionSource {
  try {
    return read(text, fn.name, label);
  } catch (error) {
    throw /^class\b/.test(text) ? error : (refusalOfBuiltIn(fn, label) ?? error);
  }
}

function read(text: string, name: string, label: string): FunctionSource {
  const parsed = parse(text, name, label);
  const { node, method, sloppy } = parsed;
  if (node.generator === true && node.async) {
    throw cannot(
      label,
      'an async generator yields values as it goes, and a worker returns one: make it an async function that returns an array',
    );
  }
  const found = look(node, method);
  if (found.privateName !== null) {
    throw cannot(label, `it uses the private name ${found.privateName} of the class that it comes from`);
  }
  if (found.importMeta) {
    throw cannot(
      label,
      'it uses import.meta, which only the module that it comes from has: pass what you need of it as an argument',
    );
  }
  if (found.super) {
    throw cannot(label, "it uses 'super', and the class that it comes from does not travel");
  }
  if (found.newTarget) {
    throw cannot(label, "it uses 'new.target' of the function around it");
  }
  if (found.this && (method || node.type === 'ArrowFunctionExpression')) {
    throw cannot(
      label,
      method
        ? "it is a method that uses 'this', and its object does not travel: pass what it needs as arguments"
        : "it is an arrow function that uses 'this' of the code around it: pass what it needs as arguments",
    );
  }

  const needs: string[] = [];
  const free: string[] = [];
  for (const each of freeNames(node, found.onlyTyped)) {
    if (isWorkerGlobal(each)) continue;
    if (each === 'require' || each === VITE_IMPORT || compilerHelper(each) !== undefined) needs.push(each);
    else free.push(...(found.imported.get(each) ?? [each]));
  }
  if (free.includes('arguments')) {
    throw cannot(
      label,
      "it is an arrow function that uses 'arguments' of the function around it: write (...args) => …",
    );
  }
  if (free.length > 0) throw freeVariables(label, name, free);
  return Object.freeze({
    text: parsed.text,
    method,
    sloppy,
    needs: Object.freeze(needs),
    importsFiles: found.importsFiles || needs.includes('require') || needs.includes(VITE_IMPORT),
  });
}

function freeVariables(label: string, name: string, free: readonly string[]): TypeError {
  const quoted = free.map((each) => `'${each}'`);
  const list =
    quoted.length === 1 ? quoted[0] : `${quoted.slice(0, -1).join(', ')} and ${quoted[quoted.length - 1]}`;
  const it = free.length === 1 ? 'it' : 'them';
  const itself = free.includes(name)
    ? ` If '${name}' is the function itself, declare it as one: function ${name}(…) {…}.`
    : '';
  return new TypeError(
    `Cannot run ${label} in a worker: it uses ${list} from outside itself, and a function travels by its text alone.` +
      ` Pass ${it} as ${free.length === 1 ? 'an argument' : 'arguments'}, or export the function from a module` +
      ` and refer to it there: workerRef(import.meta.url, '${name === '' ? 'name' : name}').${itself}`,
  );
}

/** What the text was parsed into. */
interface Parsed {
  readonly node: FunctionNode;
  readonly text: string;
  readonly method: boolean;
  readonly sloppy: boolean;
}

/** Around an expression, so that `new.target` of an arrow function can be parsed, and refused for what it is. */
const BEFORE = '(function () { return (';
const AFTER = '\n) })';

function parse(text: string, name: string, label: string): Parsed {
  const acorn = requireOwn('acorn') as typeof Acorn;
  const program = (code: string, options: Partial<Acorn.Options>) =>
    acorn.parse(code, { ecmaVersion: 'latest', sourceType: 'module', ranges: true, ...options });

  const attempt = (options: Partial<Acorn.Options>, sloppy: boolean): Parsed | undefined => {
    const expression = tryParse(() => program(BEFORE + text + AFTER, options));
    if (expression !== undefined) return fromExpression(expression, text, sloppy, label);
    const definition = tryParse(() => program(`({ ${text}\n})`, options));
    return definition && fromDefinition(definition, text, name, sloppy, label);
  };
  const parsed = attempt({}, false) ?? attempt({ sourceType: 'script' }, true);
  if (parsed !== undefined) return parsed;

  if (/\{\s*\[native code\]\s*\}$/.test(text)) {
    throw name.startsWith('bound ')
      ? cannot(
          label,
          'a bound function has no text of its own. Give the function that was bound, and its arguments',
        )
      : cannot(
          label,
          'it has no text of its own. Wrap it in a function that gets hold of it where it runs, and calls it',
        );
  }
  const outsider = attempt({ checkPrivateFields: false }, false);
  if (outsider !== undefined) return outsider;
  if (/^\s*(?:static\s+)?(?:async\s*)?\*?\s*#/.test(text)) {
    throw cannot(label, 'it is a private method, and its class does not travel');
  }
  throw cannot(label, 'its text cannot be parsed');
}

function tryParse(parse: () => Acorn.Program): Acorn.Program | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The expression that stands alone in a program. */
function soleExpression(program: Acorn.Program): Acorn.Expression | undefined {
  const [statement] = program.body;
  return statement?.type === 'ExpressionStatement' ? statement.expression : undefined;
}

function fromExpression(
  program: Acorn.Program,
  text: string,
  sloppy: boolean,
  label: string,
): Parsed | undefined {
  const wrapper = soleExpression(program);
  const statement = wrapper?.type === 'FunctionExpression' ? wrapper.body.body[0] : undefined;
  const node = statement?.type === 'ReturnStatement' ? statement.argument : undefined;
  if (node?.type === 'ClassExpression') {
    throw cannot(
      label,
      'a class cannot be called. Wrap it in a function that makes an instance and returns what you need of it',
      'none',
    );
  }
  if (node?.type !== 'FunctionExpression' && node?.type !== 'ArrowFunctionExpression') return undefined;
  return { node, text, method: false, sloppy };
}

function fromDefinition(
  program: Acorn.Program,
  text: string,
  name: string,
  sloppy: boolean,
  label: string,
): Parsed | undefined {
  const object = soleExpression(program);
  const property = object?.type === 'ObjectExpression' ? object.properties[0] : undefined;
  if (property?.type !== 'Property' || property.value.type !== 'FunctionExpression') return undefined;
  if (property.kind !== 'init') {
    throw cannot(
      label,
      `it is a ${property.kind === 'get' ? 'getter' : 'setter'}: write a function that does the same`,
    );
  }
  const node = property.value;
  if (!property.computed) return { node, text, method: true, sloppy };
  // The key may be made of anything; only the name that came of it is wanted. Offsets are those in `({ …`.
  const open = text.lastIndexOf('[', property.key.start - '({ '.length);
  const close = text.indexOf(']', property.key.end - '({ '.length);
  const named = `${text.slice(0, open)}${JSON.stringify(name)}${text.slice(close + 1)}`;
  return { node, text: named, method: true, sloppy };
}

/** What a function does that its text cannot carry along. */
interface Findings {
  this: boolean;
  super: boolean;
  newTarget: boolean;
  importMeta: boolean;
  importsFiles: boolean;
  privateName: string | null;
  /** What is read of modules that Vite has imported into variables of its own, by their names. */
  readonly imported: Map<string, Set<string>>;
  /** Identifiers that are only asked for their type, which is allowed for names that nobody has defined. */
  readonly onlyTyped: Set<AnyNode>;
}

/** A node, and whether `this`, `super` and `new.target` in it are those of the code around the whole function. */
interface Visit {
  readonly node: AnyNode;
  readonly outer: boolean;
  /** The private names of the classes around it. */
  readonly privates: ReadonlySet<string>;
}

function look(root: FunctionNode, method: boolean): Findings {
  const found: Findings = {
    this: false,
    super: false,
    newTarget: false,
    importMeta: false,
    importsFiles: false,
    privateName: null,
    imported: new Map(),
    onlyTyped: new Set(),
  };
  const isArrow = root.type === 'ArrowFunctionExpression';
  const none: ReadonlySet<string> = new Set();
  const pending: Visit[] = [];
  for (const node of childrenOf(root)) pending.push({ node, outer: isArrow || method, privates: none });
  for (let visit = pending.pop(); visit !== undefined; visit = pending.pop()) {
    const { node, outer } = visit;
    let { privates } = visit;
    switch (node.type) {
      case 'ThisExpression':
        found.this ||= outer;
        break;
      case 'Super':
        found.super ||= outer;
        break;
      case 'MetaProperty':
        if (node.meta.name === 'import') found.importMeta = true;
        else found.newTarget ||= outer && isArrow;
        continue; // its parts are no variables
      case 'ImportExpression':
        found.importsFiles ||= mayBeFile(node.source);
        break;
      case 'MemberExpression':
        noteImported(node, found.imported);
        break;
      case 'PrivateIdentifier':
        if (!privates.has(node.name)) found.privateName ??= `#${node.name}`;
        break;
      case 'UnaryExpression':
        if (node.operator === 'typeof' && node.argument.type === 'Identifier')
          found.onlyTyped.add(node.argument);
        break;
      case 'ClassBody':
        privates = new Set([...privates, ...privateNamesOf(node)]);
        break;
      default:
    }
    for (const child of childrenOf(node)) {
      pending.push({ node: child, outer: outer && !ownsThis(node, child), privates });
    }
  }
  return found;
}

function noteImported(node: Acorn.MemberExpression, imported: Findings['imported']): void {
  const { object, property, computed } = node;
  if (computed || object.type !== 'Identifier' || property.type !== 'Identifier') return;
  if (!VITE_MODULE.test(object.name)) return;
  let names = imported.get(object.name);
  if (names === undefined) {
    names = new Set();
    imported.set(object.name, names);
  }
  names.add(property.name);
}

/** Whether the code in `child` has a `this` of its own, which is not that of the code around `parent`. */
function ownsThis(parent: AnyNode, child: AnyNode): boolean {
  switch (parent.type) {
    case 'FunctionExpression':
    case 'FunctionDeclaration':
    case 'StaticBlock':
      return true;
    case 'PropertyDefinition':
      return child === parent.value;
    default:
      return false;
  }
}

function privateNamesOf(body: Acorn.ClassBody): string[] {
  return body.body.flatMap((member) =>
    'key' in member && member.key.type === 'PrivateIdentifier' ? [member.key.name] : [],
  );
}

/** Whether an import may be of a file of the program: packages, and what Node brings along, never need TypeScript. */
function mayBeFile(source: Acorn.Expression): boolean {
  if (source.type !== 'Literal' || typeof source.value !== 'string') return true;
  return /^(?:[./#]|file:)/.test(source.value);
}

function* childrenOf(node: AnyNode): Generator<AnyNode> {
  for (const value of Object.values(node) as unknown[]) {
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof each === 'object' && each !== null && typeof (each as AnyNode).type === 'string') {
        yield each as AnyNode;
      }
    }
  }
}

/** The names that a function reads or writes and does not declare. */
function freeNames(node: FunctionNode, onlyTyped: ReadonlySet<AnyNode>): Set<string> {
  const { analyze } = requireOwn('eslint-scope') as typeof EslintScope;
  const { start, end } = node;
  const statement = { type: 'ExpressionStatement', expression: node, start, end };
  const program = {
    type: 'Program',
    sourceType: 'script',
    body: [statement],
    start,
    end,
    range: [start, end],
  };
  const scopes = analyze(program as unknown as Parameters<typeof analyze>[0], {
    ecmaVersion: 2022,
    sourceType: 'script',
    ignoreEval: true,
  });
  const names = new Set<string>();
  for (const { identifier } of scopes.globalScope?.through ?? []) {
    if (!onlyTyped.has(identifier as unknown as AnyNode)) names.add(identifier.name);
  }
  return names;
}
