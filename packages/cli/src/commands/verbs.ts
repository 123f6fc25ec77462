import type { Command, Option } from 'commander';
import { cancel } from './cancel.js';
import type { CommonOptions, Context } from './context.js';
import { type InterruptCommandOptions, interrupt } from './interrupt.js';
import { type AnswerOptions, answer, permissions } from './permissions.js';
import { type WarmCommandOptions, warm } from './warm.js';

type Run = <O extends CommonOptions>(options: O, command: (context: Context) => Promise<number>) => Promise<void>;

/** Adds the commands that act on a session, besides prompts. */
export function addVerbs(program: Command, common: readonly Option[], run: Run): void {
  const verb = (usage: string, description: string): Command =>
    common.reduce((command, option) => command.addOption(option), program.command(usage).description(description));

  verb('interrupt <session>', 'stop the running turn, or the next one; its agent lives on')
    .option('--turn-id <id>', 'that turn alone')
    .action((session: string, options: InterruptCommandOptions) =>
      run(options, (context) => interrupt(session, options, context)),
    );

  verb('cancel <session> <turnId>', 'cancel a waiting turn').action(
    (session: string, turnId: string, options: CommonOptions) =>
      run(options, (context) => cancel(session, turnId, options, context)),
  );

  verb('warm <session>', 'start the agent of a session before its next prompt')
    .option('--profile <name>', 'the profile of a new session')
    .action((session: string, options: WarmCommandOptions) =>
      run(options, (context) => warm(session, options, context)),
    );

  verb('permissions <session>', 'list permission requests that wait for an answer').action(
    (session: string, options: CommonOptions) => run(options, (context) => permissions(session, options, context)),
  );

  verb('answer <session> <requestId>', 'answer a permission request; the first answer counts')
    .option('--allow', 'the tool may run')
    .option('--input <json>', 'with --allow: the input the tool gets instead of its own')
    .option('--suggestion <n...>', 'with --allow: suggestions of the request that apply from now on, by number from 0')
    .option('--deny', 'the tool must not run')
    .option('--message <text>', 'with --deny: the message for Claude')
    .option('--end-turn', 'with --deny: end the turn too')
    .action((session: string, requestId: string, options: AnswerOptions) =>
      run(options, (context) => answer(session, requestId, options, context)),
    );
}
