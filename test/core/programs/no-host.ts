// The core without a platform.

import { EventLoop } from 'tsyncio/core';

try {
  new EventLoop();
} catch (error) {
  console.log(String(error));
}
