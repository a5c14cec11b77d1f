/** What Node's transports tell of themselves beyond the contract. */

import type { PeerCertificate, TLSSocket } from 'node:tls';

declare module '../core/network.js' {
  interface ExtraInfo {
    /** TLS only: the peer's certificate. */
    peercert: PeerCertificate;
    /** TLS only: the cipher and the version of the protocol. */
    cipher: readonly [name: string, version: string];
    /** TLS only: the application protocol that both sides agreed on. */
    alpnProtocol: string;
    /** TLS only: Node's own socket. */
    sslObject: TLSSocket;
  }
}
