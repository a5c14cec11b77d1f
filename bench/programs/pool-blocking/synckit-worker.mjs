import { runAsWorker } from 'synckit';
import { scalars } from '../pool/work.mjs';

runAsWorker(scalars);
