import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import type { TestGateway } from './gateway.js';

/** A request, without its path. */
export interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}
export interface Got {
  status: number | undefined;
  headers: Record<string, string | string[] | undefined>;
  body: Record<string, unknown>;
}

/** Sends path and headers unchanged, while `fetch` normalises both. */
export async function send(
  { url }: TestGateway,
  path: string,
  { method = 'GET', headers = {}, body }: Sent = {},
): Promise<Got> {
  const { hostname, port } = new URL(url);
  const request = httpRequest({ hostname, port, path, method, headers, agent: false });
  request.end(body);
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    request.once('response', resolve).once('error', reject),
  );
  const answer = await text(response);
  const isJson = response.headers['content-type']?.includes('json') ?? false;
  return {
    status: response.statusCode,
    headers: response.headers,
    body: isJson ? JSON.parse(answer) : { text: answer },
  };
}

export const json = { 'content-type': 'application/json' };
/** A submit. */
export const turn = (headers: Record<string, string>, body: object = { prompt: 'x' }): Sent => ({
  method: 'POST',
  headers: { ...json, ...headers },
  body: JSON.stringify(body),
});
/** An answer that refuses a request. */
export const problem = (status: number, code: string, more: object = {}) => ({
  status,
  headers: { 'content-type': 'application/problem+json; charset=utf-8', 'cache-control': 'no-store' },
  body: {
    type: `/docs#${code}`,
    status,
    code,
    title: expect.any(String),
    detail: expect.any(String),
    requestId: expect.any(String),
    ...more,
  },
});
