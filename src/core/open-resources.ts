/** What is open of the system's, and must not outlive its loop. */

import type { EventLoop } from './base-events.js';
import { logger } from './log.js';

/** Something open of the system's that belongs to a loop: a transport, a server, a child process. */
export interface OpenResource {
  /** The loop is being closed: gives back what the system lent, at once, and calls nobody. */
  abandon(): void;
  /** That it is left when the loop is closed is in order. */
  readonly quiet?: boolean;
  /** For the report of debug mode: `unclosed <ReadPipeTransport …>`. */
  toString(): string;
}

const open = new WeakMap<EventLoop, Set<OpenResource>>();

/**
 * Has `resource` abandoned when `loop` is closed, which debug mode reports. Returns what to call when it was closed in order.
 */
export function keepTrack(loop: EventLoop, resource: OpenResource): () => void {
  let resources = open.get(loop);
  if (resources === undefined) {
    resources = new Set();
    open.set(loop, resources);
    loop._abandonResources = () => abandonAll(loop, resources as Set<OpenResource>);
  }
  resources.add(resource);
  return () => {
    resources.delete(resource);
  };
}

function abandonAll(loop: EventLoop, resources: Set<OpenResource>): void {
  for (const resource of resources) {
    if (loop._debug && resource.quiet !== true) logger.warn(`unclosed ${resource}`);
    try {
      resource.abandon();
    } catch (error) {
      loop.callExceptionHandler({ message: `Cannot close ${resource}`, exception: error });
    }
  }
  resources.clear();
}
