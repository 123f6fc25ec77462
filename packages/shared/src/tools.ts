/**
 * The CLI's built-in tools that change nothing outside the conversation. After a crash, a turn that reached only these may run again
 * (P7). Every other tool, including MCP tools, counts as a changing tool. Source: the tool list of Claude Code 2.1.x.
 */
const readOnlyTools = new Set([
  'Read',
  'Glob',
  'Grep',
  'LS',
  'NotebookRead',
  'WebFetch',
  'WebSearch',
  'TodoWrite',
  'TodoRead',
  'ToolSearch',
  'AskUserQuestion',
  'EnterPlanMode',
  'ExitPlanMode',
  'TaskGet',
  'TaskList',
  'TaskOutput',
  'ListMcpResourcesTool',
  'ReadMcpResourceTool',
]);

/** Selects the changing tools. */
export const toolsThatChange = (names: readonly string[]): string[] => names.filter((name) => !readOnlyTools.has(name));
