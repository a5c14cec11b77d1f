// Exports nothing that could be run.
export const main = 42;
