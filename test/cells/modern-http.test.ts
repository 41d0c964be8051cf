import { testCells } from './test-cells.js';

testCells({ family: 'modern', transport: 'http' });
