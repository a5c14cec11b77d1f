/** A line for each answer, in the combined log format that tools for web servers read. */

import type { Exchange } from './connection.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function formatExchange(
  { remote, request, status, sent, duration }: Exchange,
  now = new Date(),
): string {
  const line = request === null ? '-' : `${request.method} ${request.target} HTTP/1.${request.minor}`;
  const header = (name: string) => quote(request?.headers.get(name) ?? '-');
  const took = `${(duration * 1000).toFixed(1)}ms`;
  return `${remote} - - [${stamp(now)}] ${quote(line)} ${status} ${sent} ${header('referer')} ${header('user-agent')} ${took}`;
}

/** What the client wrote must not look like something that the server wrote, nor move the terminal's cursor. */
function quote(text: string): string {
  const safe = text.replaceAll(/["\\]|[^ -~]/g, (each) =>
    each === '"' || each === '\\' ? `\\${each}` : `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${safe}"`;
}

function stamp(now: Date): string {
  const [date = '', time = ''] = now.toISOString().split('T');
  const [year, month, day] = date.split('-');
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`;
}
