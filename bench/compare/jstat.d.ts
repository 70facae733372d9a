// The package has no types. These are the types of the functions used here.
declare module "jstat" {
  const jstat: {
    readonly studentt: {
      /** Returns the quantile `p` of Student's t distribution with `degreesOfFreedom`. */
      inv(p: number, degreesOfFreedom: number): number;
    };
  };
  export default jstat;
}
