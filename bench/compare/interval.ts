import jstat from "jstat";

/** A mean and its 95 % confidence interval. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Returns the geometric mean of ratios and its interval by Student's t on their logarithms. The interval of fewer than
 * two ratios is infinite.
 */
export function intervalOfRatios(ratios: readonly number[]): Interval {
  const logarithms = ratios.map(Math.log);
  const count = logarithms.length;
  const mean = logarithms.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean: Math.exp(mean), low: 0, high: Number.POSITIVE_INFINITY };
  const variance = logarithms.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const halfWidth = jstat.studentt.inv(0.975, count - 1) * Math.sqrt(variance / count);
  return { mean: Math.exp(mean), low: Math.exp(mean - halfWidth), high: Math.exp(mean + halfWidth) };
}
