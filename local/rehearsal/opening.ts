import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Project } from "../program/project.ts";
import { type ChosenFunction, chooseFunction, functionsOf, type StackFunction } from "./chosenFunction.ts";
import { handler, handlerTest } from "./developer.ts";
import { type Issuer, startIssuer } from "./issuer.ts";
import type { Step } from "./scene.ts";
import { asksForTokens, type Stage, setStage } from "./stage.ts";
import { readStrategies, timeScaleFor, usualTimeScale } from "./strategy.ts";
import { teamStory, theStackExists } from "./teamStory.ts";
import { tutorialStory } from "./tutorialStory.ts";
import { type Asking, asking } from "./visitors.ts";

/** How a rehearsal begins. */
export interface Opening {
  readonly stage: Stage;
  readonly story: readonly Step[];
  /** Which story it is and why, and what was chosen for it. */
  readonly introduction: string;
  /** The folder of the function that it is about; empty where there is none. */
  readonly folder: string;
  /** What somebody asks for all the while; undefined where there is nothing. */
  readonly asking: Asking | undefined;
  close(): Promise<void>;
}

/** The sample's function. */
const sampleFolder = "hello-user";
const sampleFiles = [handler, `functions/${sampleFolder}/smoke.json`, handlerTest];

/**
 * Sets the stage for the story that fits the project: the tutorial's as long as it has the sample's function, untouched and in its place, else
 * that of a team's own pipeline.
 *
 * @param checkout Is only read.
 * @param directory An empty folder.
 */
export async function open(checkout: Project, directory: string): Promise<Opening> {
  const changed = await changedInSample(checkout.root);
  return changed === undefined ? openTutorial(checkout, directory) : openTeams(checkout, directory, changed);
}

/** What the project has done to the sample's function; undefined for nothing. */
async function changedInSample(root: string): Promise<string | undefined> {
  for (const file of sampleFiles) {
    const [own, sample] = await Promise.all(
      [file, `sample/${file}`].map((path) => readFile(join(root, path)).catch(() => undefined)),
    );
    if (!sample) {
      return `there is no sample/${file}`;
    }
    if (!own?.equals(sample)) {
      return `${file} is not the sample's`;
    }
  }
  return undefined;
}

async function openTutorial(checkout: Project, directory: string): Promise<Opening> {
  const stage = await setStage(checkout, join(directory, "tutorial"), {
    timeScale: usualTimeScale,
    isTutorial: true,
  });
  const { cloud, outputs } = stage.stack;
  const missing = await missingForTutorial(stage);
  if (missing !== undefined) {
    await cloud.close();
    return openTeams(checkout, directory, missing);
  }
  return {
    stage,
    story: tutorialStory,
    introduction: `Rehearsing the tutorial's story, as functions/${sampleFolder} is the sample's, and GET /hello_user asks for no token.`,
    folder: sampleFolder,
    asking: asking(`${outputs.apiUrl}/hello_user?user=visitor`),
    close: () => cloud.close(),
  };
}

/** What the tutorial's story needs and the stack has not; undefined for nothing. */
async function missingForTutorial(stage: Stage): Promise<string | undefined> {
  const { apiUrl, functionNames, pullRequestProject } = stage.stack.outputs;
  const isOpen = stage.routes.some(
    (route) =>
      route.key === "GET /hello_user" &&
      route.functionName === functionNames[sampleFolder] &&
      route.apiUrl === apiUrl &&
      route.jwt === undefined,
  );
  const strategy = (await readStrategies(stage)).get(sampleFolder)?.name;
  return !isOpen
    ? "GET /hello_user is not the sample's open route"
    : strategy !== "canary10Percent5Minutes"
      ? `${sampleFolder} is released by ${strategy}`
      : pullRequestProject === undefined
        ? "pull requests are not built"
        : undefined;
}

async function openTeams(checkout: Project, directory: string, because: string): Promise<Opening> {
  const issuer = asksForTokens(checkout) ? await startIssuer() : undefined;
  const set = (name: string, timeScale: number): Promise<TeamsStage> =>
    setTeamsStage(checkout, join(directory, name), timeScale, issuer);
  try {
    let { stage, functions, chosen } = await set("team", usualTimeScale);
    const timeScale = chosen ? timeScaleFor(chosen.strategy, chosen.requestsPerSecond) : usualTimeScale;
    if (timeScale !== usualTimeScale) {
      // A clock's pace cannot be changed.
      await stage.stack.cloud.close();
      ({ stage, functions, chosen } = await set("team-again", timeScale));
    }
    const whose = `Rehearsing this project's own pipeline, as ${because}`;
    return {
      stage,
      story: chosen ? teamStory(chosen, functions) : [theStackExists([])],
      introduction: chosen
        ? `${whose}: with functions/${chosen.folder}, ${ofWhich(functions)}, because ${chosen.why}.`
        : `${whose}.`,
      folder: chosen?.folder ?? "",
      asking: chosen?.asking,
      async close() {
        await stage.stack.cloud.close();
        await issuer?.close();
      },
    };
  } catch (error) {
    await issuer?.close();
    throw error;
  }
}

/** A stage, and what a team's story is about. */
interface TeamsStage {
  readonly stage: Stage;
  readonly functions: readonly StackFunction[];
  readonly chosen: ChosenFunction | undefined;
}

async function setTeamsStage(
  checkout: Project,
  directory: string,
  timeScale: number,
  issuer: Issuer | undefined,
): Promise<TeamsStage> {
  const stage = await setStage(checkout, directory, { timeScale, issuer });
  try {
    const functions = await functionsOf(stage);
    const [first, ...others] = functions;
    const chosen = first && (await chooseFunction(stage, [first, ...others], issuer));
    return { stage, functions, chosen };
  } catch (error) {
    await stage.stack.cloud.close();
    throw error;
  }
}

function ofWhich(functions: readonly StackFunction[]): string {
  const folders = functions.map(({ folder }) => folder);
  const more = folders.length - 5;
  return folders.length === 1
    ? "the only function"
    : `of ${folders.length} functions (${folders.slice(0, 5).join(", ")}${more > 0 ? ` and ${more} more` : ""})`;
}
