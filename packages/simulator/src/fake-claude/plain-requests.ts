import type { Response } from './control.js';
import type { Line } from './output.js';
import type { Permissions } from './permissions.js';
import { textField } from './text-field.js';
import type { Ledger } from './turn-end.js';

/** State that plain control requests read and set. */
export interface Settings {
  model: string;
  readonly permissions: Permissions;
  readonly ledger: Ledger;
  readonly characters: number;
}

/** Answers control requests that only set or report something. Others get an error. */
export function answerPlainly(request: Line, settings: Settings): Response {
  const subtype = textField(request, 'subtype');
  switch (subtype) {
    case 'set_model':
      settings.model = textField(request, 'model', settings.model);
      return { response: { model: settings.model } };
    case 'set_permission_mode':
      settings.permissions.mode = textField(request, 'mode', 'default');
      return { response: { mode: settings.permissions.mode } };
    case 'set_max_thinking_tokens':
      return {};
    case 'get_context_usage':
      return { response: { categories: [], totalTokens: Math.ceil(settings.characters / 4), maxTokens: 200_000 } };
    case 'mcp_status':
      return { response: { mcpServers: [] } };
    case 'get_settings':
      return { response: { effective: {}, sources: [], applied: { model: settings.model } } };
    case 'get_session_cost':
      return { response: { text: `Estimated cost: $${settings.ledger.costUsd().toFixed(4)}` } };
    default:
      return { error: `Unsupported control request subtype: ${subtype}`, errorCode: 'unsupported_request' };
  }
}
