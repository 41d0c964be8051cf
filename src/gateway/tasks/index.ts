export { knowsTasks, requireTasks, TaskCalls } from './task-calls.js';
export { TaskTokens, type TaskRef } from './task-tokens.js';
