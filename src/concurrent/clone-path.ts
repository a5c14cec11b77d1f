export function describeUncloneable(_value: unknown, error: unknown): string | null {
  return error instanceof Error ? error.message : null;
}
