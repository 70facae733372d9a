/** Instants between bounds; a bound that is absent bounds nothing. */
export interface InstantRange {
  readonly gt?: Date | null | undefined;
  readonly gte?: Date | null | undefined;
  readonly lt?: Date | null | undefined;
  readonly lte?: Date | null | undefined;
}
