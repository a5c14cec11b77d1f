/** tsyncio in a browser: the core on the browser host. Importing it makes that the default one. */

import { setDefaultHost } from '../core/lowlevel.js';
import { BrowserHost } from './host.js';

setDefaultHost(new BrowserHost());

export * from '../core/index.js';
export { BrowserHost };
