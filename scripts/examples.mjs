// Finds the examples in Markdown and in doc comments.
//
// An example is a fence tagged `ts`. A word after the tag limits what is done with it: `no-run` (it is only
// type-checked) or `no-check` (nothing is done). What it prints is told by comments `//=> text`, after a
// statement or on lines of their own: each is one line of its output, and together, in the order in which they
// stand, they are all of it. `…` in the text stands for any text. An example without such comments may print
// what it likes.

import { docCommentsOf } from './syntax.mjs';

/**
 * @typedef {object} Example
 * @property {string} path the file it stands in
 * @property {number} line the line of its first statement, from 1
 * @property {string} code
 * @property {'run' | 'no-run' | 'no-check'} mode
 * @property {string[] | undefined} output what it prints, line by line; `undefined` when it does not say
 */

/**
 * The examples in a Markdown text.
 *
 * @param {string} path
 * @param {string} text
 * @param {number} [firstLine] the number of the text's first line in the file
 * @returns {Example[]}
 */
export function examplesInMarkdown(path, text, firstLine = 1) {
  /** @type {Example[]} */
  const found = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const opening = /^(?<indent> *)(?<ticks>`{3,})(?<tag>[^`]*)$/.exec(lines[at] ?? '')?.groups;
    if (opening === undefined) continue;
    const { indent = '', ticks = '', tag = '' } = opening;
    const from = at + 1;
    const closing = (/** @type {string} */ line) => line.trim().startsWith(ticks) && /^`+$/.test(line.trim());
    const length = lines.slice(from).findIndex(closing);
    if (length < 0) throw new SyntaxError(`${path}:${firstLine + at}: the fence is not closed`);
    at = from + length;

    const [language, mode = 'run', ...more] = tag.trim().split(/\s+/);
    if (language !== 'ts') continue;
    if ((mode !== 'run' && mode !== 'no-run' && mode !== 'no-check') || more.length > 0) {
      throw new SyntaxError(
        `${path}:${firstLine + from - 1}: a fence is ts, ts no-run or ts no-check, not ${tag}`,
      );
    }
    const body = lines
      .slice(from, at)
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    const output = body.flatMap((line) => /\/\/=>(?<text>.*)$/.exec(line)?.groups?.text?.trim() ?? []);
    found.push({
      path,
      line: firstLine + from,
      code: body.join('\n'),
      mode,
      output: output.length > 0 ? output : undefined,
    });
  }
  return found;
}

/**
 * The examples in the doc comments of a TypeScript source.
 *
 * @param {string} path
 * @param {string} source
 * @returns {Example[]}
 */
export function examplesInSource(path, source) {
  return docCommentsOf(source).flatMap(({ line, text }) => {
    const examples = examplesInMarkdown(path, text, line);
    if (/^@example\b/m.test(text) && !/^```/m.test(text)) {
      throw new SyntaxError(`${path}:${line}: the @example has no fence`);
    }
    return examples;
  });
}

/** Whether a line of output is the one that the example tells of. */
export function outputMatches(/** @type {string} */ actual, /** @type {string} */ expected) {
  const parts = expected.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(actual.trimEnd());
}
