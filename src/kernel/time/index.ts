export { backoff, type Backoff, type BackoffOptions } from './backoff.js';
export { systemClock, type Clock, type Timer, type TimerOptions } from './clock.js';
export { withDeadline } from './deadline.js';
export { fakeClock, type FakeClock } from './fake-clock.js';
