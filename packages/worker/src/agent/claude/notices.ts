import { cutText } from '@hearth/shared/text';
import type { AgentEvent } from '../driver.js';
import type { LineOf } from './wire.js';

type Notice = Extract<AgentEvent, { kind: 'notice' }>;
type System = LineOf<'system'>;

/** A notice quotes at most so many characters of a hook's output. It can contain the whole prompt. */
const quoteLength = 500;
/** `terminal_reason` of a turn that a hook ended. */
const stoppedByHook = new Set(['hook_stopped', 'stop_hook_prevented']);
const unavailable = new Set(['failed', 'needs-auth']);

/** Makes notices of what the CLI says besides the conversation. Owns the last status of each MCP server, so that each failure is told once. */
export class Notices {
  private readonly servers = new Map<string, string>();

  ofSystem(line: System): Notice[] {
    if (line.subtype === 'init') return this.ofServers(line.mcp_servers ?? []);
    if (line.subtype === 'informational' && line.prevent_continuation === true)
      return [{ kind: 'notice', code: 'hook_stopped', message: quote(line.content) }];
    if (line.subtype !== 'hook_response' || line.outcome !== 'error') return [];
    const message = `The hook ${line.hook_name ?? ''} failed: ${quote(line.stderr || line.output)}`;
    return [{ kind: 'notice', code: 'hook_failed', message }];
  }

  ofResult({ terminal_reason: reason }: LineOf<'result'>): Notice[] {
    if (!stoppedByHook.has(reason ?? '')) return [];
    return [{ kind: 'notice', code: 'hook_stopped', message: `A hook ended the turn (${reason}).` }];
  }

  private ofServers(servers: NonNullable<System['mcp_servers']>): Notice[] {
    return servers.flatMap(({ name, status }): Notice[] => {
      const before = this.servers.get(name);
      this.servers.set(name, status);
      if (status === before || !unavailable.has(status)) return [];
      const message = `The MCP server "${name}" is not available (${status}), so Claude has none of its tools.`;
      return [{ kind: 'notice', code: 'mcp_server_failed', message }];
    });
  }
}

const quote = (text = ''): string => cutText(text.trim(), quoteLength);
