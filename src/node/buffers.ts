/** The bytes that the library hands out are `Buffer`s on Node. */

import { setBytesMaker } from '../core/io.js';

setBytesMaker({
  allocate: Buffer.allocUnsafe,
  view: (data) => (Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
});
