/**
 * Door 3, `seaworthy/testing`: a module under test, in process, with a clock that the test moves and a client that the
 * test plays.
 */
export { testModule, testPrincipal } from '#gateway/modules/index.js';
export type { TestCallOptions, TestModule, TestModuleOptions } from '#gateway/modules/index.js';
export { fakeClock, type FakeClock } from '#kernel/time/index.js';
