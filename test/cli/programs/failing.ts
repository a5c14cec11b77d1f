// Fails while it runs.
export async function main(): Promise<void> {
  throw new RangeError('no such luck');
}
