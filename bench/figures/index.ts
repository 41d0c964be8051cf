import type { Figure } from '../harness/figure.js';
import { admissionFigures } from './admission.js';
import { gatewayFigures } from './gateway.js';
import { installFigures } from './install.js';
import { largeFigures } from './large.js';
import { listFigures } from './lists.js';
import { memoryFigures } from './memory.js';
import { runtimeFigures } from './runtime.js';
import { startFigures } from './start.js';

/** All figures in the order in which they are measured. */
export const figures: readonly Figure[] = [
  ...runtimeFigures,
  ...gatewayFigures,
  ...admissionFigures,
  ...largeFigures,
  ...listFigures,
  ...memoryFigures,
  ...startFigures,
  ...installFigures,
];
