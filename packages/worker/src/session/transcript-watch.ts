/** Knows which entries the mirrored transcript contains, and waits for one. */
export class TranscriptWatch {
  private readonly seen = new Set<string>();
  private waiter: { entryId: string; resolve: () => void } | undefined;

  clear(): void {
    this.seen.clear();
  }

  noteEntries(entryIds: readonly string[]): void {
    for (const entryId of entryIds) {
      this.seen.add(entryId);
      if (this.waiter?.entryId === entryId) this.waiter.resolve();
    }
  }

  /** True once the transcript contains the entry. False when it does not within `boundMs`. Forgets the entries it has seen. */
  async contains(entryId: string | undefined, boundMs: number): Promise<boolean> {
    let found = entryId === undefined || this.seen.has(entryId);
    if (!found && entryId !== undefined) {
      let timer: NodeJS.Timeout | undefined;
      found = await new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), boundMs);
        this.waiter = { entryId, resolve: () => resolve(true) };
      });
      clearTimeout(timer);
      this.waiter = undefined;
    }
    this.seen.clear();
    return found;
  }
}
