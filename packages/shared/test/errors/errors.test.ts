import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  describeError,
  errorBodySchema,
  errorCatalogue,
  errorCodes,
  fromErrorBody,
  HearthError,
  toErrorBody,
} from '../../src/index.js';
import { parseInput } from '../../src/internal.js';

describe('the error catalogue', () => {
  it('has codes in snake case and distinct titles', () => {
    for (const code of errorCodes) expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    const titles = Object.values(errorCatalogue).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    expect(new Set(Object.values(errorCatalogue).map(({ caller }) => caller))).toEqual(
      new Set(['fix', 'retry', 'operate']),
    );
  });
});

describe('a HearthError', () => {
  it.each(errorCodes)('%s is equal after JSON', (code) => {
    const error = new HearthError(code, 'm', {
      field: 'f',
      expected: 'e',
      wayOut: 'w',
      retryAt: 0,
      cause: new Error('secret'),
    });
    const travelled = errorBodySchema.parse(JSON.parse(JSON.stringify(error)));
    expect(fromErrorBody(travelled).toJSON()).toEqual({
      code,
      message: 'm',
      field: 'f',
      expected: 'e',
      wayOut: 'w',
      retryAt: 0,
    });
    expect(describeError(travelled)).toBe(
      `${code}: m · field: f · expected: e · w · retry at 1970-01-01T00:00:00.000Z`,
    );
  });

  it('omits absent fields from JSON', () =>
    expect(new HearthError('internal', 'm').toJSON()).toEqual({ code: 'internal', message: 'm' }));

  it('is made from anything thrown', () => {
    expect(toErrorBody(new HearthError('closed', 'm'))).toEqual({ code: 'closed', message: 'm' });
    expect(toErrorBody(new TypeError('m'))).toEqual({ code: 'internal', message: 'm' });
    expect(toErrorBody('m')).toEqual({ code: 'internal', message: 'm' });
    expect(toErrorBody(new Error(''))).toEqual({ code: 'internal', message: errorCatalogue.internal.title });
  });
});

describe('parseInput', () => {
  const schema = z.strictObject({
    slots: z.number().min(1),
    profiles: z.record(z.string(), z.object({ model: z.string() })),
  });
  const fieldAtFault = (input: unknown, root: string): string | undefined => {
    try {
      parseInput(schema, input, 'invalid_options', root);
      return undefined;
    } catch (error) {
      return error instanceof HearthError && error.code === 'invalid_options' ? error.field : String(error);
    }
  };

  it('returns accepted input', () => expect(fieldAtFault({ slots: 1, profiles: {} }, 'options')).toBeUndefined());
  it('names an option as a caller writes it', () => {
    expect(fieldAtFault({ slots: 0, profiles: {} }, 'options')).toBe('slots');
    expect(fieldAtFault({ slots: 1, profiles: { default: { model: 7 } } }, 'options')).toBe('profiles.default.model');
  });
  it('names a field below the root, or the root', () => {
    expect(fieldAtFault({ slots: 0, profiles: {} }, 'job')).toBe('job.slots');
    expect(fieldAtFault(7, 'job')).toBe('job');
  });
});
