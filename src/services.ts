/**
 * The services by the names of their features. Every API calls these and nothing below them. Each feature adds its own
 * service to this interface where it defines the service, so that nothing imports all features just to name their type.
 */
export interface Services {}
