import { z } from 'zod';
import { namePattern } from '../store.js';

/** The one argument that the tools share. */
export const fileName = z.string().regex(namePattern).describe('Name of the file, without directories');
