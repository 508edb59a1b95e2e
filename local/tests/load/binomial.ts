/**
 * The exact two-sided binomial test: how likely it is that of `trials`, each a success with `probability`, as many succeed as `successes`, or
 * any number that is no more likely than that. From 0 to 1.
 *
 * @param probability More than 0 and less than 1.
 * @see https://en.wikipedia.org/wiki/Binomial_test
 */
export function binomialTest(successes: number, trials: number, probability: number): number {
  const odds = Math.log(probability) - Math.log1p(-probability);
  // The logarithm of each number's likelihood, from that of the number before it: factorials would overflow.
  const likelihoods = [trials * Math.log1p(-probability)];
  for (let count = 1; count <= trials; count++) {
    likelihoods.push((likelihoods[count - 1] ?? 0) + Math.log((trials - count + 1) / count) + odds);
  }
  // Numbers that are as likely by symmetry differ by rounding.
  const observed = (likelihoods[successes] ?? Number.NEGATIVE_INFINITY) + 1e-7;
  const extreme = likelihoods.filter((likelihood) => likelihood <= observed);
  return Math.min(
    1,
    extreme.reduce((sum, likelihood) => sum + Math.exp(likelihood), 0),
  );
}
