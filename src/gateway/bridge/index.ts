export { fulfilInput } from './fulfil-input.js';
