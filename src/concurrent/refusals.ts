/** Why a function cannot run in a worker, and what to do instead. */

/** @internal */
export function cannot(label: string, why: string, wayOut: WayOut = 'reference'): TypeError {
  return new TypeError(
    `Cannot run ${label} in a worker: ${why}${wayOut === 'reference' ? `. ${REFERENCE}` : ''}`,
  );
}

type WayOut = 'reference' | 'none';
const REFERENCE =
  'Or export the function from a module and refer to it there: workerRef(import.meta.url, name)';
