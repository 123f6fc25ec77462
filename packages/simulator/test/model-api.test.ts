import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ModelApi, type ModelApiOptions, startModelApi } from '../src/index.js';

interface Turn {
  role: 'user' | 'assistant';
  content: unknown;
}
const user = (text: string): Turn => ({ role: 'user', content: text });
const assistant = (content: unknown): Turn => ({ role: 'assistant', content });

async function withApi(use: (api: ModelApi) => Promise<void>, options: ModelApiOptions = {}): Promise<void> {
  const api = await startModelApi(options);
  try {
    await use(api);
  } finally {
    await api.stop();
  }
}

function post(api: ModelApi, messages: readonly Turn[], more: object = {}): Promise<Response> {
  return fetch(`${api.url}/v1/messages?beta=true`, {
    method: 'POST',
    body: JSON.stringify({ model: 'claude-test', max_tokens: 100, messages, tools: [{ name: 'Bash' }], ...more }),
  });
}

interface Answered {
  content: { type: string; text?: string; name?: string; input?: unknown; id?: string }[];
  stop_reason: string;
}
async function ask(api: ModelApi, ...messages: Turn[]): Promise<Answered> {
  return (await post(api, messages)).json() as Promise<Answered>;
}
const textOf = ({ content }: Answered): string => content.map(({ text }) => text ?? '').join('');

/** The events of a streamed answer. */
async function stream(api: ModelApi, prompt: string): Promise<{ type: string; [field: string]: unknown }[]> {
  const text = await (await post(api, [user(prompt)], { stream: true })).text();
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as { type: string });
}

