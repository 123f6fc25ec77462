import type { Action } from './action.js';
import { sweepOnce, tick, usual } from './actions.js';
import { runToRest } from './explore.js';
import { faults } from './faults.js';
import { addProducer } from './outside.js';
import type { Rules } from './rules.js';
import { leaseTtl } from './session.js';
import { newWorld, type World } from './world.js';

export interface SmallBounds {
  turnIds: readonly string[];
  /** Most faults of one schedule. */
  faults: number;
  /** Most silences, in which only time passes, for a lease TTL. */
  silences: number;
}

interface OpenState {
  world: World;
  faults: number;
}

/** Left to longer schedules, because the number of states is limited. */
const leftOut = ['tick', 'sweep', 'reader', 'retention', 'BullMQ finds a stalled job without a holder', 'end of drain'];
const severe = [
  'kill a worker',
  'an owner freezes with a command on its way',
  'thaw a worker',
  'an agent dies',
  'arrives, no reply yet',
  'a reply is lost',
  'sent twice',
  'a stray arrives',
];
/** They end a fault, so they do not count as faults. */
const free = ['thaw a worker', 'a stray arrives'];

/** Live workers renew, and sweep in the end. The others have lost their leases afterwards. */
const silence: Action = {
  name: 'silence',
  weight: 1,
  isRare: false,
  targets: () => [0],
  run: (world) => {
    for (let ticks = 0; ticks < leaseTtl; ticks += 1) tick(world);
    for (const worker of world.workers) sweepOnce(world, worker);
    return true;
  },
};

/** Visits every state within the bounds once. From every state the cluster has to come to rest. */
export function exhaust(rules: Rules, bounds: SmallBounds): { states: number; violations: string[] } {
  const actions = [
    ...usual.filter(({ name }) => !leftOut.includes(name)),
    ...faults.filter(({ name }) => severe.includes(name)),
    silence,
  ];
  const start = newWorld(rules, 2);
  for (const turnId of bounds.turnIds) addProducer(start, 'submit', turnId);
  const known = new Set<string>();
  const open: OpenState[] = [{ world: start, faults: 0 }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    for (const action of actions) {
      const isFault = severe.includes(action.name) && !free.includes(action.name);
      if (isFault && place.faults >= bounds.faults) continue;
      if (action === silence && place.world.now >= bounds.silences * leaseTtl) continue;
      for (const next of successors(place.world, action)) {
        const key = JSON.stringify(next, withoutRules);
        const faultsThen = place.faults + (isFault ? 1 : 0);
        if (known.has(`${faultsThen} ${key}`)) continue;
        known.add(`${faultsThen} ${key}`);
        const violations = next.ghost.violations.length > 0 ? next.ghost.violations : atRest(next, key);
        if (violations.length > 0) return { states: known.size, violations };
        open.push({ world: next, faults: faultsThen });
      }
    }
  }
  return { states: known.size, violations: [] };
}

const withoutRules = (name: string, value: unknown): unknown => (name === 'rules' ? undefined : value);

function copy(world: World): World {
  return { ...(JSON.parse(JSON.stringify(world, withoutRules)) as World), rules: world.rules };
}

function successors(world: World, action: Action): World[] {
  const found: World[] = [];
  for (let at = 0; at < action.targets(world).length; at += 1) {
    const next = copy(world);
    if (action.run(next, action.targets(next)[at])) found.push(next);
  }
  return found;
}

function atRest(world: World, key: string): string[] {
  const end = { ...(JSON.parse(key) as World), rules: world.rules };
  runToRest(end, () => 0.99);
  return end.ghost.violations;
}
