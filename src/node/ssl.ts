/** TLS contexts: certificates, and whether the peer's is verified. */

import type { SecureContext, SecureContextOptions, SecureVersion } from 'node:tls';
import { OSError, type SSLContext, ValueError } from '../core/index.js';
import { nodeFs, nodeTls } from './builtins.js';

/** One certificate or key, or several: PEM text or bytes. */
export type Pem = string | Uint8Array | readonly (string | Uint8Array)[];

/** How {@link createDefaultContext} is told what it needs. */
export interface SSLContextOptions {
  /** `'server-auth'`: for clients, which verify servers; `'client-auth'`: for servers. The former unless told. */
  purpose?: 'server-auth' | 'client-auth' | undefined;
  /** A file of certificates to trust, in place of those that Node brings. */
  cafile?: string | undefined;
  /** Certificates to trust, in place of those that Node brings. */
  cadata?: Pem | undefined;
  /** A file with the certificate to show, and the chain behind it. */
  certfile?: string | undefined;
  /** A file with its key; the one of {@link certfile} unless told. */
  keyfile?: string | undefined;
  cert?: Pem | undefined;
  key?: Pem | undefined;
  /** What the key is encrypted with. */
  passphrase?: string | undefined;
  /** Whether the peer has to show a valid certificate. Clients require it unless told, servers ask for none. */
  verifyMode?: 'none' | 'optional' | 'required' | undefined;
  /** Whether a client compares the name in the certificate with the host. Unless told, it does where it verifies. */
  checkHostname?: boolean | undefined;
  /** The application protocols on offer, the best first: `['h2', 'http/1.1']`. */
  alpnProtocols?: readonly string[] | undefined;
  ciphers?: string | undefined;
  minVersion?: SecureVersion | undefined;
  maxVersion?: SecureVersion | undefined;
}

/** An error of TLS. `code` is Node's. Source: `ssl.SSLError`. */
export class SSLError extends OSError {}
/** The peer's certificate is not to be trusted, or is somebody else's. Source: `ssl.SSLCertVerificationError`. */
export class SSLCertVerificationError extends SSLError {}
for (const [errorClass, name, code] of [
  [SSLError, 'SSLError', 'ERR_SSL'],
  [SSLCertVerificationError, 'SSLCertVerificationError', 'ERR_SSL_CERT_VERIFICATION'],
] as const) {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, writable: true, configurable: true });
  Object.defineProperty(errorClass.prototype, 'code', { value: code, writable: true, configurable: true });
}

/** What {@link createDefaultContext} makes. */
export class NodeSSLContext implements SSLContext {
  readonly checkHostname: boolean;
  readonly verifyMode: 'none' | 'optional' | 'required';
  readonly alpnProtocols: readonly string[];
  /** Whether it has a certificate to show: a server must. */
  readonly hasCertificate: boolean;
  /** What Node calls it. */
  readonly secureContext: SecureContext;

  constructor(options: SSLContextOptions) {
    const client = options.purpose !== 'client-auth';
    this.verifyMode = options.verifyMode ?? (client ? 'required' : 'none');
    this.checkHostname = options.checkHostname ?? (client && this.verifyMode !== 'none');
    if (this.checkHostname && this.verifyMode === 'none') {
      throw new ValueError('Cannot check the hostname: the context does not verify certificates');
    }
    this.alpnProtocols = [...(options.alpnProtocols ?? [])];
    for (const protocol of this.alpnProtocols) {
      if (protocol.length === 0 || protocol.length > 255) {
        throw new ValueError(`Cannot offer the protocol ${JSON.stringify(protocol)}: 1 to 255 characters`);
      }
    }
    const cert = options.cert ?? read(options.certfile);
    const key = options.key ?? read(options.keyfile ?? options.certfile);
    if ((cert === undefined) !== (key === undefined)) {
      throw new ValueError('Cannot use the certificate: it needs a key, and the key a certificate');
    }
    this.hasCertificate = cert !== undefined;
    const given: Record<string, unknown> = {
      ca: options.cadata ?? read(options.cafile),
      cert,
      key,
      passphrase: options.passphrase,
      ciphers: options.ciphers,
      minVersion: options.minVersion,
      maxVersion: options.maxVersion,
    };
    for (const name of Object.keys(given)) if (given[name] === undefined) delete given[name];
    try {
      this.secureContext = nodeTls().createSecureContext(given as SecureContextOptions);
    } catch (error) {
      throw sslError(error as Error, 'Cannot make the TLS context');
    }
  }

  toString(): string {
    return `<SSLContext verifyMode=${this.verifyMode} checkHostname=${this.checkHostname}>`;
  }
}

function read(path: string | undefined): Uint8Array | undefined {
  return path === undefined ? undefined : nodeFs().readFileSync(path);
}

/**
 * A TLS context with the settings that are safe: clients verify the server's certificate and its name. Source:
 * `ssl.create_default_context`.
 *
 * Files are read at once, and block while they are.
 *
 * @throws SSLError for certificates and keys that cannot be used; ValueError for options that contradict each other.
 * @example
 * ```ts
 * import * as asyncio from 'tsyncio';
 *
 * const context = asyncio.createDefaultContext({ alpnProtocols: ['http/1.1'] });
 * console.log(context.verifyMode, context.checkHostname); //=> required true
 * ```
 */
export function createDefaultContext(options: SSLContextOptions = {}): SSLContext {
  return new NodeSSLContext(options);
}

/** The context to use for an `ssl` option. */
export function clientContext(ssl: boolean | SSLContext): NodeSSLContext {
  if (ssl === true) return new NodeSSLContext({});
  return checkContext(ssl);
}

/** @throws TypeError for what {@link createDefaultContext} did not make. */
export function checkContext(context: unknown): NodeSSLContext {
  if (context instanceof NodeSSLContext) return context;
  throw new TypeError(
    `Cannot use TLS: expected a context that createDefaultContext() made, got ${String(context)}`,
  );
}

const VERIFICATION =
  /^(UNABLE_TO_|CERT_|CRL_|ERROR_IN_|DEPTH_ZERO|SELF_SIGNED|PATH_LENGTH|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID)/;

/** The error of TLS that stands for one of Node's; others come back as they are. */
export function sslError(error: Error, what?: string): Error {
  const { code } = error as { code?: string };
  const message = what === undefined ? error.message : `${what}: ${error.message}`;
  if (code !== undefined && VERIFICATION.test(code)) {
    return new SSLCertVerificationError(message, { code, cause: error });
  }
  if (code === undefined || /^ERR_(SSL|OSSL|TLS)_|^EPROTO$/.test(code)) {
    return new SSLError(message, { code, cause: error });
  }
  return error;
}
