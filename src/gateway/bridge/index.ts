export { Parking, type ParkingLimits } from './parking.js';
export { askClient, firstUnanswerable, fulfilInput, pause, unanswerable } from './fulfil-input.js';
