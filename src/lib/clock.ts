/** Tells the time. An input of every service, so that a test or the demo data can say what time it is. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();

export const dayMs = 24 * 60 * 60 * 1000;
