/** What a program gives a resource. */
export type Inputs = Readonly<Record<string, unknown>>;

/** A resource's id, and the outputs that are not inputs. */
export type Made = { readonly id: string } & Inputs;

/** What the hosts of each partition's services end in. */
export const dnsSuffixes: Readonly<Record<string, string>> = {
  aws: "amazonaws.com",
  "aws-cn": "amazonaws.com.cn",
  "aws-us-gov": "amazonaws.com",
};

/** What AWS makes of each resource, by its type's token. An id or name that AWS makes up is derived from the logical name. */
export function resourcesOf(
  partition: string,
  region: string,
  account: string,
): Readonly<Record<string, (inputs: Inputs, name: string) => Made>> {
  const arn = (service: string, resource: string): string =>
    `arn:${partition}:${service}:${region}:${account}:${resource}`;
  const invokeArn = (functionArn: string): string =>
    `arn:${partition}:apigateway:${region}:lambda:path/2015-03-31/functions/${functionArn}/invocations`;
  const made = (name: string): string => `${name}-0a1b2c3`;
  return {
    "aws:apigatewayv2/api:Api": (_, name) => ({
      id: made(name),
      arn: `arn:${partition}:apigateway:${region}::/apis/${made(name)}`,
      apiEndpoint: `https://${made(name)}.execute-api.${region}.amazonaws.com`,
      executionArn: arn("execute-api", made(name)),
    }),
    "aws:acm/certificate:Certificate": (inputs, name) => ({
      id: arn("acm", `certificate/${made(name)}`),
      arn: arn("acm", `certificate/${made(name)}`),
      domainValidationOptions: [
        {
          domainName: text(inputs, "domainName"),
          resourceRecordName: `_x1.${text(inputs, "domainName")}.`,
          resourceRecordType: "CNAME",
          resourceRecordValue: "_x2.acm-validations.aws.",
        },
      ],
    }),
    "aws:acm/certificateValidation:CertificateValidation": (_, name) => ({ id: made(name) }),
    "aws:apigatewayv2/apiMapping:ApiMapping": (_, name) => ({ id: made(name) }),
    "aws:apigatewayv2/authorizer:Authorizer": (_, name) => ({ id: made(name) }),
    "aws:apigatewayv2/domainName:DomainName": (inputs) => ({
      id: text(inputs, "domainName"),
      domainNameConfiguration: {
        ...(inputs.domainNameConfiguration as object),
        targetDomainName: `d-0a1b2c3.execute-api.${region}.amazonaws.com`,
        hostedZoneId: "Z2EXAMPLE",
      },
    }),
    "aws:apigatewayv2/integration:Integration": (_, name) => ({ id: made(name) }),
    "aws:apigatewayv2/route:Route": (_, name) => ({ id: made(name) }),
    "aws:apigatewayv2/stage:Stage": (inputs) => ({
      id: text(inputs, "name"),
      arn: `arn:${partition}:apigateway:${region}::/apis/${text(inputs, "apiId")}/stages/${text(inputs, "name")}`,
      executionArn: arn("execute-api", `${text(inputs, "apiId")}/${text(inputs, "name")}`),
      invokeUrl: `https://${text(inputs, "apiId")}.execute-api.${region}.amazonaws.com/`,
    }),
    "aws:cloudwatch/logGroup:LogGroup": (inputs) => ({
      id: text(inputs, "name"),
      arn: arn("logs", `log-group:${text(inputs, "name")}`),
    }),
    "aws:cloudwatch/dashboard:Dashboard": (inputs) => ({
      id: text(inputs, "dashboardName"),
      dashboardArn: `arn:${partition}:cloudwatch::${account}:dashboard/${text(inputs, "dashboardName")}`,
    }),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (inputs) => ({
      id: text(inputs, "name"),
      arn: arn("cloudwatch", `alarm:${text(inputs, "name")}`),
    }),
    "aws:route53/record:Record": (inputs) => ({
      id: `${text(inputs, "zoneId")}_${text(inputs, "name")}_${text(inputs, "type")}`,
      fqdn: text(inputs, "name").replace(/\.$/, ""),
    }),
    "aws:sns/topic:Topic": (inputs) => ({
      id: arn("sns", text(inputs, "name")),
      arn: arn("sns", text(inputs, "name")),
    }),
    "aws:sns/topicPolicy:TopicPolicy": (inputs) => ({ id: text(inputs, "arn"), owner: account }),
    "aws:sns/topicSubscription:TopicSubscription": (inputs, name) => ({ id: `${text(inputs, "topic")}:${made(name)}` }),
    "aws:cloudwatch/eventRule:EventRule": (_, name) => ({
      id: made(name),
      name: made(name),
      arn: arn("events", `rule/${made(name)}`),
    }),
    "aws:cloudwatch/eventTarget:EventTarget": (_, name) => ({ id: made(name), targetId: made(name) }),
    "aws:codebuild/project:Project": (inputs) => {
      const projectArn = arn("codebuild", `project/${text(inputs, "name")}`);
      return { id: projectArn, arn: projectArn };
    },
    "aws:codebuild/webhook:Webhook": (inputs) => ({
      id: text(inputs, "projectName"),
      payloadUrl: `https://codebuild.${region}.amazonaws.com/webhooks?t=${text(inputs, "projectName")}`,
      secret: "the-webhook-secret",
      url: "https://api.github.com/repos/owner/name/hooks/1",
    }),
    "aws:codedeploy/application:Application": (inputs, name) => ({
      id: made(name),
      applicationId: made(name),
      arn: arn("codedeploy", `application:${text(inputs, "name")}`),
    }),
    "aws:codedeploy/deploymentConfig:DeploymentConfig": (_, name) => ({
      id: made(name),
      deploymentConfigId: made(name),
      deploymentConfigName: made(name),
      arn: arn("codedeploy", `deploymentconfig:${made(name)}`),
    }),
    "aws:codedeploy/deploymentGroup:DeploymentGroup": (inputs, name) => ({
      id: made(name),
      deploymentGroupId: made(name),
      arn: arn("codedeploy", `deploymentgroup:${text(inputs, "appName")}/${text(inputs, "deploymentGroupName")}`),
    }),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (inputs) => {
      const providerArn = `arn:${partition}:iam::${account}:oidc-provider/${new URL(text(inputs, "url")).host}`;
      return { id: providerArn, arn: providerArn };
    },
    "aws:iam/role:Role": (_, name) => ({
      id: made(name),
      name: made(name),
      uniqueId: "AROA0EXAMPLE",
      arn: `arn:${partition}:iam::${account}:role/${made(name)}`,
    }),
    "aws:iam/rolePolicy:RolePolicy": (inputs, name) => ({
      id: `${text(inputs, "role")}:${made(name)}`,
      name: made(name),
    }),
    "aws:lambda/alias:Alias": (inputs) => {
      const aliasArn = arn("lambda", `function:${text(inputs, "functionName")}:${text(inputs, "name")}`);
      return { id: aliasArn, arn: aliasArn, invokeArn: invokeArn(aliasArn) };
    },
    "aws:lambda/function:Function": (inputs) => {
      const functionArn = arn("lambda", `function:${text(inputs, "name")}`);
      return {
        id: text(inputs, "name"),
        arn: functionArn,
        invokeArn: invokeArn(functionArn),
        qualifiedArn: `${functionArn}:3`,
        version: "3",
      };
    },
    "aws:secretsmanager/secret:Secret": (_, name) => {
      const secretArn = arn("secretsmanager", `secret:${made(name)}-AbCdEf`);
      return { id: secretArn, name: made(name), arn: secretArn };
    },
    "aws:secretsmanager/secretVersion:SecretVersion": (inputs) => ({
      id: `${text(inputs, "secretId")}|00000000-1111-2222-3333-444444444444`,
      versionId: "00000000-1111-2222-3333-444444444444",
      arn: text(inputs, "secretId"),
    }),
    "aws:ssm/parameter:Parameter": (inputs) => ({
      id: text(inputs, "name"),
      version: 1,
      arn: arn("ssm", `parameter${text(inputs, "name")}`),
    }),
    "aws:lambda/permission:Permission": (_, name) => ({ id: made(name), statementId: made(name) }),
  };
}

function text(inputs: Inputs, key: string): string {
  const value = inputs[key];
  if (typeof value !== "string") {
    throw new Error(`${key} is ${JSON.stringify(value)}, not a string`);
  }
  return value;
}
