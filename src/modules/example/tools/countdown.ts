import { z } from 'zod';
import { tool } from '#gateway/modules/index.js';

/** Shows progress and cancellation: `call.sleep` ends the tool when the client cancels. */
export const countdown = tool({
  name: 'countdown',
  title: 'Count down',
  description: 'Counts down to zero, one step each `intervalMs`, with progress. Can be cancelled.',
  input: z.object({
    from: z.int().min(1).max(60).describe('Steps'),
    intervalMs: z.int().min(0).max(1000).default(1000).describe('Milliseconds between steps'),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  scopes: ['example:use'],
  async run({ from, intervalMs }, call) {
    for (let done = 1; done <= from; done++) {
      await call.sleep(intervalMs);
      call.progress(done, from, `${from - done} to go`);
    }
    return 'Lift-off.';
  },
});
