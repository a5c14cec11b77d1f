/** A folder as a page. */

import * as asyncio from 'tsyncio';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text that stands for itself in HTML, whatever is in it. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (each) => ESCAPES[each] as string);
}

/** A page with what is in `folder`, folders first, as links. Hidden files are left out unless told. */
export function* listFolder(folder: string, title: string, hidden: boolean): asyncio.Coro<string> {
  const step = yield* new asyncio.Path(folder).walk().next();
  const [, folders, files] = step.done === true ? [null, [], []] : step.value;
  const names = (list: readonly string[], end: string) =>
    list
      .filter((name) => hidden || !name.startsWith('.'))
      .sort()
      .map((name) => `<li><a href="${encodeURIComponent(name)}${end}">${escapeHtml(name + end)}</a></li>`);
  const links = [
    ...(title === '/' ? [] : ['<li><a href="../">../</a></li>']),
    ...names(folders, '/'),
    ...names(files, ''),
  ];
  const name = escapeHtml(title);
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${name}</title>
<h1>${name}</h1>
<ul>
${links.join('\n')}
</ul>
</html>
`;
}
