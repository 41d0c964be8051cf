export { Parking, type ParkingLimits } from './parking.js';
export { fulfilInput } from './fulfil-input.js';
