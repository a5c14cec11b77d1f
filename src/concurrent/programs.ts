/** Where the programs of workers and of the broker are, seen from wherever the bundler has put this module. */

const url: string = import.meta.url;
const dist = url.slice(0, url.lastIndexOf('/dist/') + '/dist/'.length);

export function program(name: 'thread-worker' | 'process-worker' | 'broker'): URL {
  return new URL(`concurrent/${name}.cjs`, dist);
}
