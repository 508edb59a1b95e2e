import type { UpdateAliasRequest } from "@aws-sdk/client-lambda";
import * as schemas from "@aws-sdk/client-lambda";
import { arn } from "../../aws/account.ts";
import { AwsError, type AwsService, operation } from "../../aws/awsEndpoint.ts";
import type { Lambda } from "./lambda.ts";
import { latest } from "./versions.ts";

type Named = { readonly FunctionName: string };
type Qualified = Named & { readonly Qualifier?: string };
type Alias = Named & { readonly Name: string };

/**
 * The operations of Lambda that the local cloud answers.
 *
 * @param deniesDeletion Whether no caller may delete a version.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
 */
export function lambdaOperations(lambda: Lambda, deniesDeletion: boolean): AwsService {
  const configurationOf = ({ FunctionName, Qualifier = latest }: Qualified) => lambda.resolve(FunctionName, Qualifier);
  return {
    signingName: "lambda",
    schemas,
    operations: {
      DeleteFunction: operation<Qualified>(["FunctionName", "Qualifier"], async ({ FunctionName, Qualifier }) => {
        if (deniesDeletion) {
          const functionArn = arn("lambda", `function:${FunctionName}`);
          throw new AwsError(
            "AccessDeniedException",
            `the caller is not authorized to perform: lambda:DeleteFunction on resource: ${functionArn} because no identity-based policy allows the lambda:DeleteFunction action`,
          );
        }
        await lambda.deleteVersion(FunctionName, Qualifier);
        return {};
      }),
      GetAlias: operation<Alias>(["FunctionName", "Name"], ({ FunctionName, Name }) =>
        lambda.getAlias(FunctionName, Name),
      ),
      GetFunction: operation<Qualified>(["FunctionName", "Qualifier"], (input) => ({
        Configuration: configurationOf(input),
      })),
      GetFunctionConfiguration: operation<Qualified>(["FunctionName", "Qualifier"], configurationOf),
      Invoke: operation<Qualified & { readonly Payload: Uint8Array }>(
        ["FunctionName", "Qualifier", "Payload"],
        async ({ FunctionName, Qualifier = latest, Payload }) => {
          const event = Buffer.from(Payload).toString() || "{}";
          const { payload, error } = await lambda.invoke(FunctionName, Qualifier, event);
          return { FunctionError: error, Payload: Buffer.from(payload) };
        },
      ),
      ListAliases: operation<Named>(["FunctionName"], ({ FunctionName }) => ({
        Aliases: lambda.aliasesOf(FunctionName),
      })),
      ListVersionsByFunction: operation<Named>(["FunctionName"], ({ FunctionName }) => ({
        Versions: lambda.versionsOf(FunctionName),
      })),
      PublishVersion: operation<Named & { readonly CodeSha256?: string; readonly Description?: string }>(
        ["FunctionName", "CodeSha256", "Description"],
        ({ FunctionName, CodeSha256, Description = "" }) =>
          lambda.publishVersion(FunctionName, Description, CodeSha256),
      ),
      UpdateAlias: operation<Alias & UpdateAliasRequest>(
        ["FunctionName", "Name", "Description", "RevisionId", "RoutingConfig"],
        ({ FunctionName, Name, ...changes }) => lambda.updateAlias(FunctionName, Name, changes),
      ),
      UpdateFunctionCode: operation<Named & { readonly ZipFile: Uint8Array; readonly RevisionId?: string }>(
        ["FunctionName", "ZipFile", "RevisionId"],
        ({ FunctionName, ZipFile, RevisionId }) => lambda.updateFunctionCode(FunctionName, ZipFile, RevisionId),
      ),
    },
  };
}
