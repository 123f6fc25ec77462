// The public surface of @hearth/simulator: a model API on loopback that the real claude CLI accepts.
export { modelApiEnvironment } from './environment.js';
export { DirectiveError } from './model-api/directives.js';
export { type ModelApi, type ModelApiOptions, type SeenRequest, startModelApi } from './model-api/server.js';
export { ScenarioError } from './scenario.js';
