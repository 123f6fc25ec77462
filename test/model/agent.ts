import { inBackground, leaseTtl, margin, mayRetry, usesTool } from './session.js';
import { type Agent, lives, nameOf, type Tool, violate, type Worker, type World } from './world.js';

export const agentOf = (world: World, id: string): Agent | undefined => world.agents.find((agent) => agent.id === id);

export function startAgent(world: World, worker: string, memory: string[]): Agent {
  const agent: Agent = {
    id: `a${++world.counter}`,
    worker,
    state: 'idle',
    memory,
    incarnation: '',
    grant: 0,
    seq: 0,
    turnId: '',
    attempt: 0,
    step: 0,
    gate: 'closed',
    isStopping: false,
    out: [],
  };
  world.agents = [...world.agents.filter(({ state }) => state !== 'dead'), agent];
  return agent;
}

/** Delivers the prompt. From here on the agent is active for the session. */
export function prompt(
  world: World,
  agent: Agent,
  turn: Pick<Agent, 'incarnation' | 'grant' | 'seq' | 'turnId' | 'attempt'>,
): void {
  if (agent.state === 'dead') return;
  Object.assign(agent, turn, { state: 'busy', step: 0, gate: 'closed', isStopping: false, out: [] });
  const { session } = world.redis;
  if (world.ghost.lastRollback >= 0) return;
  const { home } = world.ghost;
  const isHome = home.agent === agent.id || home.incarnation !== turn.incarnation || home.grant !== turn.grant;
  if (!isHome && !home.isLost) violate(world, 'a session got another agent for no reason');
  world.ghost.home = { incarnation: turn.incarnation, grant: turn.grant, agent: agent.id, isLost: false };
  const others = world.agents.some(({ id, state }) => id !== agent.id && state === 'busy');
  if (others || world.tools.some(({ agent: other }) => other !== agent.id))
    violate(world, 'two agents are active for a session');
  if (session?.grant === turn.grant && agent.memory.join() !== session.past.join())
    violate(world, 'the memory of an agent differs from the committed transcript');
}

/** One step of an agent, independent of its worker. */
export function stepAgent(world: World, agent: Agent): boolean {
  if (agent.state !== 'busy') return false;
  if (agent.isStopping) {
    world.tools = world.tools.filter((tool) => tool.agent !== agent.id);
    return finish(agent, 'stopped');
  }
  switch (agent.step) {
    case 0:
      say(agent);
      agent.step = usesTool(agent.turnId) ? 1 : 4;
      return true;
    case 1:
      agent.gate = world.rules.gate ? 'asked' : 'open';
      if (world.rules.gate) agent.out.push('gate');
      agent.step = 2;
      return true;
    case 2:
      if (agent.gate === 'asked') return false;
      if (agent.gate === 'open') {
        const { id, worker, incarnation, grant, turnId } = agent;
        world.tools.push({ agent: id, worker, incarnation, grant, turnId });
      }
      agent.step = agent.gate === 'open' && !inBackground(agent.turnId) ? 3 : 4;
      return true;
    case 3:
      if (world.tools.some((tool) => tool.agent === agent.id)) return false;
      agent.step = 4;
      return true;
    default:
      say(agent);
      return finish(agent, 'finished');
  }
}

function say(agent: Agent): void {
  const said = agent.memory.filter((line) => line.startsWith(`${agent.turnId}#${agent.attempt}.`)).length;
  const line = `${agent.turnId}#${agent.attempt}.${said}`;
  agent.memory.push(line);
  agent.out.push(line);
}

function finish(agent: Agent, how: 'finished' | 'stopped'): boolean {
  agent.out.push(how);
  agent.state = 'idle';
  return true;
}

/** A tool has its effect and ends. It does not need its agent for that. */
export function takeEffect(world: World, tool: Tool): void {
  world.tools = world.tools.filter((other) => other !== tool);
  const name = nameOf(tool.incarnation, tool.turnId);
  const count = (world.ghost.effects[name] ?? 0) + 1;
  world.ghost.effects[name] = count;
  if (world.ghost.lastRollback >= 0) return;
  if (count > 1 && !mayRetry(tool.turnId)) violate(world, 'an effect happened twice without a retry policy');
  const { session } = world.redis;
  if (!lives(world, tool.worker)) violate(world, "an effect happened after its owner's lease had ended");
  else if (session?.incarnation === tool.incarnation && session.grant !== tool.grant)
    violate(world, 'an effect happened after its owner had lost the session');
}

/** Ends an agent and everything it started, as its worker does. */
export function endAgent(world: World, id: string): void {
  const agent = agentOf(world, id);
  world.tools = world.tools.filter((tool) => tool.agent !== id);
  if (agent !== undefined) agent.state = 'dead';
}

/** An agent dies. What it started continues. */
export function crash(world: World, agent: Agent): void {
  agent.state = 'dead';
  noteLost(world, agent.id);
}

/** Records that the session needs another agent, because no worker ended this one. */
function noteLost({ ghost }: World, id: string): void {
  if (ghost.home.agent === id) ghost.home = { ...ghost.home, isLost: true };
}

/** Kills everything that carries the worker's mark. */
export function killMarked(world: World, worker: string): void {
  for (const agent of world.agents.filter((other) => other.worker === worker)) crash(world, agent);
  world.tools = world.tools.filter((tool) => tool.worker !== worker);
}

/** Whether the watchdog acts: the worker is dead, or was silent for too long. */
export function isSilent(world: World, worker: Worker): boolean {
  if (!world.rules.watchdog) return false;
  return worker.state === 'dead' || world.now - worker.beat >= leaseTtl - margin;
}
