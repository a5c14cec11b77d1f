export interface Progress {
  advance(n?: number): void;
  stop(): void;
}
export function startProgress(_o: { total?: number; label?: string }): Progress {
  return { advance() {}, stop() {} };
}
