import type { CreateDeploymentInput } from "@aws-sdk/client-codedeploy";
import { z } from "zod";
import { AwsError } from "../../aws/awsEndpoint.ts";

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

/** What an AppSpec file asks for: the alias of a function to move, from which version to which. */
export type Shift = z.infer<typeof appSpecSchema>["Resources"][0][string]["Properties"];

/**
 * Reads the AppSpec file of a deployment.
 *
 * @throws {AwsError} for a revision of another type, and for what the local cloud does not know in it.
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html
 */
export function shiftOf({ revision }: CreateDeploymentInput): Shift {
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
