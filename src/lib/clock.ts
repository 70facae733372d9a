/** Returns the current time. Services take it as an input, so that tests and the demo data can set the time. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();

export const dayMs = 24 * 60 * 60 * 1000;
