/** The text of an answer that goes on: what has arrived so far, and the way to stop reading. */
export function streamText({ body }: Response): { text(): string; stop(): Promise<void> } {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const read = async (): Promise<void> => {
    const { done, value } = (await reader?.read()) ?? { done: true, value: '' };
    text += value ?? '';
    if (!done) await read();
  };
  const reading = read().catch(() => undefined);
  return {
    text: () => text,
    stop: async () => {
      await reader?.cancel();
      await reading;
    },
  };
}
