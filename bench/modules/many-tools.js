import { echoModule } from './echo-tools.js';

export default echoModule('many-tools', 500);
