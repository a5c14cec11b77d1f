/** What runs on Node, Deno and Bun. Importing it makes the Node host the default one. */

import { setDefaultHost } from '../core/lowlevel.js';
import { NodeHost } from './host.js';

setDefaultHost(new NodeHost());

export { NodeHost };
