import { echoModule } from './echo-tools.js';

export default echoModule('one-tool', 1);
