import { digestOf } from '@hearth/shared/internal';
import { expect, test } from 'vitest';
import { unsupportedFields } from '../src/initialize.js';
import { agrees } from '../src/profile-choice.js';

const launch = { permissionMode: 'default', fields: { systemPrompt: digestOf('be brief') }, extraArgs: [] };
const unsupported = (request: object): string[] => unsupportedFields(request, (flag) => agrees(flag, launch));

test('accepts an initialize that asks for nothing', () => {
  const nothing = { subtype: 'initialize', hooks: null, agents: {}, sdkMcpServers: [], systemPrompt: [''] };
  expect(unsupported(nothing)).toEqual([]);
  expect(unsupported({ subtype: 'initialize', supportedDialogKinds: ['x'], promptSuggestions: false })).toEqual([]);
});

test('names each field that asks for something', () => {
  const hooks = { Stop: [{ hookCallbackIds: ['a'] }] };
  expect(unsupported({ hooks, sdkMcpServers: ['s'], jsonSchema: { type: 'object' }, frobnicate: 1 })).toEqual([
    'hooks',
    'sdkMcpServers',
    'jsonSchema',
    'frobnicate',
  ]);
});

test('accepts the system prompt of the profile, and no other one', () => {
  expect(unsupported({ systemPrompt: ['be brief'] })).toEqual([]);
  expect(unsupported({ systemPrompt: 'be brief' })).toEqual([]);
  expect(unsupported({ systemPrompt: ['be long'] })).toEqual(['systemPrompt']);
  expect(unsupported({ systemPrompt: ['be brief', 'and kind'] })).toEqual(['systemPrompt']);
  expect(unsupported({ appendSystemPrompt: 'be brief' })).toEqual(['appendSystemPrompt']);
});
