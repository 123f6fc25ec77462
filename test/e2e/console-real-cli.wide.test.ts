import { test } from 'vitest';
import { startGateway } from '../support/gateway.js';
import { useBrowser } from '../support/pages.js';
import { shareCluster } from '../support/shared-cluster.js';
import { allowForTheSession, holdConversation } from './console.js';

const newPage = useBrowser();
const shared = shareCluster({});

test('holds a conversation with the real CLI on the page of a session', async () => {
  const { cluster } = shared();
  const { url } = await startGateway(cluster);
  const [page, folder] = [await newPage(), await cluster.folder()];
  await holdConversation(page, url, folder);
  await allowForTheSession(page, folder);
});
