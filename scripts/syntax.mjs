// Reads TypeScript: the imports and the doc comments of a source, each with the line where it begins, and the
// syntax tree of a declaration file.
//
// TypeScript 7 has no stable API for its own parser yet; Babel's reads the same language.

import { parse } from '@babel/parser';

/** @typedef {{ type: string, loc: { start: { line: number } }, [key: string]: unknown }} Node */

/** Wrong syntax is the compiler's to report, so it is passed over here. */
function read(/** @type {string} */ source) {
  return parse(source, {
    sourceType: 'module',
    plugins: ['typescript', 'explicitResourceManagement', 'decoratorAutoAccessors'],
    createImportExpressions: true,
    errorRecovery: true,
  });
}

/**
 * The imports of a module. `atStart` tells whether the imported module runs before this one: not so for
 * type-only imports and `import()`.
 *
 * @returns {{ line: number, specifier: string, atStart: boolean }[]}
 */
export function importsOf(/** @type {string} */ source) {
  /** @type {{ line: number, specifier: string, atStart: boolean }[]} */
  const found = [];
  const visit = (/** @type {Node} */ node) => {
    const literal = /** @type {{ value?: unknown } | undefined} */ (targets[node.type]?.(node));
    if (typeof literal?.value === 'string') {
      const atStart = /Declaration$/.test(node.type) && (node.importKind ?? node.exportKind) !== 'type';
      found.push({ line: node.loc.start.line, specifier: literal.value, atStart });
    }
    for (const child of childrenOf(node)) visit(child);
  };
  visit(/** @type {Node} */ (/** @type {unknown} */ (read(source).program)));
  return found;
}

/** Where a node that imports names the module. @type {Record<string, (node: Node) => unknown>} */
const targets = {
  ImportDeclaration: (node) => node.source,
  ExportNamedDeclaration: (node) => node.source,
  ExportAllDeclaration: (node) => node.source,
  ImportExpression: (node) => node.source,
  TSImportType: (node) => node.argument,
};

/** @returns {Node[]} */
function childrenOf(/** @type {Node} */ node) {
  return Object.entries(node)
    .filter(([key]) => !/comments$/i.test(key))
    .flatMap(([, value]) => /** @type {Node | Node[]} */ (value))
    .filter((value) => typeof value?.type === 'string' && value.loc !== undefined);
}

/**
 * The doc comments of a module, without their asterisks; a line of the text is a line of the source.
 *
 * @returns {{ line: number, text: string }[]}
 */
export function docCommentsOf(/** @type {string} */ source) {
  return (read(source).comments ?? [])
    .filter(({ type, value }) => type === 'CommentBlock' && value.startsWith('*'))
    .map(({ value, loc }) => ({
      line: loc?.start.line ?? 1,
      text: value
        .split('\n')
        .map((line) => line.replace(/^\s*\* ?/, ''))
        .join('\n'),
    }));
}

/**
 * The syntax tree of a declaration file, in ESTree's terms.
 *
 * @returns {any}
 */
export function declarationTree(/** @type {string} */ source) {
  return parse(source, { sourceType: 'module', plugins: ['estree', ['typescript', { dts: true }]] }).program;
}
