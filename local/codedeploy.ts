import { randomBytes } from "node:crypto";
import type { CreateDeploymentInput, DeploymentInfo } from "@aws-sdk/client-codedeploy";
import * as schemas from "@aws-sdk/client-codedeploy";
import { z } from "zod";
import { AwsError, type AwsService, operation } from "./awsEndpoint.ts";
import type { Lambda } from "./lambda/lambda.ts";

const allAtOnce = "CodeDeployDefault.LambdaAllAtOnce";

const version = z.string().regex(/^[1-9]\d*$/);
const appSpecSchema = z.strictObject({
  version: z.literal(0),
  Resources: z.tuple([
    z.record(
      z.string(),
      z.strictObject({
        Type: z.literal("AWS::Lambda::Function"),
        Properties: z.strictObject({
          name: z.string(),
          alias: z.string(),
          currentversion: version,
          targetversion: version,
        }),
      }),
    ),
  ]),
});

/** CodeDeploy for Lambda: moves an alias from one version to another. */
export class CodeDeploy {
  readonly #lambda: Lambda;
  readonly #groups = new Map<string, string>();
  readonly #deployments = new Map<string, DeploymentInfo>();

  constructor(lambda: Lambda) {
    this.#lambda = lambda;
  }

  createDeploymentGroup(application: string, name: string, config: string): void {
    this.#groups.set(`${application}/${name}`, config);
  }

  deleteDeploymentGroup(application: string, name: string): void {
    this.#groups.delete(`${application}/${name}`);
  }

  /** What the AWS endpoint serves of CodeDeploy. */
  get service(): AwsService {
    return {
      signingName: "codedeploy",
      schemas,
      operations: {
        CreateDeployment: operation<CreateDeploymentInput>(
          ["applicationName", "deploymentConfigName", "deploymentGroupName", "description", "revision"],
          (input) => ({ deploymentId: this.#create(input) }),
        ),
        GetDeployment: operation<{ deploymentId: string }>(["deploymentId"], ({ deploymentId }) => {
          const deploymentInfo = this.#deployments.get(deploymentId);
          if (!deploymentInfo) {
            throw new AwsError("DeploymentDoesNotExistException", `The deployment ${deploymentId} could not be found`);
          }
          return { deploymentInfo };
        }),
      },
    };
  }

  #create(input: CreateDeploymentInput): string {
    const group = `${input.applicationName}/${input.deploymentGroupName}`;
    const groupConfig = this.#groups.get(group);
    if (!groupConfig) {
      throw new AwsError("DeploymentGroupDoesNotExistException", `No Deployment Group found for name: ${group}`);
    }
    const { deploymentConfigName = groupConfig } = input;
    if (deploymentConfigName !== allAtOnce) {
      const message = `the local cloud shifts traffic by ${allAtOnce} only, not by ${deploymentConfigName}`;
      throw new AwsError("NotImplemented", message);
    }
    const shift = shiftOf(input);
    const deploymentId = `d-${randomBytes(5).toString("hex").slice(0, 9).toUpperCase()}`;
    const info: DeploymentInfo = {
      ...input,
      deploymentConfigName,
      deploymentId,
      status: "Created",
      createTime: new Date(),
      computePlatform: "Lambda",
    };
    this.#deployments.set(deploymentId, info);
    setImmediate(() => this.#run(info, shift));
    return deploymentId;
  }

  #run(info: DeploymentInfo, { name, alias, currentversion, targetversion }: Shift): void {
    try {
      const { FunctionVersion: from } = this.#lambda.getAlias(name, alias);
      if (from !== currentversion) {
        throw new Error(`the alias ${alias} refers to version ${from}, the AppSpec file to version ${currentversion}`);
      }
      this.#lambda.putAlias(name, alias, targetversion);
      info.status = "Succeeded";
    } catch (error) {
      info.status = "Failed";
      info.errorInformation = { code: "INVALID_LAMBDA_CONFIGURATION", message: String(error) };
    }
    info.completeTime = new Date();
  }
}

type Shift = z.infer<typeof appSpecSchema>["Resources"][0][string]["Properties"];

function shiftOf({ revision }: CreateDeploymentInput): Shift {
  try {
    const appSpec = appSpecSchema.parse(
      JSON.parse(revision?.appSpecContent?.content ?? "the AppSpecContent is missing"),
    );
    const [resource] = Object.values(appSpec.Resources[0]);
    if (revision?.revisionType === "AppSpecContent" && resource) {
      return resource.Properties;
    }
    throw new Error("it is not of type AppSpecContent, or names no function");
  } catch (error) {
    throw new AwsError("InvalidRevisionException", `the local cloud does not take the revision: ${error}`);
  }
}
