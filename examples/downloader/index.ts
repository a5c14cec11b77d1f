// Downloads files, several at a time, with a progress bar for each: `tsyncio run examples/downloader/index.ts URL…`;
// `-- -o FOLDER URL…`, `-- -c 8 URL…` for eight at a time.

import { parseArgs } from 'node:util';
import progress from 'cli-progress';
import * as asyncio from 'tsyncio';
import { type Download, downloadAll } from './downloader.js';

/** The last part of the URL's path. */
function nameOf(url: string): string {
  const name = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '').replaceAll(/[/\\\0]/g, '_');
  return name === '' || name === '.' || name === '..' ? 'index.html' : name;
}

/** The exit code is 1 when something failed. */
export async function main(...args: readonly string[]): Promise<void> {
  const failures = await download(args, process.stderr);
  if (failures > 0) throw new asyncio.SystemExit(1);
}

/** Downloads what the arguments name, shows it on `stream`, and gives how many failed. */
export async function download(args: readonly string[], stream: NodeJS.WritableStream): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      output: { type: 'string', short: 'o', default: '.' },
      concurrency: { type: 'string', short: 'c', default: '4' },
    },
    allowPositionals: true,
  });
  if (positionals.length === 0)
    throw new asyncio.SystemExit('usage: downloader [-o FOLDER] [-c NUMBER] URL…');
  const folder = new asyncio.Path(values.output);
  await folder.mkdir({ parents: true, existOk: true });
  const downloads: Download[] = positionals.map((url) => ({ url, path: folder.joinpath(nameOf(url)) }));

  const bars = new progress.MultiBar(
    {
      format: '{name} {bar} {percentage}% {value}/{total} bytes {state}',
      stream,
      hideCursor: true,
      // Ctrl-C is asyncio's: it cancels the downloads, and `finally` stops the bars.
      gracefulExit: false,
    },
    progress.Presets.rect,
  );
  const rows = new Map(
    downloads.map((each) => [each, bars.create(1, 0, { name: each.path.name.padEnd(24), state: 'waiting' })]),
  );
  let results: (number | Error)[];
  try {
    results = await downloadAll(downloads, {
      concurrency: Number(values.concurrency),
      onProgress({ download, received, total, state }) {
        const row = rows.get(download);
        row?.setTotal(Math.max(1, total ?? received));
        row?.update(received, { state });
      },
    });
  } finally {
    bars.stop();
  }
  const failures = results.filter((each) => each instanceof Error);
  for (const each of failures) stream.write(`${each.message}\n`);
  return failures.length;
}
