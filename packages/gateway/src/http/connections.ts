import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Knows the connections of a server, and which of them serve a request. node:http closes only connections that have served one, but
 * browsers open some ahead of their requests, and these would delay a stop.
 */
export class Connections {
  private readonly requests = new Map<Socket, number>();
  private isClosing = false;

  constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.requests.set(socket, 0);
      socket.once('close', () => this.requests.delete(socket));
    });
    server.on('request', ({ socket }, response) => {
      this.count(socket, 1);
      response.once('close', () => this.count(socket, -1));
    });
  }

  /** Accepts no connection. Idle connections close at once, others when they become idle, all at the deadline. */
  async close(deadlineMs: number): Promise<void> {
    this.isClosing = true;
    const closed = new Promise((resolve) => this.server.close(resolve));
    const timer = setTimeout(() => this.server.closeAllConnections(), deadlineMs);
    for (const socket of this.requests.keys()) this.count(socket, 0);
    await closed;
    clearTimeout(timer);
  }

  private count(socket: Socket, more: number): void {
    const requests = (this.requests.get(socket) ?? 0) + more;
    if (this.requests.has(socket)) this.requests.set(socket, requests);
    // `destroySoon` sends written data first.
    if (this.isClosing && requests === 0) socket.destroySoon();
  }
}
