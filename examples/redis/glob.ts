/** The patterns of KEYS, SCAN and PSUBSCRIBE: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a character that means itself. */

/** Whether all of `text` matches. Takes at most as many steps as the product of the two lengths, whatever the pattern. */
export function matches(pattern: string, text: string): boolean {
  let at = 0;
  let place = 0;
  /** The last star, and how far it reaches: only that one need be tried again. */
  let star = -1;
  let reach = 0;
  while (at < text.length) {
    const next = pattern[place] === '*' ? -1 : matchOne(pattern, place, text.charCodeAt(at));
    if (pattern[place] === '*') {
      star = place;
      reach = at;
      place += 1;
    } else if (next > 0) {
      place = next;
      at += 1;
    } else if (star >= 0) {
      reach += 1;
      at = reach;
      place = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[place] === '*') place += 1;
  return place >= pattern.length;
}

/** Where the pattern goes on if what stands at `place` matches the character; 0 if not. */
function matchOne(pattern: string, place: number, code: number): number {
  const symbol = pattern[place];
  if (symbol === undefined) return 0;
  if (symbol === '?') return place + 1;
  if (symbol === '[') return matchClass(pattern, place + 1, code);
  const literal = symbol === '\\' && place + 1 < pattern.length ? place + 1 : place;
  return pattern.charCodeAt(literal) === code ? literal + 1 : 0;
}

function matchClass(pattern: string, start: number, code: number): number {
  const inverted = pattern[start] === '^';
  let place = inverted ? start + 1 : start;
  let found = false;
  // A class that is not closed ends with the pattern.
  for (; place < pattern.length && pattern[place] !== ']'; place += 1) {
    if (pattern[place] === '\\' && place + 1 < pattern.length) {
      place += 1;
      found ||= pattern.charCodeAt(place) === code;
    } else if (pattern[place + 1] === '-' && place + 2 < pattern.length) {
      const one = pattern.charCodeAt(place);
      const other = pattern.charCodeAt(place + 2);
      found ||= code >= Math.min(one, other) && code <= Math.max(one, other);
      place += 2;
    } else {
      found ||= pattern.charCodeAt(place) === code;
    }
  }
  return found !== inverted ? Math.min(place + 1, pattern.length) : 0;
}
