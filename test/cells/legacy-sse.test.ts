import { testCells } from './test-cells.js';

testCells({ family: 'legacy', transport: 'sse' });
