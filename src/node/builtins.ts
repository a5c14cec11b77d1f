/** Node's own modules, loaded at first use: together they would cost a program that never needs them tens of milliseconds. */

/** A module of Node's, fetched once. */
function lazily<M>(load: () => M): () => M {
  let module: M | undefined;
  return () => {
    module ??= load();
    return module;
  };
}

export const nodeNet = lazily(() => process.getBuiltinModule('node:net'));
export const nodeTls = lazily(() => process.getBuiltinModule('node:tls'));
export const nodeDgram = lazily(() => process.getBuiltinModule('node:dgram'));
export const nodeDns = lazily(() => process.getBuiltinModule('node:dns'));
export const nodeFs = lazily(() => process.getBuiltinModule('node:fs'));
export const nodeChildProcess = lazily(() => process.getBuiltinModule('node:child_process'));
export const nodeTty = lazily(() => process.getBuiltinModule('node:tty'));
