import { ThreadWorker } from 'poolifier';
import { functions } from './work.mjs';

export default new ThreadWorker(functions);
