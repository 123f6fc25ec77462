import { cutText } from '@hearth/shared/text';
import type { LineOf } from './wire.js';

type ControlRequest = LineOf<'control_request'>;

/** A notice shows a question cut to so many characters. */
const questionLength = 500;

/** Whether the session answers a request of the CLI: a tool at the gate (the only hook that Hearth registers), or a permission. */
export const isForSession = ({ request }: ControlRequest): boolean =>
  request.subtype === 'hook_callback' || request.subtype === 'can_use_tool';

/**
 * The answer to a request that the session does not answer, and what it was about. Every request is answered at once, because the CLI
 * waits for the answer without a bound: `elicitation` (a question of an MCP server) is declined, and all others are unsupported.
 */
export function declineRequest({ request, request_id }: ControlRequest): { answer: object; message: string } {
  if (request.subtype !== 'elicitation')
    return {
      answer: { subtype: 'error', request_id, error: 'unsupported' },
      message: `Hearth does not support the request "${request.subtype}" of the CLI.`,
    };
  return {
    answer: { subtype: 'success', request_id, response: { action: 'decline' } },
    message: `Hearth declined a question of the MCP server "${request.mcp_server_name ?? ''}": ${cutText(request.message ?? '', questionLength)}`,
  };
}
