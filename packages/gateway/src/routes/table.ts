import { agentRoutes } from './agents.js';
import { clusterRoutes } from './cluster.js';
import { documentRoutes } from './documents.js';
import { eventRoutes } from './events.js';
import { permissionRoutes } from './permissions.js';
import type { Route } from './route.js';
import { sessionRoutes } from './sessions.js';
import { signInRoutes } from './sign-in.js';
import { turnRoutes } from './turns.js';

/** Every route of the gateway, in the order of the document. */
export const routes: readonly Route[] = [
  ...turnRoutes,
  ...eventRoutes,
  ...agentRoutes,
  ...permissionRoutes,
  ...sessionRoutes,
  ...clusterRoutes,
  ...signInRoutes,
  ...documentRoutes(() => routes),
];
