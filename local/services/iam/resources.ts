import { array, literal, looseObject, string, unknown } from "zod";
import { account } from "../../aws/account.ts";
import { autoName, type Kind, kind, shorterThan } from "../../aws/resourceKind.ts";

/** The type of OIDC providers, which a provider function looks for as well. */
export const oidcProvider = "aws:iam/openIdConnectProvider:OpenIdConnectProvider";

/**
 * Roles, their policies and OIDC providers, taken as they are: the local cloud enforces no permission but a function's own.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/iam/
 */
export function iamResources(): Record<string, Kind> {
  return {
    "aws:iam/role:Role": kind(
      {
        description: string().max(1000),
        assumeRolePolicy: policyDocument.refine(shorterThan(2048), "IAM takes 2048 characters of a trust policy"),
      },
      [],
      (_, logicalName, existing) => {
        const name = existing ?? autoName(logicalName, 64);
        return { id: name, name, arn: `arn:aws:iam::${account.id}:role/${name}` };
      },
    ),
    [oidcProvider]: kind(
      {
        url: literal("https://token.actions.githubusercontent.com"),
        clientIdLists: array(literal("sts.amazonaws.com")),
      },
      ["url"],
      ({ url }) => ({ id: oidcProviderArn(url), arn: oidcProviderArn(url) }),
      undefined,
      ({ url }) => ({
        id: oidcProviderArn(url),
        error: `EntityAlreadyExists: Provider with url ${url} already exists.`,
      }),
    ),
    "aws:iam/rolePolicy:RolePolicy": kind(
      {
        role: string(),
        policy: policyDocument.refine(shorterThan(10_240), "IAM takes 10240 characters of inline policies"),
      },
      ["role"],
      ({ role }, logicalName, existing) => ({ id: existing ?? `${role}:${autoName(logicalName, 128)}` }),
    ),
  };
}

function oidcProviderArn(url: string): string {
  return `arn:aws:iam::${account.id}:oidc-provider/${new URL(url).host}`;
}

const policyDocument = looseObject({ Version: literal("2012-10-17"), Statement: array(unknown()) });
