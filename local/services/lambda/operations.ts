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
 * @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
 */
export function lambdaOperations(lambda: Lambda, deniesDeletion: boolean): AwsService {
  const configurationOf = ({ FunctionName, Qualifier = latest }: Qualified) => lambda.resolve(FunctionName, Qualifier);
  return {
    signingName: "lambda",
    schemas,
    operations: {
      DeleteFunction: operation<Qualified>(
        ["FunctionName", "Qualifier"],
        functionArn,
        async ({ FunctionName, Qualifier }) => {
          if (deniesDeletion) {
            const [resource] = functionArn({ FunctionName });
            throw new AwsError(
              "AccessDeniedException",
              `the caller is not authorized to perform: lambda:DeleteFunction on resource: ${resource} because no identity-based policy allows the lambda:DeleteFunction action`,
            );
          }
          await lambda.deleteVersion(FunctionName, Qualifier);
          return {};
        },
      ),
      GetAlias: operation<Alias>(["FunctionName", "Name"], functionArn, ({ FunctionName, Name }) =>
        lambda.getAlias(FunctionName, Name),
      ),
      GetFunction: operation<Qualified>(["FunctionName", "Qualifier"], functionArn, (input) => ({
        Configuration: configurationOf(input),
      })),
      GetFunctionConfiguration: operation<Qualified>(["FunctionName", "Qualifier"], functionArn, configurationOf),
      Invoke: operation<Qualified & { readonly Payload: Uint8Array }>(
        ["FunctionName", "Qualifier", "Payload"],
        // Of all that name a version or an alias, the only one that is on that.
        ({ FunctionName, Qualifier }) =>
          functionArn({ FunctionName: Qualifier === undefined ? FunctionName : `${FunctionName}:${Qualifier}` }),
        async ({ FunctionName, Qualifier = latest, Payload }) => {
          const event = Buffer.from(Payload).toString() || "{}";
          const { payload, error } = await lambda.invoke(FunctionName, Qualifier, event);
          return { FunctionError: error, Payload: Buffer.from(payload) };
        },
      ),
      ListAliases: operation<Named>(["FunctionName"], functionArn, ({ FunctionName }) => ({
        Aliases: lambda.aliasesOf(FunctionName),
      })),
      ListVersionsByFunction: operation<Named>(["FunctionName"], functionArn, ({ FunctionName }) => ({
        Versions: lambda.versionsOf(FunctionName),
      })),
      PublishVersion: operation<Named & { readonly CodeSha256?: string; readonly Description?: string }>(
        ["FunctionName", "CodeSha256", "Description"],
        functionArn,
        ({ FunctionName, CodeSha256, Description = "" }) =>
          lambda.publishVersion(FunctionName, Description, CodeSha256),
      ),
      UpdateAlias: operation<Alias & UpdateAliasRequest>(
        ["FunctionName", "Name", "Description", "RevisionId", "RoutingConfig"],
        functionArn,
        ({ FunctionName, Name, ...changes }) => lambda.updateAlias(FunctionName, Name, changes),
      ),
      UpdateFunctionCode: operation<Named & { readonly ZipFile: Uint8Array; readonly RevisionId?: string }>(
        ["FunctionName", "ZipFile", "RevisionId"],
        functionArn,
        ({ FunctionName, ZipFile, RevisionId }) => lambda.updateFunctionCode(FunctionName, ZipFile, RevisionId),
      ),
    },
  };
}

function functionArn({ FunctionName }: Named): [arn: string] {
  return [arn("lambda", `function:${FunctionName}`)];
}
