import workerpool from 'workerpool';
import { functions } from './work.mjs';

workerpool.worker(functions);
