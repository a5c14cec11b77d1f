/** Patterns for the names of files: `*`, `?`, `[seq]`, `[!seq]`, and `**` for any number of folders. As Python's `pathlib` has them. */

import { ValueError } from '../core/index.js';

/** One part of a pattern: a test for a name, or `'**'`. */
export type PatternPart =
  | '**'
  | { readonly test: (name: string) => boolean; readonly literal: string | null };

/** The parts of a relative pattern. @throws ValueError when it is none. */
export function parsePattern(pattern: string, caseSensitive: boolean): PatternPart[] {
  if (typeof pattern !== 'string' || pattern === '')
    throw new ValueError('Cannot look for files: the pattern is empty');
  if (process.getBuiltinModule('node:path').isAbsolute(pattern)) {
    throw new ValueError(`Cannot look for files: the pattern '${pattern}' is not relative`);
  }
  const separators = process.platform === 'win32' ? /[/\\]+/ : /\/+/;
  const parts = pattern.split(separators).filter((part) => part !== '' && part !== '.');
  if (parts.length === 0) throw new ValueError(`Cannot look for files: the pattern '${pattern}' names none`);
  return parts.map((part) => (part === '**' ? part : parsePart(part, caseSensitive)));
}

function parsePart(part: string, caseSensitive: boolean): PatternPart {
  if (!/[*?[]/.test(part) && caseSensitive) return { test: (name) => name === part, literal: part };
  const expression = new RegExp(`^${translate(part)}$`, caseSensitive ? 'su' : 'sui');
  return { test: (name) => expression.test(name), literal: null };
}

/** A part as a regular expression. */
function translate(part: string): string {
  let result = '';
  for (let i = 0; i < part.length; ) {
    const letter = String.fromCodePoint(part.codePointAt(i) as number);
    i += letter.length;
    if (letter === '*') {
      while (part[i] === '*') i += 1;
      result += '.*';
    } else if (letter === '?') {
      result += '.';
    } else if (letter === '[') {
      // A bracket right behind the opening one stands for itself.
      const first = part[i] === '!' ? i + 1 : i;
      const end = part.indexOf(']', part[first] === ']' ? first + 1 : first);
      if (end < 0) {
        result += '\\[';
        continue;
      }
      result += characterClass(part.slice(first, end), first > i);
      i = end + 1;
    } else {
      result += quote(letter);
    }
  }
  return result;
}

function characterClass(content: string, negated: boolean): string {
  const letters = [...content];
  let inside = '';
  for (let i = 0; i < letters.length; i++) {
    const from = letters[i] as string;
    const to = letters[i + 1] === '-' ? letters[i + 2] : undefined;
    if (to === undefined) {
      inside += quoteInClass(from);
      continue;
    }
    // A range that runs backwards holds nothing.
    if ((from.codePointAt(0) as number) <= (to.codePointAt(0) as number)) {
      inside += `${quoteInClass(from)}-${quoteInClass(to)}`;
    }
    i += 2;
  }
  if (inside === '') return negated ? '.' : '(?!)';
  return `[${negated ? '^' : ''}${inside}]`;
}

function quote(letter: string): string {
  return /[\\^$.|()[\]{}*+?/]/.test(letter) ? `\\${letter}` : letter;
}

function quoteInClass(letter: string): string {
  return /[\\\]^-]/.test(letter) ? `\\${letter}` : letter;
}

/** Whether the last parts of a path fit a pattern: `PurePath.match()`. */
export function matchesEnd(parts: readonly string[], pattern: readonly PatternPart[]): boolean {
  if (pattern.length > parts.length) return false;
  return pattern.every((part, i) => {
    const name = parts[parts.length - pattern.length + i] as string;
    return part === '**' || part.test(name);
  });
}
