import { type Scenario } from '../dimensions.js';
import { endings } from './endings.js';
import { notifications } from './notifications.js';
import { type Plays } from './play.js';
import { questions } from './questions.js';
import { requests } from './requests.js';

export const plays: Plays<Scenario> = { ...requests, ...notifications, ...questions, ...endings };
export { type Stage } from './play.js';
