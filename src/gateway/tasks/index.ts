export { knowsTasks, requireTasks, TaskCalls, type Run } from './task-calls.js';
export { shownNotification } from './relay.js';
export { TaskTokens, type TaskRef } from './task-tokens.js';
