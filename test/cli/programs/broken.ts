// Fails while it is imported.
import 'node:process';

throw new Error('broken at the top');