describe('the simulated model', () => {
  test('echoes, and streams the same text in pieces as the Messages API does', () =>
    withApi(async (api) => {
      expect(textOf(await ask(api, user('hello there')))).toBe('Echo: hello there');
      const events = await stream(api, '[[stream chunks=2]] hello there');
      expect(events.map(({ type }) => type)).toEqual([
        'message_start',
        'ping',
        'content_block_start',
        'content_block_delta',
        'content_block_delta',
        'content_block_stop',
        'message_delta',
        'message_stop',
      ]);
      const deltas = events.flatMap(({ delta }) => (delta as { text?: string } | undefined)?.text ?? []);
      expect(deltas.join('')).toBe('Echo: hello there');
    }));

  test('recalls the last number from the history of the request alone, through reminders around it', () =>
    withApi(async (api) => {
      const asked = user('What number did I ask you to remember?');
      expect(textOf(await ask(api, asked))).toBe('You have not asked me to remember a number.');
      const reminded = { type: 'text', text: '<system-reminder>Remember the number 1</system-reminder>' };
      const told: Turn = { role: 'user', content: [reminded, { type: 'text', text: 'Remember the number 42.' }] };
      expect(textOf(await ask(api, told))).toBe('I will remember the number 42.');
      expect(textOf(await ask(api, told, assistant('ok'), user('something else'), assistant('ok'), asked))).toBe(
        'You asked me to remember the number 42.',
      );
    }));

  test('uses tools one after the other, then quotes their results', () =>
    withApi(async (api) => {
      const prompt = user('[[tool Bash {"command":"a"}]] [[tool Read {"file_path":"b"}]]');
      const first = await ask(api, prompt);
      expect(first).toMatchObject({
        stop_reason: 'tool_use',
        content: [{ type: 'text' }, { name: 'Bash', input: { command: 'a' } }],
      });
      const result = (content: string): Turn => ({
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: 'x', content }],
      });
      const second = await ask(api, prompt, assistant(first.content), result('one'));
      expect(second.content.at(-1)).toMatchObject({ name: 'Read', input: { file_path: 'b' } });
      const last = await ask(
        api,
        prompt,
        assistant(first.content),
        result('one'),
        assistant(second.content),
        result('two'),
      );
      expect(last).toMatchObject({ stop_reason: 'end_turn' });
      expect(textOf(last)).toBe('The tools answered: one | two');
    }));

  test('reads a prompt beside the result of a tool that was interrupted', async () => {
    await withApi(async (api) => {
      const toolUse = { type: 'tool_use', id: 'x', name: 'Bash', input: { command: 'ls' } };
      const beside = [
        { type: 'tool_result', tool_use_id: 'x', content: 'stopped', is_error: true },
        { type: 'text', text: '[Request interrupted by user for tool use]' },
        { type: 'text', text: 'something else' },
      ];
      const prompt = user('[[tool Bash {"command":"ls"}]]');
      const answered = await ask(api, prompt, assistant([toolUse]), { role: 'user', content: beside });
      expect(textOf(answered)).toBe('Echo: something else');
    });
  });

  test('uses parallel tools in one message', () =>
    withApi(async (api) => {
      const { content } = await ask(
        api,
        user('[[parallel]] [[tool Bash {"command":"a"}]] [[tool Bash {"command":"b"}]]'),
      );
      const uses = content.filter(({ type }) => type === 'tool_use');
      expect(uses.map(({ input }) => input)).toEqual([{ command: 'a' }, { command: 'b' }]);
      expect(new Set(uses.map(({ id }) => id)).size).toBe(2);
    }));

  test('thinks before it answers', () =>
    withApi(async (api) => {
      const events = await stream(api, '[[thinking hm]] why');
      const kinds = events.flatMap(({ delta }) => (delta as { type?: string } | undefined)?.type ?? []);
      expect(kinds.slice(0, 3)).toEqual(['thinking_delta', 'signature_delta', 'text_delta']);
    }));

  test('fails a given number of times for one prompt; requests beside the conversation do not count', () =>
    withApi(async (api) => {
      const prompt = user('[[error 529 times=2]] hello');
      const aside = await post(api, [prompt], { tools: [] });
      expect(aside.status).toBe(200);
      const statuses = [];
      for (let attempt = 0; attempt < 3; attempt += 1) statuses.push((await post(api, [prompt])).status);
      expect(statuses).toEqual([529, 529, 200]);
      const body = (await (await post(api, [user('[[error 429]]')])).json()) as object;
      expect(body).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
      expect(api.requests.map(({ status }) => status)).toEqual([200, 529, 529, 200, 429]);
    }));

  test('cuts the connection in mid-answer, once', () =>
    withApi(async (api) => {
      const prompt = '[[cut after=2 times=1]] a b c d e f';
      await expect(stream(api, prompt)).rejects.toThrow();
      expect((await stream(api, prompt)).at(-1)?.type).toBe('message_stop');
    }));

  test('answers large texts of the exact size, and stops with hanging requests', () =>
    withApi(async (api) => {
      expect(textOf(await ask(api, user('[[large 1MB]]')))).toHaveLength(1024 * 1024);
      const hanging = post(api, [user('[[hang]]')]).catch(() => 'cut');
      while (api.requests.at(-1)?.prompt !== '[[hang]]') await new Promise((resolve) => setImmediate(resolve));
      await api.stop();
      expect(await hanging).toBe('cut');
    }));

  test('names a directive that does not parse in an API error', () =>
    withApi(async (api) => {
      const answer = await post(api, [user('[[delay soon]]')]);
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain('[[delay soon]]: expected a time');
    }));

  test('answers all other calls of the CLI harmlessly', () =>
    withApi(async (api) => {
      expect((await fetch(api.url, { method: 'HEAD' })).status).toBe(200);
      expect((await fetch(`${api.url}/v1/models`)).status).toBe(404);
      const counted = await fetch(`${api.url}/v1/messages/count_tokens`, { method: 'POST', body: '{}' });
      expect(await counted.json()).toHaveProperty('input_tokens');
      expect((await fetch(`${api.url}/v1/messages`, { method: 'POST', body: 'no json' })).status).toBe(400);
    }));
});

describe('a scenario file', () => {
  test('puts the steps of the first rule that matches before the prompt', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hearth-scenario-'));
    const file = join(folder, 'scenario.json');
    const rules = [
      { match: '/^deploy/i', steps: ['[[say deployed]]'] },
      { match: 'deploy', steps: ['[[say talked of]]'] },
    ];
    await writeFile(file, JSON.stringify({ rules }));
    await withApi(
      async (api) => {
        expect(textOf(await ask(api, user('Deploy it')))).toBe('deployed');
        expect(textOf(await ask(api, user('we deploy')))).toBe('talked of');
        expect(textOf(await ask(api, user('else')))).toBe('Echo: else');
      },
      { scenarioFile: file },
    );
    await rm(folder, { recursive: true });
  });

  test.each([
    ['{"rules":[{"match":"x","steps":[]}]}', 'rules.0.steps'],
    ['{"rules":[{"match":"x","steps":["[[delay soon]]"]}]}', 'rules.0: [[delay soon]]'],
    ['{"rules":[{"match":"/(/","steps":["[[hang]]"]}]}', 'rules.0'],
    ['nothing', 'cannot be read as JSON'],
  ])('%s is refused with the field named', async (text, expected) => {
    const folder = await mkdtemp(join(tmpdir(), 'hearth-scenario-'));
    await writeFile(join(folder, 's.json'), text);
    await expect(startModelApi({ scenarioFile: join(folder, 's.json') })).rejects.toThrow(expected);
    await rm(folder, { recursive: true });
  });
});
