import type { Route } from "./declaredRoutes.ts";
import type { Issuer } from "./issuer.ts";
import { type RouteRequest, routeRequest } from "./routeRequest.ts";
import { readSmokeTest, type SmokeTest, wrongAnswer } from "./smokeTest.ts";
import type { Stage } from "./stage.ts";
import { isGradual, readStrategies, type Strategy } from "./strategy.ts";
import { type Asking, pauseMs, statusOf } from "./visitors.ts";

/** A function of the stack. */
export interface StackFunction {
  /** Its folder in `functions/`. */
  readonly folder: string;
  readonly functionName: string;
  readonly smokeTest: SmokeTest;
  readonly strategy: Strategy;
}

/** The function that a team's story is about, and how it is asked. */
export interface ChosenFunction extends StackFunction {
  readonly asking: Asking;
  /** How often it can be asked one time after the other. */
  readonly requestsPerSecond: number;
  /** How it is asked, e.g. `GET /orders`, for claims. */
  readonly asked: string;
  /** Why it was chosen, and why it is asked so. */
  readonly why: string;
}

/**
 * The functions of a stack, in order of their folders' names.
 *
 * @throws {Error} when the smoke test of one is missing, or none.
 */
export async function functionsOf(stage: Stage): Promise<StackFunction[]> {
  const { functionNames } = stage.stack.outputs;
  const strategies = await readStrategies(stage);
  const functions = Object.entries(functionNames).map(async ([folder, functionName]) => {
    const strategy = strategies.get(folder);
    return strategy && { folder, functionName, strategy, smokeTest: await readSmokeTest(stage.copy, folder) };
  });
  const found = (await Promise.all(functions)).filter((each) => each !== undefined);
  return found.sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

/**
 * Chooses the function that shows most: one whose releases move traffic bit by bit and that a route can be asked for, else one whose releases
 * do, else any.
 *
 * @param functions One at least.
 * @param issuer Who issues the tokens that protected routes ask for.
 */
export async function chooseFunction(
  stage: Stage,
  functions: readonly [StackFunction, ...StackFunction[]],
  issuer: Issuer | undefined,
): Promise<ChosenFunction> {
  const gradual = functions.filter(({ strategy }) => isGradual(strategy));
  const [first = functions[0], ...others] = gradual.length > 0 ? gradual : functions;
  const movement = ({ strategy: { name } }: StackFunction): string =>
    gradual.length > 0 ? `${name} moves its traffic bit by bit` : "no function's traffic is moved bit by bit";
  const refusals: string[] = [];
  for (const fn of [first, ...others]) {
    for (const route of stage.routes.filter(({ functionName }) => functionName === fn.functionName)) {
      const asking = await askRoute(route, fn.smokeTest, issuer);
      if (typeof asking !== "string") {
        const why = `${movement(fn)}, and ${route.key} answers as its smoke test says`;
        return { ...fn, asking, requestsPerSecond: await measure(asking), asked: route.key, why };
      }
      refusals.push(...(fn === first ? [asking] : []));
    }
  }
  const asking = invocation(stage, first);
  const why = `${movement(first)}; it is invoked on its alias, as ${refusals.join(", ") || "it has no route"}`;
  return { ...first, asking, requestsPerSecond: await measure(asking), asked: `${first.folder}, invoked`, why };
}

/** How many requests a second are those of a visitor, and a few more. */
const neededPerSecond = Math.ceil(1200 / pauseMs);

/** How a route is asked for; why it cannot be, where it does not answer as the smoke test says. */
async function askRoute(
  { key, apiUrl, requestsPerSecond, jwt }: Route,
  { event, response }: SmokeTest,
  issuer: Issuer | undefined,
): Promise<Asking | string> {
  if (requestsPerSecond < neededPerSecond) {
    return `${key} takes ${requestsPerSecond} requests a second, and the rehearsal asks ${neededPerSecond} times`;
  }
  const request = routeRequest(key, event);
  if (typeof request === "string") {
    return request;
  }
  const [audience] = jwt?.audiences ?? [];
  if (jwt && (audience === undefined || jwt.issuer !== issuer?.url)) {
    return `${key} takes tokens of ${jwt.issuer}`;
  }
  const token = issuer && audience !== undefined ? await issuer.token(audience, request.claims) : undefined;
  const ask = asker(apiUrl, request, token);
  const expected = typeof response.statusCode === "number" ? response.statusCode : 200;
  const status = await ask();
  return status === expected
    ? { ask, expected, withoutToken: token === undefined ? undefined : asker(apiUrl, request) }
    : `${key} answers its smoke test's event with ${status || "nothing"} instead of ${expected}`;
}

function asker(apiUrl: string, { path, method, body, ...request }: RouteRequest, token?: string): Asking["ask"] {
  const others = Object.entries(request.headers).filter(([name]) => name.toLowerCase() !== "authorization");
  const headers =
    token === undefined ? request.headers : { ...Object.fromEntries(others), authorization: `Bearer ${token}` };
  return () => statusOf(`${apiUrl}${path}`, { method, headers, ...(body && { body }) });
}

/** A function without a route, as whoever calls its alias does. */
function invocation({ lambda }: Stage, { functionName, smokeTest }: StackFunction): Asking {
  const ask = (): Promise<number> =>
    wrongAnswer(lambda, functionName, smokeTest).then(
      (wrong) => (wrong === undefined ? 200 : 500),
      () => 0,
    );
  return { ask, expected: 200 };
}

/** How often somebody can ask, who waits for each answer; the first, which may have to wait for the function's start, does not count. */
async function measure({ ask }: Asking): Promise<number> {
  await ask();
  const times: number[] = [];
  for (let count = 0; count < 5; count++) {
    const began = performance.now();
    await ask();
    times.push(performance.now() - began);
  }
  const [, , median = 0] = times.sort((a, b) => a - b);
  return 1000 / (median + pauseMs);
}
