import type { LocalCloud } from "../cloud.ts";
import type { Build } from "../services/codebuild/build.ts";

/**
 * Writes a line about a build when a phase of it ends, and when it does itself, about each commit status as GitHub shows it, about what
 * deployments do with the traffic, and about each notification, and each that is lost.
 */
export function showBuilds(
  { codebuild, codedeploy, github, sns }: LocalCloud,
  write: (line: string, build?: Build) => void,
): void {
  // Whoever read the lines may be gone, as after `| head`; the local cloud goes on.
  process.stdout.on("error", () => {});
  github.on("status", ({ sha, state, context, description }) => {
    write(`commit ${sha.slice(0, 7)}: ${state}, ${context}: ${description}`);
  });
  codedeploy.on("traffic", ({ deploymentGroupName }, version, percent) => {
    write(`deployment of ${deploymentGroupName}: version ${version} gets ${percent} % of the traffic`);
  });
  codedeploy.on("deployment", ({ deploymentGroupName, status, errorInformation }) => {
    if (errorInformation) {
      write(`deployment of ${deploymentGroupName}: ${status}, ${errorInformation.code}, ${errorInformation.message}`);
    }
  });
  sns.on("notification", ({ endpoint, subject, message, outcome }) => {
    write(`notification for ${endpoint}, ${outcome}: ${subject ?? message}`);
  });
  sns.on("refused", (topicArn, service) => {
    write(`a message of ${service} is lost: the policy of ${topicArn} does not let it publish`);
  });
  codebuild.on("build", (build) => {
    const { sourceVersion, status, phases, tests, endTime } = build;
    // Each project numbers its own builds.
    const name = `${sourceVersion.startsWith("pr/") ? `${sourceVersion}, ` : ""}build ${build.number}`;
    const phase = phases.at(-1);
    if (endTime) {
      const failed = tests.filter((test) => test.status === "FAILED").map(({ name }) => `; failed test: ${name}`);
      write(`${name}: ${status}${failed.join("")}`, build);
    } else if (phase && phase.status !== "IN_PROGRESS") {
      write(`${name}: ${phase.type} ${phase.status}${phase.message ? `, ${phase.message}` : ""}`, build);
    }
  });
}

/** Resolves when the user stops the program: Ctrl-C, a closed terminal, or a kill. */
export function interruption(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, resolve);
    }
  });
}
