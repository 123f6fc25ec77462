import { createHmac, timingSafeEqual } from 'node:crypto';

/** Signs small values, so that the gateway recognises them when they come back. Each purpose has its own signature. */
export class Seal {
  constructor(private readonly secret: Buffer) {}

  /** `<value as base64url JSON>.<signature>` */
  close(purpose: string, value: object): string {
    const body = Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
    return `${body}.${this.sign(purpose, body)}`;
  }

  /** The value that was sealed for the purpose. Undefined for anything else. */
  open(purpose: string, sealed: string): unknown {
    const [body = '', signature = '', ...more] = sealed.split('.');
    if (more.length > 0 || !this.isSignature(purpose, body, signature)) return undefined;
    return JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
  }

  sign(purpose: string, text: string): string {
    return createHmac('sha256', this.secret).update(`${purpose} ${text}`, 'utf8').digest('base64url');
  }

  isSignature(purpose: string, text: string, given: string): boolean {
    const [own, other] = [Buffer.from(this.sign(purpose, text)), Buffer.from(given)];
    return own.length === other.length && timingSafeEqual(own, other);
  }
}
