/** What tests of asynchronous programs need: time that a test owns, and loops that run synchronously. */

export { TestLoop } from './test-loop.js';
export { AutojumpClock, type VirtualClock, VirtualHost } from './virtual-host.js';
