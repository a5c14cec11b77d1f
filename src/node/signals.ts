/**
 * What the process does on a signal. There are two sorts of listeners: *handlers*, which loops were given by
 * `addSignalHandler()`, and *stops*, by which an open `run()` ends its main task. A signal that has a handler reaches the
 * handlers only, as Python's `signal.signal()` replaces what was there; when the last one goes, the stops have their
 * effect again. One listener of the process serves all of them.
 */

import { RuntimeError } from '../core/index.js';

type Os = typeof import('node:os');
type WorkerThreads = typeof import('node:worker_threads');
type Listener = () => void;

interface Signal {
  readonly handlers: Set<Listener>;
  readonly stops: Set<Listener>;
  readonly dispatch: () => void;
}

const signals = new Map<string, Signal>();
let numbers: Readonly<Record<string, number>> | undefined;

/** The numbers of the platform's signals, by name. */
export function signalNumbers(): Readonly<Record<string, number>> {
  numbers ??= (process.getBuiltinModule('node:os') as Os).constants.signals;
  return numbers;
}

function listen(name: string, sort: 'handlers' | 'stops', listener: Listener): () => void {
  let signal = signals.get(name);
  if (signal === undefined) {
    const handlers = new Set<Listener>();
    const stops = new Set<Listener>();
    const dispatch = () => {
      for (const each of [...(handlers.size > 0 ? handlers : stops)]) each();
    };
    signal = { handlers, stops, dispatch };
    process.on(name, dispatch);
    signals.set(name, signal);
  }
  const { handlers, stops, dispatch } = signal;
  const listeners = signal[sort];
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (handlers.size > 0 || stops.size > 0 || signals.get(name)?.dispatch !== dispatch) return;
    process.off(name, dispatch);
    signals.delete(name);
  };
}

/** Calls `listener` at every `name`, in place of what the signal does otherwise. @throws where it cannot be caught. */
export function onSignal(name: string, listener: Listener): () => void {
  const { isMainThread } = process.getBuiltinModule('node:worker_threads') as WorkerThreads;
  if (!isMainThread) throw new RuntimeError('signals come to the main thread only');
  return listen(name, 'handlers', listener);
}

/** Calls `listener` at every `name` that has no handler; `null` when the program listens for it by itself. */
export function onStopSignal(name: 'SIGINT' | 'SIGTERM', listener: Listener): (() => void) | null {
  if (!signals.has(name) && process.listenerCount(name) > 0) return null;
  return listen(name, 'stops', listener);
}
