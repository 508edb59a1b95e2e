/** Where builds run, as CodeBuild's environment names it. */
export interface BuildCompute {
  readonly type: "LINUX_CONTAINER" | "ARM_CONTAINER" | "LINUX_LAMBDA_CONTAINER" | "ARM_LAMBDA_CONTAINER";
  readonly computeType: string;
  readonly image: string;
}

/**
 * Where builds run, by the setting's value: the smallest compute of each kind, with an image of CodeBuild's that has Node.js 24.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html
 */
export const buildComputes = {
  x86: {
    type: "LINUX_CONTAINER",
    computeType: "BUILD_GENERAL1_SMALL",
    image: "aws/codebuild/amazonlinux-x86_64-standard:6.0",
  },
  arm: {
    type: "ARM_CONTAINER",
    computeType: "BUILD_GENERAL1_SMALL",
    image: "aws/codebuild/amazonlinux-aarch64-standard:4.0",
  },
  x86Lambda: {
    type: "LINUX_LAMBDA_CONTAINER",
    computeType: "BUILD_LAMBDA_1GB",
    image: "aws/codebuild/amazonlinux-x86_64-lambda-standard:nodejs24",
  },
  armLambda: {
    type: "ARM_LAMBDA_CONTAINER",
    computeType: "BUILD_LAMBDA_1GB",
    image: "aws/codebuild/amazonlinux-aarch64-lambda-standard:nodejs24",
  },
} as const satisfies Record<string, BuildCompute>;

/** After how many minutes Lambda compute stops a build; it takes no timeout. */
export const lambdaComputeMinutes = 15;

/** Whether the compute is Lambda's. */
export function isLambdaCompute({ type }: BuildCompute): boolean {
  return type.includes("LAMBDA");
}

/** The container of a compute's architecture, for builds that need more than the smallest Lambda compute has: memory, and time. */
export function containerOf({ type }: BuildCompute): BuildCompute {
  return type.startsWith("ARM_") ? buildComputes.arm : buildComputes.x86;
}
