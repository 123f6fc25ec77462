// The public surface of @hearth/simulator: a model API on loopback that the real claude CLI accepts, and a stand-in for the CLI.
export { modelApiEnvironment } from './environment.js';
export { fakeClaudePath } from './fake-claude/path.js';
export { type CliVersion, cliVersion, versionNotice } from './fake-claude/versions.js';
export { DirectiveError } from './model-api/fields.js';
export { type ModelApi, type ModelApiOptions, type SeenRequest, startModelApi } from './model-api/server.js';
export { ScenarioError } from './scenario.js';
