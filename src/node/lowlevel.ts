/** The Node host, made the default one: for those who need loops, and no input and output. */

import { setDefaultHost } from '../core/lowlevel.js';
import { NodeHost } from './host.js';

setDefaultHost(new NodeHost());

export { NodeHost };
