// The generator process: takes one job at a time over its IPC channel and answers with what it saw.
import type { GeneratorMessage, LoadJob } from './job.js';
import { LoadRun } from './run.js';

function tell(message: GeneratorMessage): void {
  process.send?.(message);
}

process.on('message', (job: LoadJob) => {
  const run = new LoadRun(job, {
    measuring: () => {
      tell({ kind: 'measuring' });
    },
    measured: () => {
      tell({ kind: 'measured' });
    },
  });
  void run.result.then((result) => {
    tell({ kind: 'done', result });
  });
});
process.on('disconnect', () => {
  process.exit(0);
});
