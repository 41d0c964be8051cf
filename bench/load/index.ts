export { LoadGenerator } from './driver.js';
export { idPlaceholder, type Expectation, type LoadJob, type LoadResult } from './job.js';
