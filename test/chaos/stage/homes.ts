interface Tenant {
  home: string;
  /** The name of its incarnation; empty before it serves. */
  workerId: string;
  /** Whoever comes next with its home has to end what it leaves. */
  owesHome: boolean;
}

/** Workers whose agents nobody has had to end so far, in the order they started: once one with that home serves, nothing of them is left. */
export const stillOwed = (workers: readonly Tenant[]): string[] =>
  workers.flatMap(({ home, workerId, owesHome }, at) => {
    const hasHeir = workers.slice(at + 1).some((heir) => heir.home === home && heir.workerId !== '');
    return owesHome && workerId !== '' && !hasHeir ? [workerId] : [];
  });
