// The same by hand: the file is looked at and read for every request, and the answer has the headers that the example's has. Links
// that lead out of the folder are not guarded against, which the example does.
import { readFile, stat } from 'node:fs';
import http from 'node:http';
import { join, normalize } from 'node:path';
import { load, makeSite, program } from './site.mjs';

const TYPES = { html: 'text/html; charset=utf-8' };

function serve(folder, request, response) {
  const path = decodeURIComponent(request.url.split('?', 1)[0]);
  const name = normalize(path);
  const file = join(folder, name);
  const fail = () => response.writeHead(404).end();
  if (request.method !== 'GET' || name.includes('\0') || !file.startsWith(folder)) return fail();
  stat(file, (error, { size, mtimeMs, mtime } = {}) => {
    if (error) return fail();
    const etag = `"${size.toString(16)}-${Math.round(mtimeMs * 1000).toString(16)}"`;
    if (request.headers['if-none-match'] === etag) return response.writeHead(304, { ETag: etag }).end();
    readFile(file, (error, bytes) => {
      if (error) return fail();
      response.writeHead(200, {
        'Content-Type': TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
        ETag: etag,
        'Last-Modified': mtime.toUTCString(),
        'Accept-Ranges': 'bytes',
        'X-Content-Type-Options': 'nosniff',
        'Content-Length': bytes.length,
      });
      response.end(bytes);
    });
  });
}

export default (args) => {
  const folder = makeSite();
  return program(async (times, restart) => {
    const server = http.createServer((request, response) => void serve(folder, request, response));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    await load(server.address().port, '/page.html', args, times, restart);
    server.closeAllConnections();
    server.close();
  });
};
