import type { Logger } from '#kernel/telemetry/index.js';
import { GroupWatchdog } from './group-watchdog.js';

/** One for the process: groups that must not outlive it, whichever gateway started them. */
const watchdog = new GroupWatchdog();

/** Call before a group is started. */
export function expectGroup(logger: Logger): void {
  if (!process.listeners('exit').includes(killGroups)) process.on('exit', killGroups);
  watchdog.start(logger);
}

/** The group ends with this process from now on. */
export const trackGroup = (group: number): void => watchdog.add(group);

/** The group has ended. */
export const forgetGroup = (group: number): void => watchdog.delete(group);

/** Sends a signal to every process of the group; one that has ended by itself is fine. */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (thrown) {
    // ESRCH, and EPERM where only zombies are left: the group has ended by itself, which is what was wanted.
    const { code } = thrown as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw thrown;
  }
}

/** An exit that skips the orderly stop (an exception, process.exit) still leaves time for one signal. */
function killGroups(): void {
  for (const group of watchdog.groups) signalGroup(group, 'SIGKILL');
}
