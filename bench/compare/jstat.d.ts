// The package has no types. These are for the parts used here.
declare module "jstat" {
  const jstat: {
    readonly studentt: {
      /** The value that Student's t of so many degrees of freedom stays below with the probability `p`. */
      inv(p: number, degreesOfFreedom: number): number;
    };
  };
  export default jstat;
}
