// What generator-main.ts says.
export function greeting(names: readonly string[]): string {
  return ['hello', ...names].join(' ');
}
