// Two counters, then the questions, then the answers.
export const SLOTS = 1024;
export const ASKED = 0;
export const ANSWERED = 1;
const HEADER = 64;

export const makeRing = () => new SharedArrayBuffer(HEADER + SLOTS * 16);
export const bell = (memory) => new Int32Array(memory, 0, 2);
export const questions = (memory) => new Float64Array(memory, HEADER, SLOTS);
export const answers = (memory) => new Float64Array(memory, HEADER + SLOTS * 8, SLOTS);
