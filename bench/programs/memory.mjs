/** Bytes that are reachable, buffers included. Needs --expose-gc. */
export function usedBytes() {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
