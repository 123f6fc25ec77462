import type { PermissionAnswer, PermissionRequest, Session } from '@hearth/producer';
import { describeError, toErrorBody } from '@hearth/shared';
import type { Keyboard } from './keyboard.js';
import { type Output, style } from './output.js';
import { answerFrom, choicesOf, type Question, questionsOf, replyFrom } from './permission-question.js';

/** Asks a person about permission requests, one at a time, while the turn continues. Owns the open questions. */
export class PermissionDialog {
  private readonly open = new Map<string, AbortController>();
  private turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly session: Session,
    private readonly keyboard: Keyboard,
    private readonly out: Output,
  ) {}

  ask(request: PermissionRequest): void {
    const takenBack = new AbortController();
    this.open.set(request.requestId, takenBack);
    this.turn = this.turn.then(() => this.settle(request, takenBack.signal));
  }

  /** The request was answered elsewhere, or is void. */
  takeBack(requestId: string): void {
    this.open.get(requestId)?.abort();
    this.open.delete(requestId);
  }

  /** The turn is over, so its questions are void. */
  takeBackAll(): void {
    for (const requestId of this.open.keys()) this.takeBack(requestId);
  }

  private async settle(request: PermissionRequest, takenBack: AbortSignal): Promise<void> {
    try {
      const answer = await this.answerOf(request, takenBack);
      if (answer !== undefined) await this.session.answer(request.requestId, answer);
    } catch (error) {
      this.out.note(style.yellow(describeError(toErrorBody(error))));
    }
  }

  private answerOf(request: PermissionRequest, takenBack: AbortSignal): Promise<PermissionAnswer | undefined> {
    const questions = questionsOf(request);
    const understand = questions.length === 0 ? this.decision(request) : this.replies(request, questions);
    return this.keyboard.ask(understand, takenBack);
  }

  private decision(request: PermissionRequest): (line: string) => PermissionAnswer | undefined {
    this.say(choicesOf(request));
    return (line) => {
      const answer = answerFrom(line, request);
      if (answer === undefined) this.say(choicesOf(request));
      return answer;
    };
  }

  /** Asks one question after the other. The last reply completes the answer. */
  private replies(
    request: PermissionRequest,
    questions: readonly Question[],
  ): (line: string) => PermissionAnswer | undefined {
    const open = [...questions];
    const answers: Record<string, string> = {};
    const askNext = (): void => this.say(`${open[0]?.question} (a number, or your own words)`);
    askNext();
    return (line) => {
      const [question] = open;
      const reply = question === undefined ? undefined : replyFrom(line, question);
      if (question !== undefined && reply !== undefined) {
        answers[question.question] = reply;
        open.shift();
      }
      if (open.length === 0) return { decision: 'allow', input: { ...(request.input as object), answers } };
      askNext();
      return undefined;
    };
  }

  private say(words: string): void {
    this.out.note(style.yellow(words));
  }
}
