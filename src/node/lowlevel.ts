/** The Node host, made the default one: for those who need loops, and no input and output. */

import { setDefaultHost, setStandardLogger } from '../core/lowlevel.js';
import { showGroupsWhole } from './group-display.js';
import { NodeHost } from './host.js';

setDefaultHost(new NodeHost());
// As in Python, where one has to ask for more than warnings; and the console's debug() and info() write among the program's output.
setStandardLogger(Object.assign(Object.create(console), { debug() {}, info() {} }));
showGroupsWhole();

export { NodeHost };
