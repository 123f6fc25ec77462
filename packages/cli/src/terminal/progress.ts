import ora from 'ora';

/** Runs long work under a spinner on stderr. `say` changes its text. */
export async function withProgress<T>(
  text: string,
  work: (say: (text: string) => void) => Promise<T>,
  done?: (result: T) => string,
): Promise<T> {
  const spinner = ora({ text, stream: process.stderr, discardStdin: false }).start();
  try {
    const result = await work((words) => {
      spinner.text = words;
    });
    spinner.succeed(done?.(result) ?? text);
    return result;
  } catch (error) {
    spinner.fail(text);
    throw error;
  }
}
