import { describe, expect, it } from 'vitest';
import { metadataSchema, permissionAnswerSchema, promptSchema } from '../../src/index.js';
import { checkPrompt, promptPreview } from '../../src/internal.js';

const limits = { textPromptMaxBytes: 8, blocksPromptMaxBytes: 120 };
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
const fault = (fields: object): Error => expect.objectContaining(fields) as Error;

describe('checkPrompt', () => {
  it('returns an accepted prompt', () => {
    expect(checkPrompt(' hi ')).toBe(' hi ');
    const blocks = [{ type: 'text', text: 'hi' }, image];
    expect(checkPrompt(blocks)).toEqual(blocks);
    expect(checkPrompt([image])).toEqual([image]);
  });

  it('replaces half characters', () => {
    expect(checkPrompt('a \ud83d b')).toBe('a \ufffd b');
    expect(checkPrompt([{ type: 'text', text: 'a \ud83d b' }])).toEqual([{ type: 'text', text: 'a \ufffd b' }]);
    expect(promptSchema.parse('a \ud83d b')).toBe('a \ufffd b');
    expect(metadataSchema.parse({ note: '\ud83d' })).toEqual({ note: '\ufffd' });
    const answer = { decision: 'deny', message: '\ud83d' };
    expect(permissionAnswerSchema.parse(answer)).toEqual({ ...answer, message: '\ufffd' });
    expect(permissionAnswerSchema.parse({ decision: 'allow', input: { a: '\ud83d' } })).toMatchObject({
      input: { a: '\ufffd' },
    });
  });

  it.each([
    ['no text', ''],
    ['only white space', ' \n\t\u00a0'],
    ['no blocks', []],
    ['only empty blocks', [{ type: 'text', text: ' \n' }]],
  ])('rejects %s as empty', (_name, prompt) => {
    expect(() => checkPrompt(prompt)).toThrow(
      fault({ code: 'invalid_prompt', field: 'prompt', message: 'The prompt is empty.' }),
    );
  });

  it('limits the bytes of text, not its characters', () => {
    expect(checkPrompt('ääää', limits)).toBe('ääää');
    expect(() => checkPrompt('ääääa', limits)).toThrow(
      fault({ code: 'prompt_too_large', expected: 'at most 8 bytes' }),
    );
    expect(() => checkPrompt('ääääa', limits)).toThrow(
      fault({ wayOut: expect.stringContaining('textPromptMaxBytes') }),
    );
  });

  it('limits the bytes of blocks by another limit than text', () => {
    expect(checkPrompt([image], limits)).toEqual([image]);
    expect(() => checkPrompt([image, image], limits)).toThrow(
      fault({ code: 'prompt_too_large', wayOut: expect.stringContaining('blocksPromptMaxBytes') }),
    );
  });

  it.each([
    ['prompt.0.type', [{ type: 'sound' }]],
    [
      'prompt.1.text',
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 7 },
      ],
    ],
    ['prompt.0.source.media_type', [{ ...image, source: { ...image.source, media_type: 'image/bmp' } }]],
    ['prompt.0.source.data', [{ ...image, source: { ...image.source, data: 'not base64!' } }]],
    ['prompt.0.source.url', [{ type: 'image', source: { type: 'url', url: 'nowhere' } }]],
    ['prompt.0', ['text']],
  ])('names the malformed field %s', (field, prompt) => {
    expect(() => checkPrompt(prompt)).toThrow(fault({ code: 'invalid_prompt', field }));
  });

  it.each([undefined, null, 7, { type: 'text', text: 'a' }])(
    'rejects %j, which is neither text nor blocks',
    (prompt) => {
      expect(() => checkPrompt(prompt)).toThrow(fault({ code: 'invalid_prompt', field: 'prompt' }));
    },
  );
});

describe('promptPreview', () => {
  it('replaces white space by single spaces', () => expect(promptPreview(' a\n\n b\tc ')).toBe('a b c'));
  it('shows an image as [image]', () =>
    expect(promptPreview([{ type: 'text', text: 'see' }, image as never])).toBe('see [image]'));
  it('has at most the given length', () => {
    expect(promptPreview('abcdef', 6)).toBe('abcdef');
    expect(promptPreview('abcdefg', 6)).toBe('abcde…');
  });
});

it('a preview is cut between characters', () => {
  for (const length of [77, 78, 79]) {
    const preview = promptPreview(`${'q'.repeat(length)}😀${'r'.repeat(20)}`);
    expect(preview.isWellFormed()).toBe(true);
    expect(preview.length).toBeLessThanOrEqual(80);
  }
});
