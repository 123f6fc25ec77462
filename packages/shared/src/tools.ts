/**
 * The CLI's built-in tools that change nothing outside the conversation: a turn that reached only these may be run again
 * after a crash (P7). Whatever is not listed — MCP tools too — counts as one that can change things.
 * Source: the tool list of Claude Code 2.1.x.
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

/** Those of the names that can change something. */
export const toolsThatChange = (names: readonly string[]): string[] => names.filter((name) => !readOnlyTools.has(name));
