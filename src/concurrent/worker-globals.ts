/** The global names that every worker has: what a function may use that travels by its text. */

/** Those of the language and of Node 20's workers. `require` is no global, but is supplied. */
const ALWAYS = `
  AggregateError Array ArrayBuffer Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date Error EvalError
  FinalizationRegistry Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Intl JSON Map Math NaN
  Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String Symbol SyntaxError
  TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly
  decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt
  undefined unescape

  AbortController AbortSignal Blob BroadcastChannel Buffer ByteLengthQueuingStrategy CompressionStream
  CountQueuingStrategy Crypto CryptoKey CustomEvent DOMException DecompressionStream Event EventTarget File FormData
  Headers MessageChannel MessageEvent MessagePort Performance PerformanceEntry PerformanceMark PerformanceMeasure
  PerformanceObserver PerformanceObserverEntryList PerformanceResourceTiming ReadableByteStreamController ReadableStream
  ReadableStreamBYOBReader ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableStreamDefaultReader Request
  Response SubtleCrypto TextDecoder TextDecoderStream TextEncoder TextEncoderStream TransformStream
  TransformStreamDefaultController URL URLSearchParams WritableStream WritableStreamDefaultController
  WritableStreamDefaultWriter atob btoa clearImmediate clearInterval clearTimeout console crypto fetch global performance
  process queueMicrotask setImmediate setInterval setTimeout structuredClone`;

/** Those that came with later versions of the language or of Node. */
const LATER = `
  AsyncDisposableStack CloseEvent DisposableStack ErrorEvent EventSource Float16Array Iterator Navigator
  QuotaExceededError Storage SuppressedError Temporal URLPattern WebSocket localStorage navigator sessionStorage`;

const words = (text: string): string[] => text.trim().split(/\s+/);

const always: ReadonlySet<string> = new Set(words(ALWAYS));
const later: ReadonlySet<string> = new Set(words(LATER));

/** Whether a worker of this version of Node has a global of that name. What the program has added itself does not count. @internal */
export function isWorkerGlobal(name: string): boolean {
  return always.has(name) || (later.has(name) && name in globalThis);
}
